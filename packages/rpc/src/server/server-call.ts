// One call on the server, from its headers to its status. Takes the place of grpc-js's own handling of a call: the judgement
// comes before the first byte of the request is read, and every status passes through one function, also those that
// grpc-js gives itself (a message over the limit, a deadline that passed).
import {
  ServerInterceptingCall,
  status as grpcStatus,
  type Metadata,
  type ServerInterceptingCallInterface,
} from '@grpc/grpc-js';
import { InvariantError, OpError, toOpError, type Clock, type Random, type Timer, type Timers } from '@holdfast/base';
import {
  currentRequest,
  openRequest,
  requestIdKey,
  runInRequest,
  traceparentKey,
  type Log,
  type RequestContext,
} from '@holdfast/telemetry';
import type { AccessTable } from '../access.ts';
import type { CallObserver, ObservedCall } from '../call-observer.ts';
import type { MethodFacts } from '../codec-method.ts';
import { errorOfStatus, errorToStatus, type CallStatus } from '../error-status.ts';
import type { ServerLimits } from '../limits.ts';
import { MessageQueue } from '../message-queue.ts';
import { describeCaller, mayCall, type Caller, type Origin } from '../peer.ts';
import { logRequestBody } from '../request-body.ts';
import type { CallContext, ServedMethod } from './handlers.ts';

/** What the calls of one server share. */
export interface CallEnvironment {
  readonly access: AccessTable;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Log;
  readonly limits: ServerLimits;
  readonly observer: CallObserver;
  /** Calls under way. */
  readonly calls: Set<ServerCall>;
  readonly onCallEnd: () => void;
  /** Told of a broken invariant, after the caller got its answer. */
  readonly onDefect: (error: InvariantError) => void;
}

type Listener = Parameters<ServerInterceptingCallInterface['start']>[0];
type Status = Parameters<ServerInterceptingCallInterface['sendStatus']>[0];

/** Is its own listener: four closures a call would be garbage at once. */
export class ServerCall implements CallContext, Listener {
  readonly origin: Origin;
  readonly #base: ServerInterceptingCallInterface;
  readonly #sendStatus: (status: Status) => void;
  readonly #served: ServedMethod;
  readonly #environment: CallEnvironment;
  readonly #observed: ObservedCall;
  #deadlineMs: number;
  #deadline: Timer | null = null;
  #request: RequestContext | null = null;
  #controller: AbortController | null = null;
  #drainController: AbortController | null = null;
  #isDraining = false;
  #abortedWith: OpError | null = null;
  #body: Buffer | null = null;
  #reader: MessageQueue<unknown> | null = null;
  #onSent: (() => void) | null = null;
  #isOver = false;

  constructor(
    base: ServerInterceptingCallInterface,
    served: ServedMethod,
    origin: Origin,
    environment: CallEnvironment,
  ) {
    this.#base = base;
    this.#served = served;
    this.#environment = environment;
    this.origin = origin;
    this.#observed = environment.observer.started(served.facts);
    const deadline = base.getDeadline();
    this.#deadlineMs = typeof deadline === 'number' ? deadline : deadline.getTime();
    this.#sendStatus = base.sendStatus.bind(base);
  }

  get caller(): Caller {
    return this.origin.caller;
  }

  get method(): MethodFacts {
    return this.#served.facts;
  }

  get request(): RequestContext {
    this.#request ??= openRequest(this.#environment.random);
    return this.#request;
  }

  /** Made when somebody asks: most handlers do not, and a controller costs more than the rest of the call's record. */
  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.#abortedWith !== null) this.#controller.abort(this.#abortedWith);
    }
    return this.#controller.signal;
  }

  get draining(): AbortSignal {
    this.#drainController ??= new AbortController();
    if (this.#isDraining) this.#drainController.abort(new OpError('SERVER_STOPPING', {}));
    return this.#drainController.signal;
  }

  drain(): void {
    this.#isDraining = true;
    this.#drainController?.abort(new OpError('SERVER_STOPPING', {}));
  }

  remainingMs(): number {
    return Math.max(0, this.#deadlineMs - this.#environment.clock.wallMs());
  }

  /** Ends the call with an error, unless it has ended; also from outside, when its peer was revoked or the server stops. */
  fail(error: OpError): void {
    if (this.#isOver) return;
    this.#abort(error);
    this.#sendStatus(errorToStatus(error, this.request.requestId));
    this.#end(error);
  }

  /** What grpc-js's own handling of the method gets in place of the call: it starts us, and learns nothing more. */
  takeOver(): ServerInterceptingCall {
    // grpc-js answers some failures below its interceptors, and this is the one function that they pass too.
    this.#base.sendStatus = (status) => this.fail(this.#errorOf(status));
    return new ServerInterceptingCall(this.#base, { start: () => this.#start() });
  }

  #start(): void {
    this.#environment.calls.add(this);
    if (this.#deadlineMs === Infinity && this.caller.kind === 'local') this.#setDeadline();
    this.#base.start(this);
  }

  /** Our own callers always set one. A local process may be a tool of Kubernetes that does not, and is answered all the same. */
  #setDeadline(): void {
    const { clock, timers, limits } = this.#environment;
    this.#deadlineMs = clock.wallMs() + limits.undatedCallLimitMs;
    this.#deadline = timers.after(limits.undatedCallLimitMs, () => {
      this.fail(new OpError('DEADLINE_EXCEEDED', { method: nameOf(this.method) }));
    });
  }

  onReceiveMetadata(metadata: Metadata): void {
    const incoming = { requestId: first(metadata, requestIdKey), traceparent: first(metadata, traceparentKey) };
    this.#request = openRequest(this.#environment.random, incoming);
    const refusal = this.#judge();
    if (refusal !== null) this.fail(refusal);
    else if (this.method.requestStream) this.#openReader();
    else this.#base.startRead();
  }

  #judge(): OpError | null {
    const method = nameOf(this.method);
    const refusal = this.origin.judge();
    if (refusal !== null) return refusal;
    const allowed = this.#environment.access[this.method.path] ?? [];
    if (!mayCall(this.caller, allowed)) {
      return new OpError('CALLER_NOT_ALLOWED', { caller: describeCaller(this.caller), method });
    }
    return this.#deadlineMs === Infinity ? new OpError('DEADLINE_MISSING', { method }) : null;
  }

  onReceiveMessage(message: Buffer): void {
    this.#environment.observer.received(this.#observed, message.length);
    if (this.#reader !== null) {
      this.#guard(() => this.#reader?.push(this.#decode(message)));
    } else if (this.#body === null) {
      this.#body = message;
      this.#base.startRead();
    } else {
      this.fail(new OpError('STREAM_CUT', { method: nameOf(this.method), count: 'several' }));
    }
  }

  onReceiveHalfClose(): void {
    if (this.#reader !== null) {
      this.#reader.end();
    } else if (this.#body === null) {
      this.fail(new OpError('STREAM_CUT', { method: nameOf(this.method), count: 'no' }));
    } else {
      const body = this.#body;
      this.#guard(() => this.#run(this.#decode(body)));
    }
  }

  #openReader(): void {
    const reader = new MessageQueue<unknown>(
      () => this.#base.startRead(),
      () => undefined,
    );
    this.#reader = reader;
    this.#run(reader);
  }

  #decode(body: Buffer): unknown {
    const message = this.#served.decodeRequest(body);
    const { log } = this.#environment;
    // Entering the call's context costs more than most messages.
    if (log.isEnabled('debug')) runInRequest(this.request, () => logRequestBody(log, this.method, message));
    return message;
  }

  #run(input: unknown): void {
    void runInRequest(this.request, async () => {
      try {
        const output = this.#served.handle(input, this);
        if (this.method.responseStream) await this.#sendAll(output as AsyncIterable<unknown>);
        else await this.#send(await output);
        this.#succeed();
      } catch (error) {
        this.#failWith(error);
      }
    });
  }

  async #sendAll(messages: AsyncIterable<unknown>): Promise<void> {
    for await (const message of messages) {
      if (this.#isOver) return;
      await this.#send(message);
    }
  }

  /** Done when the message is on its way, which is how a slow client slows the handler of a stream. */
  #send(message: unknown): Promise<void> | undefined {
    if (this.#isOver) return;
    const bytes = this.#served.encodeResponse(message);
    const limit = this.#environment.limits.messageLimitBytes;
    if (bytes.length > limit) throw new OpError('MESSAGE_TOO_LARGE', { method: nameOf(this.method), limit });
    this.#environment.observer.sent(this.#observed, bytes.length);
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    // The status follows the only answer at once: one write to the socket instead of two.
    if (!this.method.responseStream) {
      this.#base.sendMessage(buffer, () => undefined);
      return;
    }
    return new Promise((resolve) => {
      this.#onSent = resolve;
      this.#base.sendMessage(buffer, resolve);
    });
  }

  #succeed(): void {
    if (this.#isOver) return;
    this.#sendStatus({ code: grpcStatus.OK, details: 'OK', metadata: null });
    this.#end(null);
  }

  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#failWith(error);
    }
  }

  #failWith(error: unknown): void {
    this.fail(toOpError(error));
    if (error instanceof InvariantError) this.#environment.onDefect(error);
  }

  /** The stream is gone: cancelled by the client, its connection lost. After our own status it says nothing. */
  onCancel(): void {
    if (this.#isOver) return;
    const error = new OpError('CALL_CANCELLED', { method: nameOf(this.method), reason: 'the caller went away' });
    this.#abort(error);
    this.#end(error);
  }

  #abort(error: OpError): void {
    this.#abortedWith = error;
    this.#controller?.abort(error);
    this.#reader?.fail(error);
  }

  #end(error: OpError | null): void {
    this.#isOver = true;
    this.#deadline?.cancel();
    // A message that was cancelled never says that it was sent; its handler would wait for ever.
    this.#onSent?.();
    this.#environment.calls.delete(this);
    this.#environment.onCallEnd();
    const tell = (): void => this.#environment.observer.ended(this.#observed, this.origin.describe(), error);
    // Mostly the handler's own context, and entering one costs.
    if (currentRequest() === this.#request) tell();
    else runInRequest(this.request, tell);
  }

  /** grpc-js's own words as a row of the table. */
  #errorOf(status: Status): OpError {
    return errorOfStatus(
      {
        code: status.code,
        details: status.details,
        metadata: (status.metadata ?? noMetadata) as CallStatus['metadata'],
      },
      { method: nameOf(this.method), address: 'this server', limitBytes: this.#environment.limits.messageLimitBytes },
    );
  }
}

const noMetadata: Pick<Metadata, 'get'> = { get: () => [] };

function first(metadata: Metadata, key: string): string | null {
  const [value] = metadata.get(key);
  return typeof value === 'string' ? value : null;
}

export function nameOf(method: MethodFacts): string {
  return `${method.service}/${method.method}`;
}
