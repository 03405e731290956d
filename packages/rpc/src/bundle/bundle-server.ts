// The server's part of bundles: each call in one is judged, carried out and counted as it would be by itself, and answered when it is done,
// whatever the others take. The log has a line for the bundle, and one of its own for each call that was alone or failed. That the
// caller's certificate still holds is watched by its connection, as for every call that lasts.
import { afterTurn, InvariantError, isOpError, onAbort, OpError, toOpError } from '@holdfast/base';
import { openRequest, runInRequest, type RequestContext } from '@holdfast/telemetry';
import type { MethodFacts } from '../codec-method.ts';
import { errorToStatus, errorTrailer } from '../error-status.ts';
import { describeCaller, mayCall, type Caller } from '../peer.ts';
import { logRequestBody } from '../request-body.ts';
import type { CallContext, ServedMethod } from '../server/handlers.ts';
import type { CallEnvironment } from '../server/server-call.ts';
import {
  bundleBytesMax,
  bundledCallsMax,
  bundleMethod,
  type Answers,
  type Bundle,
  type BundledAnswer,
} from './bundle-codec.ts';
import type { BundledRequest } from './bundle-codec.ts';

const nothing = new Uint8Array(0);

/** The method as a server offers it, over its other methods. */
export function serveBundles(methods: ReadonlyMap<string, ServedMethod>, environment: CallEnvironment): ServedMethod {
  return {
    facts: bundleMethod,
    decodeRequest: bundleMethod.decodeRequest,
    encodeResponse: bundleMethod.encodeResponse as ServedMethod['encodeResponse'],
    handle: (bundles, call) => answerAll(bundles as AsyncIterable<Bundle>, call, { methods, environment }),
  };
}

interface ServerParts {
  readonly methods: ReadonlyMap<string, ServedMethod>;
  readonly environment: CallEnvironment;
}

/** Requests of one stream that are under way; the next are read when some of them were answered. */
export const openRequestsMax = 4 * bundledCallsMax;

async function* answerAll(
  bundles: AsyncIterable<Bundle>,
  call: CallContext,
  parts: ServerParts,
): AsyncGenerator<Answers, void, undefined> {
  const desk = new Desk(call, parts);
  void desk.takeAll(bundles);
  const stop = onAbort(call.draining, () => desk.drain());
  try {
    for (let answers = await desk.next(); answers !== null; answers = await desk.next()) yield answers;
  } finally {
    stop();
  }
}

/** Where the requests of one stream are carried out, and their answers wait to be sent. */
class Desk {
  readonly #call: CallContext;
  readonly #parts: ServerParts;
  readonly #ready: BundledAnswer[] = [];
  #open = 0;
  #hasEnded = false;
  /** Nobody waits for answers any more. */
  #isLost = false;
  #mustTellDrain = false;
  #onReady: (() => void) | null = null;
  #onRoom: (() => void) | null = null;

  constructor(call: CallContext, parts: ServerParts) {
    this.#call = call;
    this.#parts = parts;
  }

  async takeAll(bundles: AsyncIterable<Bundle>): Promise<void> {
    try {
      for await (const bundle of bundles) {
        this.#take(bundle);
        while (this.#open > openRequestsMax) await new Promise<void>((resolve) => (this.#onRoom = resolve));
      }
    } catch (error) {
      // The call is over, and its own line says why.
      if (!isOpError(error)) throw error;
      this.#isLost = true;
    }
    this.#hasEnded = true;
    this.#onReady?.();
  }

  drain(): void {
    this.#mustTellDrain = true;
    this.#onReady?.();
  }

  /** What there is to send; null when nothing comes any more. */
  async next(): Promise<Answers | null> {
    while (this.#ready.length === 0) {
      if (this.#isLost || (this.#hasEnded && this.#open === 0)) return null;
      if (this.#mustTellDrain) {
        this.#mustTellDrain = false;
        return [];
      }
      await new Promise<void>((resolve) => (this.#onReady = resolve));
    }
    // What one event of the state brings about is answered in one turn, and goes together.
    await new Promise<void>((resolve) => process.nextTick(resolve));
    const answers = takeSome(this.#ready);
    // Until here they count as under way: who reads no answers is asked for no more requests.
    this.#open -= answers.length;
    this.#onRoom?.();
    return answers;
  }

  #take(bundle: Bundle): void {
    this.#open += bundle.length;
    const isAlone = bundle.length === 1;
    if (!isAlone) tell(bundle, this.#call, this.#parts);
    for (const request of bundle) void this.#answer(request, isAlone);
  }

  async #answer(request: BundledRequest, isAlone: boolean): Promise<void> {
    const outcome = await carryOut(request, isAlone, this.#call, this.#parts);
    this.#ready.push({ number: request.number, ...outcome });
    this.#onReady?.();
  }
}

/** At least one, and of large ones not many. */
function takeSome(ready: BundledAnswer[]): BundledAnswer[] {
  let bytes = 0;
  const isPast = ({ body }: BundledAnswer, at: number): boolean =>
    at >= bundledCallsMax || ((bytes += body.length) > bundleBytesMax && at > 0);
  const end = ready.findIndex(isPast);
  return ready.splice(0, end < 0 ? ready.length : end);
}

function tell(bundle: Bundle, { caller }: CallContext, { environment }: ServerParts): void {
  if (!environment.log.isEnabled('info')) return;
  const counts: Record<string, number> = {};
  for (const { path } of bundle) counts[path] = (counts[path] ?? 0) + 1;
  environment.log.info('bundle', { peer: describeCaller(caller), calls: counts });
}

type Outcome = Omit<BundledAnswer, 'number'>;

/** None of what it calls is wrapped once more: each call in flight would have a promise and a wait for each layer. */
function carryOut(
  { path, timeoutMs, requestId, traceparent, body }: BundledRequest,
  isAlone: boolean,
  bundle: CallContext,
  { methods, environment }: ServerParts,
): Outcome | Promise<Outcome> {
  const served = methods.get(path);
  if (served === undefined || served.facts.requestStream || served.facts.responseStream) {
    const method = path.slice(1);
    return statusOf(new OpError('REMOTE_UNSUPPORTED', { method, message: 'no such method' }), bundle.request);
  }
  const isOwn = requestId !== '';
  const request = isOwn ? openRequest(environment.random, { requestId, traceparent }) : bundle.request;
  const call = new BundledCall(bundle, served.facts, { request, timeoutMs, isAlone, environment });
  return isOwn ? runInRequest(request, () => call.answer(served, body)) : call.answer(served, body);
}

function statusOf(error: OpError, { requestId }: RequestContext): Outcome {
  const { code, details, metadata } = errorToStatus(error, requestId);
  const [trailer] = metadata.get(errorTrailer);
  return { code, details, body: Buffer.isBuffer(trailer) ? trailer : nothing };
}

interface CallParts {
  readonly request: RequestContext;
  readonly timeoutMs: number;
  readonly isAlone: boolean;
  readonly environment: CallEnvironment;
}

class BundledCall implements CallContext {
  readonly method: MethodFacts;
  readonly request: RequestContext;
  readonly #bundle: CallContext;
  readonly #environment: CallEnvironment;
  readonly #endMs: number;
  readonly #isAlone: boolean;

  constructor(bundle: CallContext, method: MethodFacts, { request, timeoutMs, isAlone, environment }: CallParts) {
    this.method = method;
    this.request = request;
    this.#bundle = bundle;
    this.#isAlone = isAlone;
    this.#environment = environment;
    this.#endMs = environment.clock.monotonicMs() + timeoutMs;
  }

  get caller(): Caller {
    return this.#bundle.caller;
  }
  /** Of the stream: that its caller waits no longer for one call is told by the call's time. */
  get signal(): AbortSignal {
    return this.#bundle.signal;
  }
  get draining(): AbortSignal {
    return this.#bundle.draining;
  }
  remainingMs(): number {
    const leftMs = this.#endMs - this.#environment.clock.monotonicMs();
    return Math.max(0, Math.min(leftMs, this.#bundle.remainingMs()));
  }

  async answer(served: ServedMethod, body: Uint8Array): Promise<Outcome> {
    const { observer, access, log, limits, onDefect } = this.#environment;
    const observed = observer.started(this.method);
    observer.received(observed, body.length);
    try {
      if (!mayCall(this.caller, access[this.method.path] ?? [])) {
        throw new OpError('CALLER_NOT_ALLOWED', { caller: describeCaller(this.caller), method: this.#name });
      }
      const message = served.decodeRequest(body);
      logRequestBody(log, this.method, message);
      const bytes = served.encodeResponse(await served.handle(message, this));
      const { messageLimitBytes: limit } = limits;
      if (bytes.length > limit - bundleBytesMax) throw new OpError('MESSAGE_TOO_LARGE', { method: this.#name, limit });
      observer.sent(observed, bytes.length);
      // Its line is written when the answer is on its way.
      if (this.#isAlone) afterTurn(() => observer.ended(observed, describeCaller(this.caller), null));
      else observer.endedWell(observed);
      return { code: 0, details: '', body: bytes };
    } catch (thrown) {
      const error = toOpError(thrown);
      observer.ended(observed, describeCaller(this.caller), error);
      if (thrown instanceof InvariantError) onDefect(thrown);
      return statusOf(error, this.request);
    }
  }

  get #name(): string {
    return `${this.method.service}/${this.method.method}`;
  }
}
