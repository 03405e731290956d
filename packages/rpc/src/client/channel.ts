// A client's side of one server: one channel, which connects when it is used and again when the connection is lost, and typed
// calls for any number of services over it.
import { Channel as GrpcChannel, ChannelCredentials } from '@grpc/grpc-js';
import {
  invariant,
  type OpError,
  type Clock,
  type Random,
  type Timers,
  formatAddress,
  parseAddress,
  type Address,
} from '@holdfast/base';
import type { Log, Metrics } from '@holdfast/telemetry';
import { Bundler, type UnaryCall } from '../bundle/bundler.ts';
import { CallObserver } from '../call-observer.ts';
import type { AnyMethod, RequestOf, ResponseOf, ServiceDescriptor } from '../codec-method.ts';
import { clientLimitDefaults, type ClientLimits } from '../limits.ts';
import type { CertificateKeeper } from '../pki/certificate-keeper.ts';
import type { Role } from '../pki/identity.ts';
import { RandomPool } from '../random-pool.ts';
import { callForAnswers, callUnary, callWithRequests, onlyOne, type CallOptions } from './client-call.ts';
import { ClientCredentials } from './client-credentials.ts';

export interface ChannelOptions {
  /** `unix:/path`, or `host:port` for mutual TLS. */
  readonly address: string;
  /** The caller's own certificate. Null for a unix socket, which needs none. */
  readonly keeper: CertificateKeeper | null;
  /** The role that the server must have. */
  readonly serverRole?: Role;
  /** The name that the server's certificate must carry, where it is not the address's host. */
  readonly serverName?: string;
  readonly log: Log;
  readonly metrics: Metrics | null;
  readonly clock: Clock;
  readonly random: Random;
  readonly limits?: Partial<ClientLimits>;
  /** Unary calls go as messages of one stream: for callers that make many, and repeat what got no answer. */
  readonly bundling?: { readonly timers: Timers };
}

type Input<Method extends AnyMethod> = Method['requestStream'] extends true
  ? AsyncIterable<RequestOf<Method>>
  : RequestOf<Method>;
type Output<Method extends AnyMethod> = Method['responseStream'] extends true
  ? AsyncIterable<ResponseOf<Method>>
  : Promise<ResponseOf<Method>>;

/** A service's methods as functions that throw OpErrors. */
export type Calls<Service extends ServiceDescriptor> = {
  readonly [Name in keyof Service['methods']]: (
    input: Input<Service['methods'][Name]>,
    options: CallOptions,
  ) => Output<Service['methods'][Name]>;
};

export interface Channel {
  calls<Service extends ServiceDescriptor>(service: Service): Calls<Service>;
  close(): void;
}

/** What the calls of one channel share. */
export interface ChannelParts {
  readonly address: string;
  readonly channel: GrpcChannel;
  readonly observer: CallObserver;
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: ClientLimits;
  /** Why we gave up the latest connection ourselves, or null. */
  readonly refusal: () => OpError | null;
}

export function openChannel(options: ChannelOptions): Channel {
  const limits: ClientLimits = { ...clientLimitDefaults, ...options.limits };
  const address = parseAddress(options.address);
  const credentials = credentialsFor(address, options);
  const channel = new GrpcChannel(targetOf(address), credentials, grpcOptions(limits));
  const parts: ChannelParts = {
    address: formatAddress(address),
    channel,
    observer: new CallObserver('client', options),
    clock: options.clock,
    random: new RandomPool(options.random),
    limits,
    refusal: () => (credentials instanceof ClientCredentials ? credentials.refusal : null),
  };
  const { bundling } = options;
  const bundler =
    bundling === undefined ? null : new Bundler(parts, bundling.timers, (call) => void callAlone(parts, call));
  const known = new Map<ServiceDescriptor, unknown>();
  return {
    calls: <Service extends ServiceDescriptor>(service: Service): Calls<Service> => {
      const calls = known.get(service) ?? callsOf(service, parts, bundler);
      known.set(service, calls);
      // What is known of a service was made for it.
      return calls as Calls<Service>;
    },
    close: () => {
      bundler?.close();
      channel.close();
      if (credentials instanceof ClientCredentials) credentials.close();
    },
  };
}

function credentialsFor(address: Address, options: ChannelOptions): ChannelCredentials {
  if (address.kind === 'unix') return ChannelCredentials.createInsecure();
  invariant(options.keeper !== null, 'a caller of a TCP port has a certificate');
  const expected = {
    address: formatAddress(address),
    host: options.serverName ?? address.host,
    role: options.serverRole ?? 'metadata',
  };
  return new ClientCredentials(options.keeper, expected, options.clock);
}

function targetOf(address: Address): string {
  return address.kind === 'unix' ? `unix:${address.path}` : `dns:${formatAddress(address)}`;
}

function grpcOptions(limits: ClientLimits): Record<string, number> {
  return {
    'grpc.max_receive_message_length': limits.messageLimitBytes,
    // Our own check answers with a row of the error table.
    'grpc.max_send_message_length': -1,
    'grpc.keepalive_time_ms': limits.keepaliveIntervalMs,
    'grpc.keepalive_timeout_ms': limits.keepaliveLimitMs,
    'grpc.initial_reconnect_backoff_ms': limits.reconnectBaseMs,
    'grpc.max_reconnect_backoff_ms': limits.reconnectCeilingMs,
    'grpc.service_config_disable_resolution': 1,
    'grpc.enable_channelz': 0,
    // Channels with other certificates or expectations must not share a connection.
    'grpc.use_local_subchannel_pool': 1,
  };
}

async function callAlone(parts: ChannelParts, { method, request, options, resolve, reject }: UnaryCall): Promise<void> {
  await callUnary(parts, method, request, options).then(resolve, reject);
}

function callsOf<Service extends ServiceDescriptor>(
  service: Service,
  parts: ChannelParts,
  bundler: Bundler | null,
): Calls<Service> {
  const calls = Object.entries(service.methods).map(
    ([name, method]) => [name, callOf(method, parts, bundler)] as const,
  );
  // Calls<Service> is what the table's own types say of these functions.
  return Object.fromEntries(calls) as unknown as Calls<Service>;
}

type AnyCall = (input: unknown, options: CallOptions) => unknown;

function callOf(method: AnyMethod, parts: ChannelParts, bundler: Bundler | null): AnyCall {
  if (!method.responseStream) {
    if (method.requestStream) {
      return async (input, options) => callWithRequests(parts, method, input as AsyncIterable<unknown>, options);
    }
    if (bundler === null) return async (input, options) => callUnary(parts, method, input, options);
    return async (request, options) =>
      new Promise((resolve, reject) => bundler.call({ method, request, options, resolve, reject }));
  }
  return method.requestStream
    ? (input, options) => callForAnswers(parts, method, input as AsyncIterable<unknown>, options)
    : (input, options) => callForAnswers(parts, method, onlyOne(input), options);
}
