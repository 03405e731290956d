// One call on the client, from its headers to its outcome, over grpc-js's own call object: four kinds of methods, one way to
// start, one way to end.
import { Metadata, status as grpcStatus } from '@grpc/grpc-js';
import type { ChannelInterface } from '@grpc/grpc-js';
import { onAbort, OpError, toOpError } from '@holdfast/base';
import {
  currentRequest,
  formatTraceparent,
  openRequest,
  requestIdKey,
  runInRequest,
  traceparentKey,
} from '@holdfast/telemetry';
import type { RequestContext } from '@holdfast/telemetry';
import type { ObservedCall } from '../call-observer.ts';
import type { AnyMethod } from '../codec-method.ts';
import { errorOfStatus, type CallStatus } from '../error-status.ts';
import { MessageQueue } from '../message-queue.ts';
import type { ChannelParts } from './channel.ts';

export interface CallOptions {
  /** How long the call may take, its connection included. There is no call without a deadline. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | null;
}

type GrpcCall = ReturnType<ChannelInterface['createCall']>;

type Listener = Parameters<GrpcCall['start']>[1];

/** What becomes of the answers. */
interface Receiver {
  onMessage(message: unknown): void;
  /** Once, last: null if all went well. */
  onEnd(error: OpError | null): void;
}

/** Is its own listener: a closure per event and call would be garbage at once. */
export class ClientCall implements Listener {
  readonly #parts: ChannelParts;
  readonly #method: AnyMethod;
  readonly #name: string;
  readonly #observed: ObservedCall;
  readonly #receiver: Receiver;
  readonly #call: GrpcCall;
  readonly #request: RequestContext;
  readonly #release: () => void;
  #error: OpError | null = null;
  #onSent: (() => void) | null = null;
  #isOver = false;

  constructor(parts: ChannelParts, method: AnyMethod, options: CallOptions, receiver: Receiver) {
    this.#parts = parts;
    this.#method = method;
    this.#name = `${method.service}/${method.method}`;
    this.#receiver = receiver;
    const { timeoutMs } = options;
    if (!(timeoutMs > 0 && timeoutMs < Infinity)) throw new OpError('DEADLINE_MISSING', { method: this.#name });
    this.#observed = parts.observer.started(method);
    const deadlineMs = parts.clock.wallMs() + timeoutMs;
    this.#call = parts.channel.createCall(method.path, deadlineMs, null, null, null);
    this.#request = currentRequest() ?? openRequest(parts.random);
    this.#call.start(metadataOf(this.#request), this);
    this.#release = onAbort(options.signal ?? null, (error) => this.cancel(error));
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** `sent` is called when the message has left this process's memory, or the call is over. */
  send(request: unknown, sent: () => void): void {
    const bytes = this.#method.encodeRequest(request as never);
    const limit = this.#parts.limits.messageLimitBytes;
    if (bytes.length > limit) throw new OpError('MESSAGE_TOO_LARGE', { method: this.#name, limit });
    if (this.#isOver) {
      sent();
      return;
    }
    this.#onSent = sent;
    this.#parts.observer.sent(this.#observed, bytes.length);
    this.#call.sendMessageWithContext({ callback: sent }, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
  }

  halfClose(): void {
    this.#call.halfClose();
  }

  startRead(): void {
    this.#call.startRead();
  }

  /** Ends the call on both sides; its outcome is `error`. */
  cancel(error: OpError): void {
    if (this.#isOver) return;
    this.#error ??= error;
    this.#call.cancelWithStatus(grpcStatus.CANCELLED, error.message);
  }

  onReceiveMetadata(): void {
    // Our servers say nothing in it.
  }

  onReceiveMessage(message: Buffer): void {
    if (this.#isOver) return;
    this.#parts.observer.received(this.#observed, message.length);
    try {
      this.#receiver.onMessage(this.#method.decodeResponse(message));
    } catch (error) {
      this.cancel(toOpError(error));
    }
  }

  onReceiveStatus(status: CallStatus): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#release();
    // grpc-js forgets the messages of a call that ended, and whoever waits for them would wait for ever.
    this.#onSent?.();
    const error = this.#error ?? this.#errorOf(status);
    runInRequest(this.#request, () => this.#parts.observer.ended(this.#observed, this.#parts.address, error));
    this.#receiver.onEnd(error);
  }

  #errorOf(status: CallStatus): OpError | null {
    if (status.code === grpcStatus.OK) return null;
    // We hung up on the server ourselves, and know better than grpc-js why.
    if (status.code === grpcStatus.UNAVAILABLE && this.#parts.refusal() !== null) return this.#parts.refusal();
    const { address, limits } = this.#parts;
    return errorOfStatus(status, { method: this.#name, address, limitBytes: limits.messageLimitBytes });
  }
}

/** One request, one answer. */
export async function callUnary(
  parts: ChannelParts,
  method: AnyMethod,
  request: unknown,
  options: CallOptions,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const call = startForOne(parts, method, options, { resolve, reject });
    try {
      call.send(request, () => undefined);
      call.halfClose();
    } catch (error) {
      call.cancel(toOpError(error));
    }
  });
}

/** Many requests, one answer. */
export async function callWithRequests(
  parts: ChannelParts,
  method: AnyMethod,
  requests: AsyncIterable<unknown>,
  options: CallOptions,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    void sendAll(startForOne(parts, method, options, { resolve, reject }), requests);
  });
}

/** Many answers; to one request, or to many when `requests` has more. Begins when it is iterated. */
export async function* callForAnswers(
  parts: ChannelParts,
  method: AnyMethod,
  requests: AsyncIterable<unknown>,
  options: CallOptions,
): AsyncGenerator<unknown, void, undefined> {
  const left = new OpError('CALL_CANCELLED', { method: method.path.slice(1), reason: 'its reader left' });
  const answers: MessageQueue<unknown> = new MessageQueue<unknown>(
    () => call.startRead(),
    () => call.cancel(left),
  );
  const call = new ClientCall(parts, method, options, {
    onMessage: (message) => answers.push(message),
    onEnd: (error) => (error === null ? answers.end() : answers.fail(error)),
  });
  void sendAll(call, requests);
  yield* answers;
}

export async function* onlyOne(request: unknown): AsyncGenerator<unknown, void, undefined> {
  yield request;
}

interface Settle {
  resolve(answer: unknown): void;
  reject(error: OpError): void;
}

function startForOne(parts: ChannelParts, method: AnyMethod, options: CallOptions, settle: Settle): ClientCall {
  let answer: { readonly message: unknown } | null = null;
  const call = new ClientCall(parts, method, options, {
    onMessage: (message) => {
      answer = { message };
    },
    onEnd: (error) => {
      if (error !== null) settle.reject(error);
      else if (answer !== null) settle.resolve(answer.message);
      else settle.reject(new OpError('REMOTE_INTERNAL', { method: method.path.slice(1), message: 'no answer' }));
    },
  });
  call.startRead();
  return call;
}

async function sendAll(call: ClientCall, requests: AsyncIterable<unknown>): Promise<void> {
  try {
    for await (const request of requests) {
      await new Promise<void>((resolve) => call.send(request, resolve));
      if (call.isOver) return;
    }
    call.halfClose();
  } catch (error) {
    call.cancel(toOpError(error));
  }
}

function metadataOf(request: RequestContext): Metadata {
  const metadata = new Metadata();
  metadata.set(requestIdKey, request.requestId);
  metadata.set(traceparentKey, formatTraceparent(request.trace));
  return metadata;
}
