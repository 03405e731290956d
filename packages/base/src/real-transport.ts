// Connections over TCP, with TLS when its options are given, and over unix sockets. This file knows nothing of certificates:
// the options come from `rpc`'s keeper for every connection anew, so that a renewed certificate needs no restart.
import { connect as connectPlain, createServer as createPlainServer, type Server, type Socket } from 'node:net';
import {
  connect as connectTls,
  createServer as createTlsServer,
  type ConnectionOptions,
  type TLSSocket,
  type TlsOptions,
} from 'node:tls';
import { formatAddress, parseAddress, type Address } from './address.ts';
import type { Timers } from './clock.ts';
import { formatDuration } from './duration.ts';
import { listenOnPort } from './listen.ts';
import { OpError } from './op-error.ts';
import { RealConnection } from './real-connection.ts';
import { RealTimers } from './real-time.ts';
import { messageOf } from './system-error.ts';
import {
  transportLimitsDefault,
  type Connection,
  type Listener,
  type Transport,
  type TransportLimits,
} from './transport.ts';
import { UnixSocket } from './unix-socket.ts';

/** Where TLS gets its options: asked for every connection that is made and every handshake that is answered. */
export interface TlsOptionsProvider {
  server(): TlsOptions;
  client(address: string): ConnectionOptions;
  /** Calls back when `server()` answers otherwise than before; the function that it returns takes that back. */
  onServerChange(callback: () => void): () => void;
}

export interface RealTransportOptions {
  readonly limits?: Partial<TransportLimits>;
  readonly timers?: Timers;
  /** For TCP; unix sockets are guarded by their mode. Plain TCP without. */
  readonly tls?: TlsOptionsProvider | null;
  /** A connection that did not come to be: a handshake that failed, or one too many. */
  readonly onRefused?: (reason: OpError) => void;
}

export class RealTransport implements Transport {
  readonly #limits: TransportLimits;
  readonly #timers: Timers;
  readonly #tls: TlsOptionsProvider | null;
  readonly #onRefused: (reason: OpError) => void;

  constructor(options: RealTransportOptions = {}) {
    this.#limits = { ...transportLimitsDefault, ...options.limits };
    this.#timers = options.timers ?? new RealTimers();
    this.#tls = options.tls ?? null;
    this.#onRefused = options.onRefused ?? (() => undefined);
  }

  async listen(address: string, onConnection: (connection: Connection) => void): Promise<Listener> {
    const target = parseAddress(address);
    const accept = (socket: Socket): void => {
      onConnection(this.#connection(socket, target.kind === 'unix' ? address : remoteAddress(socket)));
    };
    const server =
      target.kind === 'tcp' && this.#tls !== null ? this.#tlsServer(this.#tls, accept) : plainServer(accept);
    server.maxConnections = this.#limits.connectionsLimit;
    server.on('drop', () => {
      this.#onRefused(new OpError('TOO_MANY_CONNECTIONS', { limit: this.#limits.connectionsLimit }));
    });
    const listener = target.kind === 'unix' ? await listenUnix(server, target.path) : await listenTcp(server, target);
    // The kernel refuses a connection when no descriptor is left; the listener goes on.
    server.on('error', (error) =>
      this.#onRefused(new OpError('CONNECTION_BROKEN', { peer: address, reason: messageOf(error) })),
    );
    return listener;
  }

  async connect(address: string): Promise<Connection> {
    const target = parseAddress(address);
    const { promise, resolve, reject } = Promise.withResolvers<Connection>();
    const socket = this.#dial(target, address);
    const fail = (reason: string, cause: unknown = null): void => {
      socket.destroy();
      reject(new OpError('SERVER_UNREACHABLE', { address, reason }, { cause }));
    };
    const timer = this.#timers.after(this.#limits.connectTimeoutMs, () => {
      fail(`no answer within ${formatDuration(this.#limits.connectTimeoutMs)}`);
    });
    const onError = (error: Error): void => fail(messageOf(error), error);
    const onClose = (): void => fail('it hung up');
    socket.once('error', onError);
    socket.once('close', onClose);
    socket.once(target.kind === 'tcp' && this.#tls !== null ? 'secureConnect' : 'connect', () => {
      socket.off('error', onError);
      socket.off('close', onClose);
      resolve(this.#connection(socket, address));
    });
    try {
      return await promise;
    } finally {
      timer.cancel();
    }
  }

  #dial(target: Address, address: string): Socket {
    if (target.kind === 'unix') return connectPlain({ path: target.path });
    const { host, port } = target;
    if (this.#tls === null) return connectPlain({ host, port, noDelay: true });
    return connectTls({ ...this.#tls.client(address), host, port }).setNoDelay(true);
  }

  #tlsServer(tls: TlsOptionsProvider, accept: (socket: TLSSocket) => void): Server {
    const server = createTlsServer({
      ...tls.server(),
      noDelay: true,
      handshakeTimeout: this.#limits.connectTimeoutMs,
    });
    server.on('secureConnection', accept);
    server.on('tlsClientError', (error, socket) => {
      this.#onRefused(new OpError('CONNECTION_BROKEN', { peer: remoteAddress(socket), reason: messageOf(error) }));
    });
    const release = tls.onServerChange(() => server.setSecureContext(tls.server()));
    server.once('close', release);
    return server;
  }

  #connection(socket: Socket, peer: string): RealConnection {
    return new RealConnection({ socket, peer, limits: this.#limits, timers: this.#timers });
  }
}

function plainServer(accept: (socket: Socket) => void): Server {
  return createPlainServer({ noDelay: true }, accept);
}

async function listenTcp(server: Server, target: Address & { kind: 'tcp' }): Promise<Listener> {
  const address = await listenOnPort(server, target);
  // The kernel's socket is gone at once; that Node also waits for the connections that live is not waited for.
  const close = async (): Promise<void> => void server.close();
  return { address, close };
}

async function listenUnix(server: Server, path: string): Promise<Listener> {
  const socket = await UnixSocket.listen(server, path);
  return { address: formatAddress({ kind: 'unix', path }), close: async () => socket.close() };
}

function remoteAddress(socket: Socket): string {
  const { remoteAddress: host, remotePort: port } = socket;
  return host === undefined || port === undefined
    ? 'a connection that is gone'
    : formatAddress({ kind: 'tcp', host, port });
}
