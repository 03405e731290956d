// The transports that the contract is held by, for its tests: each world has two places that can reach each other.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type OpError } from './op-error.ts';
import { RealTransport, type TlsOptionsProvider } from './real-transport.ts';
import type { Connection, Transport, TransportLimits } from './transport.ts';
import { VirtualNetwork } from './virtual-network.ts';
import { VirtualTime } from './virtual-time.ts';

export interface TransportWorld {
  readonly server: Transport;
  readonly client: Transport;
  /** Of the server; the port or path is free. */
  readonly address: string;
  /** Lets the world go on until the promise is settled. */
  complete<Value>(promise: Promise<Value>): Promise<Value>;
  end(): void;
}

type Limits = Partial<TransportLimits>;
type MakeWorld = (server?: Limits, client?: Limits) => TransportWorld;

const real = (address: () => string, tls: TlsOptionsProvider | null, end: () => void): MakeWorld => {
  return (server = {}, client = server) => ({
    server: new RealTransport({ limits: server, tls }),
    client: new RealTransport({ limits: client, tls }),
    address: address(),
    complete: async (promise) => promise,
    end,
  });
};

const virtual: MakeWorld = (server = {}, client = server) => {
  const time = new VirtualTime({ seed: 1 });
  const network = new VirtualNetwork({ time });
  return {
    server: network.transport(time.node('server'), server),
    client: network.transport(time.node('client'), client),
    address: 'server:0',
    complete: async (promise) => time.complete(promise, 60_000),
    end: () => undefined,
  };
};

export const testCertificate = (name: 'one' | 'two'): string =>
  readFileSync(join(import.meta.dirname, 'fixtures', `transport-${name}.pem`), 'utf8');

/** Both sides show a certificate; `swap` replaces the server's. */
export function tlsOptions(): TlsOptionsProvider & { swap(name: 'one' | 'two'): void } {
  let pem = testCertificate('one');
  const ca = [testCertificate('one'), testCertificate('two')];
  const callbacks = new Set<() => void>();
  return {
    server: () => ({ cert: pem, key: pem, ca, requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.3' }),
    client: () => ({ cert: ca[0], key: ca[0], ca, servername: 'localhost' }),
    onServerChange: (callback) => {
      callbacks.add(callback);
      return () => callbacks.delete(callback);
    },
    swap: (name) => {
      pem = testCertificate(name);
      for (const callback of callbacks) callback();
    },
  };
}

function unixWorld(server?: Limits, client?: Limits): TransportWorld {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-transport-'));
  const end = (): void => rmSync(directory, { recursive: true });
  return real(() => `unix:${directory}/socket`, null, end)(server, client);
}

export const transportWorlds: { readonly name: string; readonly make: MakeWorld }[] = [
  {
    name: 'TCP',
    make: real(
      () => '127.0.0.1:0',
      null,
      () => undefined,
    ),
  },
  {
    name: 'TLS',
    make: real(
      () => 'localhost:0',
      tlsOptions(),
      () => undefined,
    ),
  },
  { name: 'a unix socket', make: unixWorld },
  { name: 'the virtual network', make: virtual },
];

/** What one side heard. */
export class Ear {
  readonly connection: Connection;
  readonly frames: Buffer[] = [];
  /** How often it was told of the end. */
  closings = 0;
  readonly closed: Promise<OpError | null>;
  onFrame: (frame: Buffer) => void = () => undefined;
  #waiting: { readonly count: number; readonly resolve: (value: null) => void }[] = [];

  constructor(connection: Connection) {
    this.connection = connection;
    const { promise, resolve } = Promise.withResolvers<OpError | null>();
    this.closed = promise;
    connection.start({
      onFrame: (frame) => {
        this.frames.push(Buffer.from(frame));
        this.onFrame(Buffer.from(frame));
        const ready = this.#waiting.filter((waiter) => waiter.count <= this.frames.length);
        this.#waiting = this.#waiting.filter((waiter) => waiter.count > this.frames.length);
        for (const waiter of ready) waiter.resolve(null);
      },
      onClose: (reason) => {
        this.closings++;
        resolve(reason);
      },
    });
  }

  async heard(count: number): Promise<void> {
    if (this.frames.length >= count) return;
    await new Promise<null>((resolve) => {
      this.#waiting.push({ count, resolve });
    });
  }
}

/** A listener and one connection through it, not started. */
export async function meet(world: TransportWorld): Promise<{ here: Connection; there: Connection; address: string }> {
  const { promise: accepted, resolve } = Promise.withResolvers<Connection>();
  const listener = await world.complete(world.server.listen(world.address, resolve));
  const here = await world.complete(world.client.connect(listener.address));
  const there = await world.complete(accepted);
  await world.complete(listener.close());
  return { here, there, address: listener.address };
}
