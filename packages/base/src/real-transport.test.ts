// What only sockets can do: foreign bytes, TLS, and the file of a unix socket.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ErrorCode } from './error-table.ts';
import { frameHeaderBytes, writeFrameHeader } from './frame-reader.ts';
import { type OpError } from './op-error.ts';
import { RealTransport } from './real-transport.ts';
import { Ear, testCertificate, tlsOptions } from './transport-worlds.ts';
import type { Connection, Listener } from './transport.ts';

const refused = (code: ErrorCode): object => expect.objectContaining({ code });
const loopback = '127.0.0.1:0';
let directory: string;
let listeners: Listener[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-sockets-'));
  listeners = [];
});
afterEach(async () => {
  await Promise.all(listeners.map(async (listener) => listener.close()));
  rmSync(directory, { recursive: true });
});

async function listen(
  transport: RealTransport,
  address = loopback,
): Promise<{ address: string; accepted: Promise<Connection> }> {
  const { promise, resolve } = Promise.withResolvers<Connection>();
  const listener = await transport.listen(address, resolve);
  listeners.push(listener);
  return { address: listener.address, accepted: promise };
}

async function dial(address: string): Promise<Socket> {
  const socket = connect(Number(address.split(':').at(-1)), '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

/** Sends bytes as a stranger would; what our side says of it, and how the stranger's connection ends. */
async function intrude(bytes: Uint8Array, isEnding = false): Promise<{ reason: OpError | null; ending: string }> {
  const { address, accepted } = await listen(new RealTransport({ limits: { maxFrameBytes: 1000 } }));
  const socket = await dial(address);
  const ear = new Ear(await accepted);
  const { promise: ending, resolve } = Promise.withResolvers<string>();
  socket.once('error', (error) => resolve(error.message));
  socket.once('end', () => resolve('end'));
  socket.resume();
  if (isEnding) socket.end(bytes);
  else socket.write(bytes);
  return { reason: await ear.closed, ending: await ending };
}

function header(payloadBytes: number): Buffer {
  const bytes = Buffer.alloc(frameHeaderBytes);
  writeFrameHeader(bytes, payloadBytes);
  return bytes;
}

test.each<[string, ErrorCode, Buffer]>([
  ['a request of HTTP', 'FRAME_MALFORMED', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')],
  ['a greeting of TLS', 'FRAME_MALFORMED', Buffer.from('16030100a5010000a10303', 'hex')],
  ['a frame over the limit', 'FRAME_TOO_LARGE', header(1001)],
  ['a length that is all ones', 'FRAME_TOO_LARGE', header(2 ** 32 - 1)],
  ['a megabyte of garbage', 'FRAME_MALFORMED', Buffer.alloc(1024 * 1024, 'garbage')],
  [
    'a good frame and then garbage',
    'FRAME_MALFORMED',
    Buffer.concat([header(2), Buffer.from('ok'), Buffer.from('garbage!')]),
  ],
])('%s is answered by %s and a clean end', async (_what, code, bytes) => {
  expect(await intrude(bytes)).toEqual({ reason: refused(code), ending: 'end' });
});

test.each([
  ['in a header', header(10).subarray(0, 5)],
  ['in a payload', Buffer.concat([header(10), Buffer.from('half')])],
])('a stream that ends %s is a broken connection', async (_where, bytes) => {
  const { reason } = await intrude(bytes, true);
  expect(reason?.line).toContain('it ended within a frame [CONNECTION_BROKEN]');
});

test('a stranger who never ends is cut off when the time for goodbyes is over', async () => {
  const transport = new RealTransport({ limits: { closeTimeoutMs: 30 } });
  const { address, accepted } = await listen(transport);
  const socket = await dial(address);
  const connection = await accepted;
  const ear = new Ear(connection);
  socket.on('error', () => socket.destroy());
  // Half-closed from our side only: the stranger goes on.
  socket.write(Buffer.alloc(100_000, 'garbage'));
  expect(await ear.closed).toEqual(refused('FRAME_MALFORMED'));
  await connection.close();
  expect(ear.closings).toBe(1);
  socket.destroy();
});

test('a server that takes connections and says nothing is given up in time', async () => {
  const silent = createServer();
  await once(silent.listen(0, '127.0.0.1'), 'listening');
  const held: Socket[] = [];
  silent.on('connection', (socket) => held.push(socket));
  const { port } = silent.address() as AddressInfo;
  const transport = new RealTransport({ tls: tlsOptions(), limits: { connectTimeoutMs: 40 } });
  await expect(transport.connect(`127.0.0.1:${port}`)).rejects.toThrow('no answer within 40ms');
  for (const socket of held) socket.destroy();
  silent.close();
});

test('over TLS each side knows the certificate of the other; without TLS there is none', async () => {
  const transport = new RealTransport({ tls: tlsOptions() });
  const { address, accepted } = await listen(transport, 'localhost:0');
  const here = await transport.connect(address);
  const there = await accepted;
  const raw = new X509Certificate(testCertificate('one')).raw;
  // Whoever judges a connection that stands looks at it again and again.
  for (const connection of [here, there, here, there]) {
    expect(Buffer.from(connection.peerCertificate ?? []).equals(raw)).toBe(true);
  }
  here.destroy();

  const plain = await listen(new RealTransport());
  const connection = await new RealTransport().connect(plain.address);
  expect(connection.peerCertificate).toBeNull();
  connection.destroy();
});

test('a renewed certificate is shown to the next connection, and those that live stay', async () => {
  const tls = tlsOptions();
  const transport = new RealTransport({ tls });
  const { address, accepted } = await listen(transport, 'localhost:0');
  const before = await transport.connect(address);
  tls.swap('two');
  const after = await transport.connect(address);
  const shown = (connection: Connection): string => new X509Certificate(connection.peerCertificate ?? '').subject;
  expect([shown(before), shown(after)]).toEqual(['CN=holdfast transport test one', 'CN=holdfast transport test two']);
  const ear = new Ear(await accepted);
  before.send(Buffer.from('still here'));
  await ear.heard(1);
  before.destroy();
  after.destroy();
});

test('one who speaks no TLS is refused by a server that does, and the server says why', async () => {
  const { promise: reason, resolve } = Promise.withResolvers<OpError>();
  const { address } = await listen(new RealTransport({ tls: tlsOptions(), onRefused: resolve }), 'localhost:0');
  const ear = new Ear(await new RealTransport().connect(address));
  ear.connection.send(Buffer.from('hello'));
  await ear.closed;
  expect(await reason).toEqual(refused('CONNECTION_BROKEN'));
});

test('one who has no certificate is refused by a server that asks for it', async () => {
  const { promise: reason, resolve } = Promise.withResolvers<OpError>();
  const tls = tlsOptions();
  const { address } = await listen(new RealTransport({ tls, onRefused: resolve }), 'localhost:0');
  const nobody = { ...tls, client: () => ({ ca: testCertificate('one'), servername: 'localhost' }) };
  // TLS 1.3: the client is done before the server has judged it.
  const ear = new Ear(await new RealTransport({ tls: nobody }).connect(address));
  expect(await ear.closed).toEqual(refused('CONNECTION_BROKEN'));
  expect(await reason).toEqual(refused('CONNECTION_BROKEN'));
});

test('a server that speaks no TLS, or shows a certificate of somebody else, is not connected to', async () => {
  const plain = await listen(new RealTransport());
  void plain.accepted.then((connection) => new Ear(connection));
  const tls = new RealTransport({ tls: tlsOptions() });
  await expect(tls.connect(plain.address)).rejects.toEqual(refused('SERVER_UNREACHABLE'));

  const other = tlsOptions();
  other.swap('two');
  const secured = await listen(new RealTransport({ tls: other }), 'localhost:0');
  const strict = { ...tlsOptions(), client: () => ({ ca: testCertificate('one'), servername: 'localhost' }) };
  await expect(new RealTransport({ tls: strict }).connect(secured.address)).rejects.toEqual(
    refused('SERVER_UNREACHABLE'),
  );
});

test('a listener on a unix socket is reached by its path, and takes the path away when it closes', async () => {
  const path = join(directory, 'socket');
  const { promise: accepted, resolve } = Promise.withResolvers<Connection>();
  const listener = await new RealTransport().listen(`unix:${path}`, resolve);
  const here = await new RealTransport().connect(`unix:${path}`);
  here.destroy();
  (await accepted).destroy();
  await listener.close();
  expect(readdirSync(directory)).toEqual([]);
});

test('a path that the kernel cannot hold, and a directory that is not there, are said in words', async () => {
  const transport = new RealTransport();
  await expect(transport.listen(`unix:/${'x'.repeat(107)}`, () => undefined)).rejects.toEqual(
    refused('SOCKET_PATH_TOO_LONG'),
  );
  await expect(transport.listen(`unix:${directory}/nothing/socket`, () => undefined)).rejects.toEqual(
    refused('LISTEN_ADDRESS_UNUSABLE'),
  );
  await expect(transport.listen('192.0.2.1:0', () => undefined)).rejects.toEqual(refused('LISTEN_ADDRESS_UNUSABLE'));
});
