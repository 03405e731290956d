// A gRPC server at one address. grpc-js speaks the protocol over connections that are handed to it; who may connect, which
// call is answered, and how it all ends is decided here.
import { experimental, Server as GrpcServer, ServerCredentials, type ServerInterceptor } from '@grpc/grpc-js';
import type { ConnectionInjector, ServerInterceptingCall } from '@grpc/grpc-js';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { invariant, OpError, sleep, type Clock, type InvariantError, type Random, type Timers } from '@holdfast/base';
import type { Log, Metrics } from '@holdfast/telemetry';
import { accessTable, type AccessTable } from '../access.ts';
import { parseAddress, type Address } from '../address.ts';
import { CallObserver } from '../call-observer.ts';
import { closeLingerMs, serverLimitDefaults, type ServerLimits } from '../limits.ts';
import { localOrigin, lostOrigin } from '../peer.ts';
import type { CertificateKeeper } from '../pki/certificate-keeper.ts';
import { Connection, connectionKey } from './connection.ts';
import type { ServedMethod, ServedService } from './handlers.ts';
import { listenLocally, listenWithTls, type Listener } from './listener.ts';
import { ServerCall, type CallEnvironment } from './server-call.ts';

export interface ServerOptions {
  /** `unix:/path`, or `host:port` for mutual TLS; port 0 lets the system choose. */
  readonly address: string;
  readonly services: readonly ServedService[];
  /** The server's own certificate. Null for a unix socket, which needs none. */
  readonly keeper: CertificateKeeper | null;
  readonly log: Log;
  readonly metrics: Metrics | null;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly access?: AccessTable;
  readonly limits?: Partial<ServerLimits>;
  /** Told when a handler broke an invariant; by default the process ends with that error. */
  readonly onDefect?: (error: InvariantError) => void;
}

export interface RpcServer {
  /** Where it listens, with the port that the system chose. */
  readonly address: string;
  /** Takes no further calls, waits at most `drainMs` for those under way, cancels the rest. */
  stop(drainMs: number): Promise<void>;
}

export async function startServer(options: ServerOptions): Promise<RpcServer> {
  const server = new RunningServer(options);
  await server.listen();
  return server;
}

class RunningServer implements RpcServer {
  readonly #options: ServerOptions;
  readonly #limits: ServerLimits;
  readonly #address: Address;
  readonly #methods: ReadonlyMap<string, ServedMethod>;
  readonly #environment: CallEnvironment;
  readonly #grpc: GrpcServer;
  readonly #injector: ConnectionInjector;
  readonly #sockets = new Set<Socket>();
  readonly #connections = new Map<string, Connection>();
  readonly #unsubscribe: () => void;
  #listener: Listener | null = null;
  #onIdle: (() => void) | null = null;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#limits = { ...serverLimitDefaults, ...options.limits };
    this.#address = parseAddress(options.address);
    const access = options.access ?? accessTable;
    this.#methods = methodsOf(options.services, access);
    this.#environment = {
      access,
      clock: options.clock,
      random: options.random,
      log: options.log,
      limits: this.#limits,
      observer: new CallObserver('server', options),
      calls: new Set(),
      onCallEnd: () => this.#onIdle?.(),
      onDefect: options.onDefect ?? endProcess,
    };
    this.#grpc = new GrpcServer(this.#grpcOptions());
    for (const method of this.#methods.values()) register(this.#grpc, method);
    const credentials = ServerCredentials.createInsecure();
    const intercepted = experimental.createServerCredentialsWithInterceptors(credentials, [this.#intercept]);
    this.#injector = this.#grpc.createConnectionInjector(intercepted);
    this.#unsubscribe =
      options.keeper?.onChange(() => {
        for (const connection of this.#connections.values()) connection.watch();
      }) ?? (() => undefined);
  }

  get address(): string {
    return this.#listener?.address ?? this.#options.address;
  }

  async listen(): Promise<void> {
    const address = this.#address;
    const { log } = this.#options;
    if (address.kind === 'unix') {
      const onConnection = (socket: Socket): void => this.#accept(socket);
      this.#listener = await listenLocally(address.path, { limits: this.#limits, log, onConnection });
      return;
    }
    const { keeper } = this.#options;
    invariant(keeper !== null, 'a server on a TCP port has a certificate');
    const onConnection = (socket: TLSSocket): void => this.#acceptTls(socket, keeper);
    this.#listener = await listenWithTls(address, keeper, { limits: this.#limits, log, onConnection });
  }

  async stop(drainMs: number): Promise<void> {
    const { timers } = this.#options;
    await this.#listener?.close();
    // Tells every client to send no further calls here, and lets those under way end.
    this.#injector.drain(drainMs + closeLingerMs);
    await this.#waitUntilIdle(drainMs);
    for (const call of this.#environment.calls) call.fail(new OpError('SERVER_STOPPING', {}));
    const limit = new AbortController();
    const closed = Promise.all([...this.#sockets].map(async (socket) => socket.destroyed || onceClosed(socket)));
    await Promise.race([closed, sleep(timers, closeLingerMs, limit.signal).catch(() => undefined)]);
    limit.abort(new OpError('SERVER_STOPPING', {}));
    for (const socket of this.#sockets) socket.destroy();
    this.#unsubscribe();
    this.#grpc.forceShutdown();
  }

  async #waitUntilIdle(limitMs: number): Promise<void> {
    if (this.#environment.calls.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = this.#options.timers.after(limitMs, resolve);
      this.#onIdle = () => {
        if (this.#environment.calls.size > 0) return;
        timer.cancel();
        resolve();
      };
    });
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    // HTTP/2 reports a lost connection to its streams; without a listener the socket's own event would end the process.
    socket.on('error', (error) => this.#options.log.debug('connection lost', { reason: error.message }));
    this.#injector.injectConnection(socket);
  }

  #acceptTls(socket: TLSSocket, keeper: CertificateKeeper): void {
    const { clock, timers } = this.#options;
    const connection = new Connection(socket, {
      keeper,
      clock,
      timers,
      onRefused: (refused, refusal) => {
        for (const call of this.#environment.calls) if (call.origin === refused) call.fail(refusal);
      },
    });
    this.#connections.set(connection.key, connection);
    socket.on('close', () => {
      connection.closed();
      if (this.#connections.get(connection.key) === connection) this.#connections.delete(connection.key);
    });
    this.#accept(socket);
  }

  readonly #intercept: ServerInterceptor = (definition, base) => {
    const served = this.#methods.get(definition.path);
    invariant(served !== undefined, `grpc-js knows only registered methods, and ${definition.path} is none`);
    const origin =
      this.#address.kind === 'unix'
        ? localOrigin
        : (this.#connections.get(connectionKey(base.getConnectionInfo())) ?? lostOrigin);
    new ServerCall(base, served, origin, this.#environment).takeOver();
    // grpc-js calls nothing of it but the interface.
    return base as ServerInterceptingCall;
  };

  #grpcOptions(): Record<string, number> {
    return {
      'grpc.max_receive_message_length': this.#limits.messageLimitBytes,
      // Our own check answers with a row of the error table.
      'grpc.max_send_message_length': -1,
      'grpc.max_concurrent_streams': this.#limits.callsPerConnectionLimit,
      'grpc.keepalive_time_ms': this.#limits.keepaliveIntervalMs,
      'grpc.keepalive_timeout_ms': this.#limits.keepaliveLimitMs,
      'grpc.enable_channelz': 0,
    };
  }
}

function methodsOf(services: readonly ServedService[], access: AccessTable): Map<string, ServedMethod> {
  const methods = new Map<string, ServedMethod>();
  for (const method of services.flatMap((service) => service.methods)) {
    const { path } = method.facts;
    invariant(Object.hasOwn(access, path), `${path} has a row in the access table`);
    invariant(!methods.has(path), `${path} is served once`);
    methods.set(path, method);
  }
  return methods;
}

/** grpc-js wants a handler to know a method by; the interceptor takes the call over before it would run. */
function register(grpc: GrpcServer, method: ServedMethod): void {
  const identity = (bytes: Buffer): Buffer => bytes;
  const { path, requestStream, responseStream } = method.facts;
  const type = requestStream ? (responseStream ? 'bidi' : 'clientStream') : responseStream ? 'serverStream' : 'unary';
  grpc.register(path, () => invariant(false, `${path} was not taken over`), identity, identity, type);
}

async function onceClosed(socket: Socket): Promise<void> {
  await new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
  });
}

/** Out of every promise chain, where only the entry point's handler of uncaught exceptions gets it. */
function endProcess(error: InvariantError): void {
  queueMicrotask(() => {
    throw error;
  });
}
