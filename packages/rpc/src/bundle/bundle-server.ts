// The server's part of bundles: each call in one is judged, carried out and counted as it would be by itself, and answered when it is done,
// whatever the others take. The log has a line for the bundle, and one of its own for each call that failed.
import { InvariantError, OpError, toOpError } from '@holdfast/base';
import { openRequest, runInRequest, type RequestContext } from '@holdfast/telemetry';
import type { MethodFacts } from '../codec-method.ts';
import { errorToStatus, errorTrailer } from '../error-status.ts';
import { describeCaller, mayCall, type Caller } from '../peer.ts';
import { logRequestBody } from '../request-body.ts';
import type { CallContext, ServedMethod } from '../server/handlers.ts';
import type { CallEnvironment } from '../server/server-call.ts';
import { bundleBytesMax, bundleMethod, type Answers, type Bundle, type BundledAnswer } from './bundle-codec.ts';
import type { BundledRequest } from './bundle-codec.ts';

const nothing = new Uint8Array(0);

/** The method as a server offers it, over its other methods. */
export function serveBundles(methods: ReadonlyMap<string, ServedMethod>, environment: CallEnvironment): ServedMethod {
  return {
    facts: bundleMethod,
    decodeRequest: bundleMethod.decodeRequest,
    encodeResponse: bundleMethod.encodeResponse as ServedMethod['encodeResponse'],
    handle: (bundle, call) => answerAll(bundle as Bundle, call, { methods, environment }),
  };
}

interface ServerParts {
  readonly methods: ReadonlyMap<string, ServedMethod>;
  readonly environment: CallEnvironment;
}

async function* answerAll(
  bundle: Bundle,
  call: CallContext,
  parts: ServerParts,
): AsyncGenerator<Answers, void, undefined> {
  const ready: BundledAnswer[] = [];
  let wake: (() => void) | null = null;
  const answer = async (request: BundledRequest, place: number): Promise<void> => {
    ready.push({ place, ...(await carryOut(request, call, parts)) });
    wake?.();
  };
  tell(bundle, call, parts);
  for (const [place, request] of bundle.entries()) void answer(request, place);
  for (let left = bundle.length; left > 0;) {
    if (ready.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    wake = null;
    // What one event of the state brings about is answered in one turn, and goes together.
    await new Promise<void>((resolve) => process.nextTick(resolve));
    const answers = takeSome(ready);
    left -= answers.length;
    yield answers;
  }
}

/** At least one, and of large ones not many. */
function takeSome(ready: BundledAnswer[]): BundledAnswer[] {
  let bytes = 0;
  const end = ready.findIndex(({ body }, at) => (bytes += body.length) > bundleBytesMax && at > 0);
  return ready.splice(0, end < 0 ? ready.length : end);
}

function tell(bundle: Bundle, { caller }: CallContext, { environment }: ServerParts): void {
  if (!environment.log.isEnabled('info')) return;
  const counts: Record<string, number> = {};
  for (const { path } of bundle) counts[path] = (counts[path] ?? 0) + 1;
  environment.log.info('bundle', { peer: describeCaller(caller), calls: counts });
}

type Outcome = Omit<BundledAnswer, 'place'>;

async function carryOut(
  { path, timeoutMs, requestId, traceparent, body }: BundledRequest,
  bundle: CallContext,
  { methods, environment }: ServerParts,
): Promise<Outcome> {
  const served = methods.get(path);
  if (served === undefined || served.facts.requestStream || served.facts.responseStream) {
    const method = path.slice(1);
    return statusOf(new OpError('REMOTE_UNSUPPORTED', { method, message: 'no such method' }), bundle.request);
  }
  const isOwn = requestId !== '';
  const request = isOwn ? openRequest(environment.random, { requestId, traceparent }) : bundle.request;
  const call = new BundledCall(bundle, served.facts, { request, timeoutMs, environment });
  return isOwn ? runInRequest(request, async () => call.answer(served, body)) : call.answer(served, body);
}

function statusOf(error: OpError, { requestId }: RequestContext): Outcome {
  const { code, details, metadata } = errorToStatus(error, requestId);
  const [trailer] = metadata.get(errorTrailer);
  return { code, details, body: Buffer.isBuffer(trailer) ? trailer : nothing };
}

interface CallParts {
  readonly request: RequestContext;
  readonly timeoutMs: number;
  readonly environment: CallEnvironment;
}

class BundledCall implements CallContext {
  readonly method: MethodFacts;
  readonly request: RequestContext;
  readonly #bundle: CallContext;
  readonly #environment: CallEnvironment;
  readonly #endMs: number;

  constructor(bundle: CallContext, method: MethodFacts, { request, timeoutMs, environment }: CallParts) {
    this.method = method;
    this.request = request;
    this.#bundle = bundle;
    this.#environment = environment;
    this.#endMs = environment.clock.monotonicMs() + timeoutMs;
  }

  get caller(): Caller {
    return this.#bundle.caller;
  }
  /** Whoever made the bundle waits for all of it. */
  get signal(): AbortSignal {
    return this.#bundle.signal;
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
      observer.endedWell(observed);
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
