// One stream of bundles at the client: what is under way on it, until when each call waits, and how it ends. A stream is left for another
// one when the server asks for it, when it grows old, and when nobody used it for a while; it ends when all of its calls have.
import { NumberTable, OpError, type Timer, type Timers } from '@holdfast/base';
import { formatTraceparent, openRequest, runInRequest, type RequestContext } from '@holdfast/telemetry';
import type { ObservedCall } from '../call-observer.ts';
import { ClientCall } from '../client/client-call.ts';
import type { ChannelParts } from '../client/channel.ts';
import { bundleMethod, type Answers, type Bundle, type BundledAnswer } from './bundle-codec.ts';
import type { UnaryCall } from './bundler.ts';

export interface Member extends UnaryCall {
  readonly body: Uint8Array;
  readonly context: RequestContext | null;
}

export interface StreamOptions {
  readonly parts: ChannelParts;
  readonly timers: Timers;
  readonly onAnswer: (call: OpenCall, answer: BundledAnswer) => void;
  readonly onFail: (call: OpenCall, error: OpError) => void;
  /** The stream takes nothing any more; `open` is what it leaves without an answer, null for an error if it ended well. */
  readonly onEnd: (stream: BundleStream, open: readonly OpenCall[], error: OpError | null) => void;
}

/** A call that waits for its answer. */
export interface OpenCall {
  readonly member: Member;
  readonly observed: ObservedCall;
  readonly dueMs: number;
}

/** Of one stream; a call that may take longer than what is left goes on the next. */
const lifeMs = 600_000;
/** Without calls. */
const idleMs = 30_000;
/** How long the server may take to end a stream on which nothing is under way. */
const lingerMs = 1_000;

export class BundleStream {
  readonly #options: StreamOptions;
  readonly #open = new NumberTable<OpenCall>();
  readonly #call: ClientCall;
  readonly #endMs: number;
  #lastNumber = 0;
  #usedMs = 0;
  #timer: Timer | null = null;
  #timerMs = Infinity;
  #isRetired = false;
  /** Behind the message that is on its way: grpc-js takes one at a time. */
  readonly #toSend: Bundle[] = [];
  #isSending = false;
  /** Whether the server has answered anything. */
  hasAnswered = false;

  constructor(options: StreamOptions) {
    this.#options = options;
    const { parts } = options;
    this.#endMs = parts.clock.monotonicMs() + lifeMs;
    // A request of its own: it is not part of the first that it carries.
    this.#call = runInRequest(
      openRequest(parts.random),
      () =>
        new ClientCall(
          parts,
          bundleMethod,
          { timeoutMs: lifeMs },
          {
            onMessage: (answers) => this.#take(answers as Answers),
            onEnd: (error) => this.#ended(error),
          },
        ),
    );
    this.#call.startRead();
  }

  takes(timeoutMs: number): boolean {
    return !this.#isRetired && this.#options.parts.clock.monotonicMs() + timeoutMs < this.#endMs;
  }

  send(members: readonly Member[]): void {
    const { observer, clock, random } = this.#options.parts;
    const nowMs = clock.monotonicMs();
    const isAlone = members.length === 1;
    const bundle = members.map((member) => {
      const { method, options, body } = member;
      const observed = observer.started(method);
      observer.sent(observed, body.length);
      const number = ++this.#lastNumber;
      this.#open.set({ member, observed, dueMs: nowMs + options.timeoutMs }, number);
      // One that is alone has a line of its own in the server's log.
      const context = member.context ?? (isAlone ? openRequest(random) : null);
      return {
        ...{ number, path: method.path, timeoutMs: Math.ceil(options.timeoutMs), body },
        requestId: context?.requestId ?? '',
        traceparent: context === null ? '' : formatTraceparent(context.trace),
      };
    });
    this.#usedMs = nowMs;
    const urgentMs = members.reduce((least, { options }) => Math.min(least, options.timeoutMs), idleMs);
    this.#wakeAt(nowMs + urgentMs);
    this.#toSend.push(bundle);
    if (!this.#isSending) this.#sendNext();
  }

  /** Takes no further calls. */
  retire(): void {
    if (this.#isRetired) return;
    this.#isRetired = true;
    if (!this.#isSending) this.#call.halfClose();
    if (this.#open.size === 0) this.#linger();
  }

  #sendNext(): void {
    const bundle = this.#toSend.shift();
    this.#isSending = bundle !== undefined;
    if (bundle !== undefined) this.#call.send(bundle, () => this.#sendNext());
    else if (this.#isRetired && !this.#call.isOver) this.#call.halfClose();
  }

  #take(answers: Answers): void {
    this.hasAnswered = true;
    if (answers.length === 0) this.retire();
    for (const answer of answers) {
      const call = this.#open.take(answer.number);
      // Its caller may wait no longer.
      if (call !== null) this.#options.onAnswer(call, answer);
    }
    if (this.#isRetired && this.#open.size === 0) this.#linger();
    this.#call.startRead();
  }

  #linger(): void {
    this.#wakeAt(this.#options.parts.clock.monotonicMs() + lingerMs);
  }

  #wakeAt(atMs: number): void {
    if (atMs >= this.#timerMs) return;
    const { timers, parts } = this.#options;
    this.#timer?.cancel();
    this.#timerMs = atMs;
    this.#timer = timers.after(Math.max(0, atMs - parts.clock.monotonicMs()), () => {
      this.#timerMs = Infinity;
      this.#wake();
    });
  }

  /** Whose time is over waits no longer, and a stream that nobody uses goes. */
  #wake(): void {
    const nowMs = this.#options.parts.clock.monotonicMs();
    for (const [number] of this.#open.keysWhere(({ dueMs }) => dueMs <= nowMs)) {
      const call = this.#open.take(number);
      if (call === null) continue;
      const { service, method } = call.member.method;
      this.#options.onFail(call, new OpError('DEADLINE_EXCEEDED', { method: `${service}/${method}` }));
    }
    const nextMs = this.#open.values().reduce((least, { dueMs }) => Math.min(least, dueMs), Infinity);
    if (this.#open.size > 0) this.#wakeAt(nextMs);
    else if (!this.#isRetired && nowMs < this.#usedMs + idleMs) this.#wakeAt(this.#usedMs + idleMs);
    else if (this.#isRetired) this.#call.cancel(new OpError('CANCELLED', { reason: 'nothing is under way on it' }));
    else this.retire();
  }

  #ended(error: OpError | null): void {
    this.#isRetired = true;
    this.#timer?.cancel();
    const open = this.#open.values();
    this.#open.clear();
    this.#options.onEnd(this, open, error);
  }
}
