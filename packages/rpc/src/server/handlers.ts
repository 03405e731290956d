// What a service's author writes: one async function per method, in the method's own types. `serve` pairs them with the
// service's table; from there on the server needs no types.
import { invariant } from '@holdfast/base';
import type { RequestContext } from '@holdfast/telemetry';
import type { AnyMethod, MethodFacts, RequestOf, ResponseOf, ServiceDescriptor } from '../codec-method.ts';
import type { Caller } from '../peer.ts';

/** What a handler may know of the call that it answers. */
export interface CallContext {
  readonly method: MethodFacts;
  readonly caller: Caller;
  readonly request: RequestContext;
  /** Aborts when nobody waits for the answer any more: cancelled, past its deadline, or the server stops. */
  readonly signal: AbortSignal;
  /** Aborts when the connection is about to be replaced or the server stops: what lasts as long as it may comes to an end by itself. */
  readonly draining: AbortSignal;
  /** What is left until the caller's deadline. */
  remainingMs(): number;
}

type Input<Method extends AnyMethod> = Method['requestStream'] extends true
  ? AsyncIterable<RequestOf<Method>>
  : RequestOf<Method>;
type Output<Method extends AnyMethod> = Method['responseStream'] extends true
  ? AsyncIterable<ResponseOf<Method>>
  : Promise<ResponseOf<Method>>;
export type Handler<Method extends AnyMethod> = (input: Input<Method>, call: CallContext) => Output<Method>;

/** A handler for every method; null for one that this server does not offer, which is then answered with UNIMPLEMENTED. */
export type Handlers<Service extends ServiceDescriptor> = {
  readonly [Name in keyof Service['methods']]: Handler<Service['methods'][Name]> | null;
};

/** A method with its handler, its types forgotten. */
export interface ServedMethod {
  readonly facts: MethodFacts;
  readonly decodeRequest: (bytes: Uint8Array) => unknown;
  readonly encodeResponse: (response: unknown) => Uint8Array;
  readonly handle: (input: unknown, call: CallContext) => unknown;
}

export interface ServedService {
  readonly name: string;
  readonly methods: readonly ServedMethod[];
}

export function serve<Service extends ServiceDescriptor>(service: Service, handlers: Handlers<Service>): ServedService {
  const methods: ServedMethod[] = [];
  for (const [name, method] of Object.entries(service.methods)) {
    const handler = handlers[name];
    invariant(handler !== undefined, `${service.name} has a handler or null for ${name}`);
    if (handler === null) continue;
    methods.push({
      facts: method,
      decodeRequest: method.decodeRequest,
      // Handlers<Service> has tied this handler to this method's types.
      encodeResponse: method.encodeResponse as ServedMethod['encodeResponse'],
      handle: handler.bind(handlers) as ServedMethod['handle'],
    });
  }
  return { name: service.name, methods };
}
