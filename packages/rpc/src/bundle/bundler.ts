// The client's part of bundles: unary calls go to their server as messages of one stream, those that are made in one turn of the event
// loop together. Large ones, those that may be cancelled, and all where the server knows no bundles go by themselves.
import { OpError, toOpError, type Timers } from '@holdfast/base';
import { Metadata } from '@grpc/grpc-js';
import { currentRequest } from '@holdfast/telemetry';
import type { CallOptions } from '../client/client-call.ts';
import type { ChannelParts } from '../client/channel.ts';
import type { AnyMethod } from '../codec-method.ts';
import { errorOfStatus, errorTrailer } from '../error-status.ts';
import { bundleBytesMax, bundledCallsMax, type BundledAnswer } from './bundle-codec.ts';
import { BundleStream, type Member, type OpenCall, type StreamOptions } from './bundle-stream.ts';

export interface UnaryCall {
  readonly method: AnyMethod;
  readonly request: unknown;
  readonly options: CallOptions;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** A call that may take longer goes by itself. */
const timeoutMsMax = 120_000;

export class Bundler {
  readonly #parts: ChannelParts;
  readonly #callAlone: (call: UnaryCall) => void;
  readonly #streamOptions: StreamOptions;
  #waiting: Member[] = [];
  #stream: BundleStream | null = null;
  #isKnown = true;

  constructor(parts: ChannelParts, timers: Timers, callAlone: (call: UnaryCall) => void) {
    this.#parts = parts;
    this.#callAlone = callAlone;
    this.#streamOptions = {
      ...{ parts, timers },
      onAnswer: (call, answer) => this.#settle(call, answer),
      onFail: (call, error) => this.#fail(call, error),
      onEnd: (stream, open, error) => this.#ended(stream, open, error),
    };
  }

  call(call: UnaryCall): void {
    const { timeoutMs, signal = null } = call.options;
    if (!this.#isKnown || signal !== null || !(timeoutMs > 0 && timeoutMs <= timeoutMsMax)) {
      this.#callAlone(call);
      return;
    }
    const body = call.method.encodeRequest(call.request as never);
    if (body.length > bundleBytesMax) {
      this.#callAlone(call);
      return;
    }
    if (this.#waiting.length === 0) process.nextTick(() => this.#flush());
    this.#waiting.push({ ...call, body, context: currentRequest() });
  }

  /** What is under way ends as it would. */
  close(): void {
    this.#stream?.retire();
    this.#stream = null;
  }

  #flush(): void {
    const all = this.#waiting;
    this.#waiting = [];
    while (all.length > 0) {
      const members = takeBundle(all);
      const longestMs = members.reduce((most, { options }) => Math.max(most, options.timeoutMs), 0);
      this.#streamFor(longestMs).send(members);
    }
  }

  #streamFor(timeoutMs: number): BundleStream {
    if (this.#stream?.takes(timeoutMs) === true) return this.#stream;
    this.#stream?.retire();
    this.#stream = new BundleStream(this.#streamOptions);
    return this.#stream;
  }

  #ended(stream: BundleStream, open: readonly OpenCall[], error: OpError | null): void {
    if (this.#stream === stream) this.#stream = null;
    const isRefused = !stream.hasAnswered && error?.code === 'REMOTE_UNSUPPORTED';
    if (isRefused) this.#isKnown = false;
    for (const call of open) {
      if (isRefused) this.#again(call);
      else
        this.#fail(
          call,
          error ?? new OpError('REMOTE_INTERNAL', { method: pathOf(call.member), message: 'no answer' }),
        );
    }
  }

  #settle({ member, observed }: OpenCall, { code, details, body }: BundledAnswer): void {
    const { observer, address, limits } = this.#parts;
    if (code !== 0) {
      const metadata = new Metadata();
      metadata.set(errorTrailer, Buffer.from(body));
      const call = { method: pathOf(member), address, limitBytes: limits.messageLimitBytes };
      this.#fail({ member, observed }, errorOfStatus({ code, details, metadata }, call));
      return;
    }
    try {
      observer.received(observed, body.length);
      observer.ended(observed, address, null);
      member.resolve(member.method.decodeResponse(body));
    } catch (error) {
      member.reject(toOpError(error));
    }
  }

  #fail({ member, observed }: Pick<OpenCall, 'member' | 'observed'>, error: OpError): void {
    this.#parts.observer.ended(observed, this.#parts.address, error);
    member.reject(error);
  }

  /** Nobody has read it. */
  #again({ member, observed }: OpenCall): void {
    const { observer, address } = this.#parts;
    observer.ended(observed, address, null);
    this.#callAlone(member);
  }
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
