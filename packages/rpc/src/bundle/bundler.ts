// The client's part of bundles: unary calls that are made in one turn of the event loop go to their server together. One that is alone
// goes by itself, and so do all where the server knows no bundles.
import { isOpError, OpError, toOpError } from '@holdfast/base';
import { Metadata } from '@grpc/grpc-js';
import { currentRequest, formatTraceparent, type RequestContext } from '@holdfast/telemetry';
import type { ObservedCall } from '../call-observer.ts';
import { callForAnswers, onlyOne, type CallOptions } from '../client/client-call.ts';
import type { ChannelParts } from '../client/channel.ts';
import type { AnyMethod } from '../codec-method.ts';
import { errorOfStatus, errorTrailer } from '../error-status.ts';
import { bundleBytesMax, bundledCallsMax, bundleMethod, type Answers, type BundledAnswer } from './bundle-codec.ts';

export interface UnaryCall {
  readonly method: AnyMethod;
  readonly request: unknown;
  readonly options: CallOptions;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
}

interface Member extends UnaryCall {
  readonly body: Uint8Array;
  readonly context: RequestContext | null;
  observed: ObservedCall | null;
}

/** A bundle has the deadline of its most urgent call, so that one goes with others only if they lose no more than half of theirs. */
const shareOfTime = 0.5;

export class Bundler {
  readonly #parts: ChannelParts;
  readonly #callAlone: (call: UnaryCall) => void;
  #waiting: Member[] = [];
  #isKnown = true;

  constructor(parts: ChannelParts, callAlone: (call: UnaryCall) => void) {
    this.#parts = parts;
    this.#callAlone = callAlone;
  }

  call(call: UnaryCall): void {
    const { timeoutMs, signal = null } = call.options;
    const isEligible = this.#isKnown && signal === null && timeoutMs > 0 && timeoutMs < Infinity;
    if (!isEligible) {
      this.#callAlone(call);
      return;
    }
    if (this.#waiting.length === 0) process.nextTick(() => this.#flush());
    const body = call.method.encodeRequest(call.request as never);
    this.#waiting.push({ ...call, body, context: currentRequest(), observed: null });
  }

  #flush(): void {
    const all = this.#waiting;
    this.#waiting = [];
    const longestMs = all.reduce((most, { options }) => Math.max(most, options.timeoutMs), 0);
    const together = all.filter((call) => isFit(call, longestMs));
    for (const call of all) if (!isFit(call, longestMs)) this.#callAlone(call);
    while (together.length > 0) {
      const [only, ...others] = takeBundle(together);
      if (only === undefined) return;
      if (others.length === 0) this.#callAlone(only);
      else void this.#send([only, ...others]);
    }
  }

  async #send(members: readonly Member[]): Promise<void> {
    const { observer } = this.#parts;
    const timeoutMs = members.reduce((least, { options }) => Math.min(least, options.timeoutMs), Infinity);
    for (const member of members) {
      member.observed = observer.started(member.method);
      observer.sent(member.observed, member.body.length);
    }
    const open = new Set(members);
    try {
      const bundle = members.map(({ method, options, context, body }) => ({
        path: method.path,
        timeoutMs: Math.ceil(options.timeoutMs),
        requestId: context?.requestId ?? '',
        traceparent: context === null ? '' : formatTraceparent(context.trace),
        body,
      }));
      for await (const answers of callForAnswers(this.#parts, bundleMethod, onlyOne(bundle), { timeoutMs })) {
        for (const answer of answers as Answers) {
          const member = members[answer.place];
          if (member !== undefined && open.delete(member)) this.#settle(member, answer);
        }
      }
      for (const member of open)
        this.#fail(member, new OpError('REMOTE_INTERNAL', { method: pathOf(member), message: 'no answer' }));
    } catch (thrown) {
      const error = toOpError(thrown);
      const isRefused = open.size === members.length && isOpError(error) && error.code === 'REMOTE_UNSUPPORTED';
      if (isRefused) this.#isKnown = false;
      for (const member of open) {
        if (isRefused) this.#again(member);
        else this.#fail(member, error);
      }
    }
  }

  #settle(member: Member, { code, details, body }: BundledAnswer): void {
    const { observer, address, limits } = this.#parts;
    if (code !== 0) {
      const metadata = new Metadata();
      metadata.set(errorTrailer, Buffer.from(body));
      const call = { method: pathOf(member), address, limitBytes: limits.messageLimitBytes };
      this.#fail(member, errorOfStatus({ code, details, metadata }, call));
      return;
    }
    try {
      if (member.observed !== null) {
        observer.received(member.observed, body.length);
        observer.ended(member.observed, address, null);
      }
      member.resolve(member.method.decodeResponse(body));
    } catch (error) {
      member.reject(toOpError(error));
    }
  }

  #fail(member: Member, error: OpError): void {
    if (member.observed !== null) this.#parts.observer.ended(member.observed, this.#parts.address, error);
    member.reject(error);
  }

  /** Nobody has read it. */
  #again(member: Member): void {
    const { observer, address } = this.#parts;
    if (member.observed !== null) observer.ended(member.observed, address, null);
    this.#callAlone(member);
  }
}

function isFit({ options, body }: Member, longestMs: number): boolean {
  return options.timeoutMs >= longestMs * shareOfTime && body.length <= bundleBytesMax;
}

/** The first ones, as many as one bundle may have. */
function takeBundle(members: Member[]): Member[] {
  let bytes = 0;
  const end = members.findIndex(({ body }, at) => at >= bundledCallsMax || (bytes += body.length) > bundleBytesMax);
  return members.splice(0, end < 0 ? members.length : Math.max(1, end));
}

function pathOf({ method }: UnaryCall): string {
  return `${method.service}/${method.method}`;
}
