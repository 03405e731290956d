// A gRPC server at one address. grpc-js speaks the protocol over connections that are handed to it; who may connect, which
// call is answered, and how it all ends is decided here.
import { experimental, Server as GrpcServer, ServerCredentials } from '@grpc/grpc-js';
import type { ConnectionInjector, ServerInterceptingCall, ServerInterceptingCallInterface } from '@grpc/grpc-js';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import {
  invariant,
  OpError,
  pause,
  type Clock,
  type InvariantError,
  type Random,
  type Timers,
  parseAddress,
  type Address,
} from '@holdfast/base';
import type { Log, Metrics } from '@holdfast/telemetry';
import { accessTable, callerKinds, type AccessTable } from '../access.ts';
import { bundleMethod } from '../bundle/bundle-codec.ts';
import { serveBundles } from '../bundle/bundle-server.ts';
import { CallObserver } from '../call-observer.ts';
import { closeLingerMs, drainLimitMs, serverLimitDefaults, type ServerLimits } from '../limits.ts';
import { localOrigin, type Origin } from '../peer.ts';
import type { CertificateKeeper } from '../pki/certificate-keeper.ts';
import { RandomPool } from '../random-pool.ts';
import { Connection } from './connection.ts';
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
  /** Whether the socket's file is still the one that was made: somebody may have taken it away. A port cannot be. */
  isInPlace(): Promise<boolean>;
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
  /** Every living connection, with what hands it to grpc-js. */
  readonly #injectors = new Map<Socket, ConnectionInjector>();
  readonly #connections = new Set<Connection>();
  readonly #unsubscribe: () => void;
  #listener: Listener | null = null;
  #onIdle: (() => void) | null = null;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#limits = { ...serverLimitDefaults, ...options.limits };
    this.#address = parseAddress(options.address);
    // Whoever may be heard at all: each call of a bundle is judged by its own row.
    const access = { ...(options.access ?? accessTable), [bundleMethod.path]: callerKinds };
    const methods = methodsOf(options.services, access);
    this.#methods = methods;
    this.#environment = {
      access,
      clock: options.clock,
      timers: options.timers,
      random: new RandomPool(options.random),
      log: options.log,
      limits: this.#limits,
      observer: new CallObserver('server', options),
      calls: new Set(),
      onCallEnd: () => this.#onIdle?.(),
      onDefect: options.onDefect ?? endProcess,
    };
    methods.set(bundleMethod.path, serveBundles(methods, this.#environment));
    this.#grpc = new GrpcServer(this.#grpcOptions());
    for (const method of this.#methods.values()) register(this.#grpc, method);
    this.#unsubscribe =
      options.keeper?.onChange(() => {
        for (const connection of this.#connections) connection.watch();
      }) ?? (() => undefined);
  }

  get address(): string {
    return this.#listener?.address ?? this.#options.address;
  }

  async listen(): Promise<void> {
    const address = this.#address;
    const { log } = this.#options;
    if (address.kind === 'unix') {
      const onConnection = (socket: Socket): void => this.#accept(socket, localOrigin);
      this.#listener = await listenLocally(address.path, { limits: this.#limits, log, onConnection });
      return;
    }
    const { keeper } = this.#options;
    invariant(keeper !== null, 'a server on a TCP port has a certificate');
    const onConnection = (socket: TLSSocket): void => this.#acceptTls(socket, keeper);
    this.#listener = await listenWithTls(address, keeper, { limits: this.#limits, log, onConnection });
  }

  async isInPlace(): Promise<boolean> {
    return this.#listener?.isInPlace() ?? false;
  }

  async stop(drainMs: number): Promise<void> {
    const { timers } = this.#options;
    await this.#listener?.close();
    // Tells every client to send no further calls here, and lets those under way end.
    for (const injector of this.#injectors.values()) injector.drain(drainMs + closeLingerMs);
    for (const call of this.#environment.calls) call.drain();
    await this.#waitUntilIdle(drainMs);
    for (const call of this.#environment.calls) call.fail(new OpError('SERVER_STOPPING', {}));
    const limit = new AbortController();
    const closed = Promise.all(
      [...this.#injectors.keys()].map(async (socket) => socket.destroyed || onceClosed(socket)),
    );
    await Promise.race([closed, pause(timers, closeLingerMs, limit.signal)]);
    limit.abort(new OpError('SERVER_STOPPING', {}));
    for (const socket of this.#injectors.keys()) socket.destroy();
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

  /** One injector per connection: it knows where its calls come from, and can be drained by itself. */
  #accept(socket: Socket, origin: Origin): void {
    const credentials = experimental.createServerCredentialsWithInterceptors(ServerCredentials.createInsecure(), [
      (definition, base) => this.#intercept(definition.path, base, origin),
    ]);
    const injector = this.#grpc.createConnectionInjector(credentials);
    this.#injectors.set(socket, injector);
    socket.on('close', () => {
      this.#injectors.delete(socket);
      injector.destroy();
    });
    // HTTP/2 reports a lost connection to its streams; without a listener the socket's own event would end the process.
    socket.on('error', (error) => this.#options.log.debug('connection lost', { reason: error.message }));
    injector.injectConnection(socket);
  }

  #acceptTls(socket: TLSSocket, keeper: CertificateKeeper): void {
    const { clock, timers } = this.#options;
    const connection = new Connection(socket, {
      keeper,
      clock,
      timers,
      failCalls: (of, error) => {
        for (const call of this.#environment.calls) if (call.origin === of) call.fail(error);
      },
      drain: () => {
        this.#injectors.get(socket)?.drain(drainLimitMs);
        for (const call of this.#environment.calls) if (call.origin === connection) call.drain();
      },
    });
    this.#connections.add(connection);
    socket.on('close', () => {
      connection.closed();
      this.#connections.delete(connection);
    });
    this.#accept(socket, connection);
  }

  #intercept(path: string, base: ServerInterceptingCallInterface, origin: Origin): ServerInterceptingCall {
    const served = this.#methods.get(path);
    invariant(served !== undefined, `grpc-js knows only registered methods, and ${path} is none`);
    return new ServerCall(base, served, origin, this.#environment).takeOver();
  }

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
