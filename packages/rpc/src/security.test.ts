import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2';
import { OpError, sleep } from '@holdfast/base';
import type { Calls } from './client/channel.ts';
import { echoAccess, echoService } from './echo-service.ts';
import { certificatesService } from './generated/metadata-services.ts';
import type { CertificateKeeper } from './pki/certificate-keeper.ts';
import { serve, type Handlers } from './server/handlers.ts';
import type { RpcServer, ServerOptions } from './server/server.ts';
import { certificatesHandlers } from './services/certificates.ts';
import { MovableClock, otherCluster, TestCluster, testCluster, timers, until } from './testing.ts';

const timeoutMs = 5_000;
const code = (expected: string): object => expect.objectContaining({ code: expected });

let begun = 0;
const handlers: Handlers<typeof echoService> = {
  unary: async (message, call) => {
    begun += 1;
    if (message.text === 'wait') await sleep(timers, timeoutMs, call.signal);
    return message;
  },
  async *download(message, call) {
    yield message;
    await sleep(timers, timeoutMs, call.signal);
  },
  upload: null,
  both: null,
};

let cluster: TestCluster;
let stranger: TestCluster | null;
beforeEach(async () => {
  cluster = await TestCluster.create();
  stranger = null;
  begun = 0;
});
afterEach(async () => {
  await stranger?.close();
  await cluster.close();
});

const services = [serve(echoService, handlers)];
const startServer = async (options: Partial<ServerOptions> = {}): Promise<RpcServer> =>
  cluster.serve({ services, access: echoAccess, ...options });
const callsTo = (server: RpcServer, keeper: CertificateKeeper | null): Calls<typeof echoService> =>
  cluster.connect(server.address, keeper).calls(echoService);

describe('a server refuses, with a row that says why,', () => {
  test('a caller without a certificate', async () => {
    const server = await startServer();
    const outcome = await rawCall(server.address, {});
    expect(outcome).toMatchObject({ status: '16', message: expect.stringContaining('[CERTIFICATE_MISSING]') });
  });

  test.each([
    ['of a self-made authority that claims to be ours', testCluster, 'CERTIFICATE_UNTRUSTED'],
    ['of another cluster', otherCluster, 'CERTIFICATE_OF_OTHER_CLUSTER'],
  ])('a caller with a certificate %s', async (_what, claimed, expected) => {
    const server = await startServer();
    stranger = await TestCluster.create({ cluster: claimed });
    const { contextOptions } = (await stranger.keeperFor('agent')).current;
    const outcome = await rawCall(server.address, contextOptions);
    expect(outcome).toMatchObject({ status: '16', message: expect.stringContaining(`[${expected}]`) });
  });

  test('a caller whose certificate ended, and one whose has not begun', async () => {
    const serverClock = new MovableClock();
    const server = await startServer({ clock: serverClock });
    const call = callsTo(server, await cluster.keeperFor('agent', { lifeMs: 60_000 }));
    await call.unary({ text: 'hi' }, { timeoutMs });
    serverClock.offsetMs = 61_000;
    await expect(call.unary({ text: 'hi' }, { timeoutMs })).rejects.toThrow(code('CERTIFICATE_EXPIRED'));
    serverClock.offsetMs = -60_000;
    const early = callsTo(server, await cluster.keeperFor('agent', { lifeMs: 60_000 }));
    await expect(early.unary({ text: 'hi' }, { timeoutMs })).rejects.toThrow(code('CERTIFICATE_NOT_YET_VALID'));
  });

  test('a caller of a role without a right to the method', async () => {
    const server = await startServer({ access: { ...echoAccess, [echoService.methods.unary.path]: ['admin'] } });
    const outcome = callsTo(server, await cluster.keeperFor('agent')).unary({ text: 'hi' }, { timeoutMs });
    await expect(outcome).rejects.toThrow(code('CALLER_NOT_ALLOWED'));
    await expect(outcome).rejects.toThrow('agent/agent-2 may not call holdfast.test.Echo/Unary');
  });

  test('a call without a deadline, and one of TLS before 1.3', async () => {
    const server = await startServer();
    const { contextOptions } = (await cluster.keeperFor('agent')).current;
    const outcome = await rawCall(server.address, contextOptions);
    expect(outcome).toMatchObject({ status: '3', message: expect.stringContaining('[DEADLINE_MISSING]') });
    const old = { ...contextOptions, minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const;
    await expect(rawCall(server.address, old)).rejects.toThrow(/protocol version|ECONNRESET/);
  });

  test('a call without a deadline over a unix socket only when a limit of its own has passed', async () => {
    const address = `unix:${join(cluster.directory, 'undated.sock')}`;
    const server = await startServer({ address, limits: { undatedCallLimitMs: 100 } });
    expect(await rawCall(server.address, {})).toMatchObject({ status: '0' });
    const waiting = await rawCall(server.address, {}, 'wait');
    expect(waiting).toMatchObject({ status: '4', message: expect.stringContaining('[DEADLINE_EXCEEDED]') });
  });

  test('and does not let whoever it refused keep the connection', async () => {
    const server = await startServer();
    const port = Number(server.address.split(':')[1]);
    const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['h2'] });
    let isClosed = false;
    socket.on('close', () => {
      isClosed = true;
    });
    socket.on('error', () => undefined);
    socket.resume();
    await until(() => isClosed, 3_000);
  });
});

describe('a revocation', () => {
  test('reaches a connection that stands within a second, ends its open calls and keeps its holder out', async () => {
    const server = await startServer();
    const keeper = await cluster.keeperFor('agent');
    const call = callsTo(server, keeper);
    const stream = call.download({ text: 'hi' }, { timeoutMs })[Symbol.asyncIterator]();
    await stream.next();
    const waiting = call.unary({ text: 'wait' }, { timeoutMs });
    const ends = Promise.allSettled([stream.next(), waiting]);
    const startMs = cluster.clock.monotonicMs();
    await cluster.authority.revoke({ identity: keeper.current.identity }, 'node stolen');
    for (const end of await ends) {
      expect(end).toMatchObject({ status: 'rejected', reason: { code: 'CERTIFICATE_REVOKED' } });
    }
    expect(cluster.clock.monotonicMs() - startMs).toBeLessThan(1_000);
    await expect(call.unary({ text: 'hi' }, { timeoutMs })).rejects.toThrow(code('CERTIFICATE_REVOKED'));
    await expect(call.unary({ text: 'hi' }, { timeoutMs })).rejects.toThrow('node stolen');
    const other = callsTo(server, await cluster.keeperFor('agent'));
    expect(await other.unary({ text: 'hi' }, { timeoutMs })).toEqual({ text: 'hi' });
  });

  test('of the server ends the connections of its clients', async () => {
    const keeper = await cluster.keeperFor('metadata');
    const server = await startServer({ keeper });
    const call = callsTo(server, await cluster.keeperFor('agent'));
    const waiting = call.unary({ text: 'wait' }, { timeoutMs });
    const [outcome] = await Promise.allSettled([
      waiting,
      cluster.authority.revoke({ identity: keeper.current.identity }, 'taken over'),
    ]);
    expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'CERTIFICATE_REVOKED' } });
  });
});

describe('a client refuses, with a row that says why,', () => {
  test('a server of another role', async () => {
    const server = await startServer();
    const channel = cluster.connect(server.address, await cluster.keeperFor('agent'), { serverRole: 'operator' });
    const outcome = channel.calls(echoService).unary({ text: 'hi' }, { timeoutMs });
    await expect(outcome).rejects.toThrow(code('SERVER_NOT_EXPECTED'));
  });

  test('a server whose certificate does not name its host', async () => {
    const server = await startServer({ keeper: await cluster.keeperFor('metadata', { hosts: ['elsewhere'] }) });
    const keeper = await cluster.keeperFor('agent');
    await expect(callsTo(server, keeper).unary({ text: 'hi' }, { timeoutMs })).rejects.toThrow(
      code('SERVER_NOT_NAMED'),
    );
    const named = cluster.connect(server.address, keeper, { serverName: 'elsewhere' }).calls(echoService);
    expect(await named.unary({ text: 'hi' }, { timeoutMs })).toEqual({ text: 'hi' });
  });

  test('a server of a self-made authority', async () => {
    stranger = await TestCluster.create({ cluster: testCluster });
    const server = await stranger.serve({ services, access: echoAccess });
    const outcome = callsTo(server, await cluster.keeperFor('agent')).unary({ text: 'hi' }, { timeoutMs });
    await expect(outcome).rejects.toThrow(code('CERTIFICATE_UNTRUSTED'));
  });

  test('to wait for a server that is not there, or never speaks', async () => {
    const sockets = new Set<Socket>();
    const silent = createServer((socket) => sockets.add(socket));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as { port: number };
    const keeper = await cluster.keeperFor('agent');
    const dumb = cluster.connect(`127.0.0.1:${port}`, keeper).calls(echoService);
    await expect(dumb.unary({ text: 'hi' }, { timeoutMs: 100 })).rejects.toThrow(code('DEADLINE_EXCEEDED'));
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => silent.close(resolve));
    const gone = cluster.connect(`127.0.0.1:${port}`, keeper).calls(echoService);
    await expect(gone.unary({ text: 'hi' }, { timeoutMs })).rejects.toThrow(code('SERVER_UNREACHABLE'));
    const nowhere = cluster.connect(`unix:${join(cluster.directory, 'none.sock')}`, null).calls(echoService);
    await expect(nowhere.unary({ text: 'hi' }, { timeoutMs })).rejects.toThrow(code('SERVER_UNREACHABLE'));
  });
});

describe('a server', () => {
  test('does not start on a port or a socket that is taken, nor on a path that is too long', async () => {
    const first = await startServer();
    await expect(startServer({ address: first.address })).rejects.toThrow(code('LISTEN_ADDRESS_IN_USE'));
    const address = `unix:${join(cluster.directory, 'rpc.sock')}`;
    await startServer({ address });
    await expect(startServer({ address })).rejects.toThrow(code('LISTEN_ADDRESS_IN_USE'));
    const long = startServer({ address: `unix:/tmp/${'x'.repeat(104)}` });
    await expect(long).rejects.toThrow(code('SOCKET_PATH_TOO_LONG'));
    await expect(startServer({ address: '203.0.113.1:0' })).rejects.toThrow(code('LISTEN_ADDRESS_UNUSABLE'));
  });

  test('does not start with a method that nobody gave a row in the access table', async () => {
    await expect(startServer({ access: {} })).rejects.toThrow('has a row in the access table');
  });

  test('that stops lets calls end in time, cancels the rest, and takes no more', async () => {
    const server = await startServer();
    const call = callsTo(server, await cluster.keeperFor('agent'));
    await call.unary({ text: 'hi' }, { timeoutMs });
    const stuck = call.unary({ text: 'wait' }, { timeoutMs });
    const ending = expect(stuck).rejects.toThrow(code('SERVER_STOPPING'));
    const startMs = cluster.clock.monotonicMs();
    await until(() => begun === 2);
    await Promise.all([server.stop(200), ending]);
    expect(cluster.clock.monotonicMs() - startMs).toBeGreaterThan(190);
    await expect(call.unary({ text: 'hi' }, { timeoutMs })).rejects.toThrow(code('SERVER_UNREACHABLE'));
  });

  test('that stops does not cancel a call that ends in time, and is done when the call is', async () => {
    const slow: typeof handlers.unary = async (message) => {
      begun += 1;
      await sleep(timers, 100);
      return message;
    };
    const server = await startServer({
      services: [serve(echoService, { ...handlers, unary: slow })],
    });
    const call = callsTo(server, await cluster.keeperFor('agent'));
    const pending = call.unary({ text: 'slow' }, { timeoutMs });
    await until(() => begun === 1);
    const startMs = cluster.clock.monotonicMs();
    await server.stop(10_000);
    expect(cluster.clock.monotonicMs() - startMs).toBeLessThan(2_000);
    expect(await pending).toEqual({ text: 'slow' });
  });

  test('takes up to its limit of connections', async () => {
    const server = await startServer({ limits: { connectionsLimit: 1 } });
    const keeper = await cluster.keeperFor('agent');
    const first = callsTo(server, keeper);
    expect(await first.unary({ text: 'hi' }, { timeoutMs })).toEqual({ text: 'hi' });
    await expect(callsTo(server, keeper).unary({ text: 'hi' }, { timeoutMs })).rejects.toThrow(
      code('SERVER_UNREACHABLE'),
    );
    expect(cluster.sink.lines.join('')).toContain('TOO_MANY_CONNECTIONS');
  });
});

describe('a certificate of a few seconds', () => {
  test('that nobody renews ends the stream that runs on it with a retriable error, and then its holder is refused', async () => {
    const call = callsTo(await startServer(), await cluster.keeperFor('agent', { lifeMs: 2_000 }));
    const stream = call.download({ text: 'hi' }, { timeoutMs })[Symbol.asyncIterator]();
    await stream.next();
    await expect(stream.next()).rejects.toThrow(expect.objectContaining({ code: 'CONNECTION_AGED', retriable: true }));
    await expect(call.unary({ text: 'hi' }, { timeoutMs })).rejects.toThrow(code('CERTIFICATE_EXPIRED'));
  });

  test('is renewed on both sides while one connection carries calls without a failure', async () => {
    const lifeMs = 4_000;
    const withRenewal = [serve(certificatesService, certificatesHandlers({ authority: cluster.authority, lifeMs }))];
    const keeper = await cluster.keeperFor('metadata', { lifeMs });
    keeper.renewWith(async (csr) => {
      const { identity, certificate } = keeper.current;
      return (await cluster.authority.sign(csr, { identity, hosts: certificate.hosts, lifeMs })).certificatePem;
    });
    const access = { ...echoAccess, [certificatesService.methods.renew.path]: ['agent'] as const };
    const server = await startServer({ keeper, services: [...services, ...withRenewal], access });
    const agent = await cluster.keeperFor('agent', { lifeMs });
    const channel = cluster.connect(server.address, agent);
    const { renew } = channel.calls(certificatesService);
    agent.renewWith(async (csrDer, signal) => (await renew({ csrDer }, { timeoutMs, signal })).certificateChainPem);
    const first = { server: keeper.current.certificate.serial, agent: agent.current.certificate };
    const call = channel.calls(echoService);
    let failures = 0;
    const untilMs = first.agent.notAfterMs + 1_500;
    while (cluster.clock.wallMs() < untilMs) {
      await call.unary({ text: 'hi' }, { timeoutMs }).catch((error: unknown) => {
        failures += 1;
        if (!(error instanceof OpError)) throw error;
      });
      await sleep(timers, 20);
    }
    expect(keeper.current.certificate.serial).not.toBe(first.server);
    expect(agent.current.certificate.serial).not.toBe(first.agent.serial);
    expect(failures).toBe(0);
  });
});

interface RawOutcome {
  readonly status: string;
  readonly message: string;
}

/** A call as a foreign client might make it: its own TLS options, or a unix socket, and no deadline. */
async function rawCall(address: string, options: ConnectionOptions, text = ''): Promise<RawOutcome> {
  return new Promise((resolve, reject) => {
    const session = address.startsWith('unix:')
      ? connectHttp2('http://local', { createConnection: () => connect(address.slice('unix:'.length)) })
      : connectHttp2(`https://${address}`, { ...options, rejectUnauthorized: false });
    session.on('error', reject);
    const stream = session.request({
      ':method': 'POST',
      ':path': echoService.methods.unary.path,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    stream.on('error', reject);
    const settle = (headers: IncomingHttpHeaders): void => {
      if (headers['grpc-status'] === undefined) return;
      resolve({ status: String(headers['grpc-status']), message: decodeURI(String(headers['grpc-message'])) });
      session.close();
    };
    // A refusal is all headers; the status of an answer follows it.
    stream.on('response', settle);
    stream.on('trailers', settle);
    stream.resume();
    stream.end(Buffer.concat([Buffer.from([0, 0, 0, 0, text.length]), Buffer.from(text)]));
  });
}
