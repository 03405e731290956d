// Unary calls as messages of one stream: a call that takes requests of any methods and sends their answers as they come. A gRPC call of
// its own costs either end more than most of what is asked here; a stream pays for it once, and calls of one turn share a message.
// The messages are bytes within bytes, so they are written by hand: counts in seven bits a byte, everything else behind its length.
//
// A message without answers asks the client to send its next requests on another stream, as this connection is about to be replaced.
import { OpError } from '@holdfast/base';
import type { MethodDescriptor } from '../codec-method.ts';

export interface BundledRequest {
  /** Grows along the stream. */
  readonly number: number;
  /** Of the method. */
  readonly path: string;
  readonly timeoutMs: number;
  /** The caller's own, where it works for one; empty otherwise. */
  readonly requestId: string;
  readonly traceparent: string;
  readonly body: Uint8Array;
}

export interface BundledAnswer {
  /** The request's. */
  readonly number: number;
  /** A gRPC status: 0 for an answer, else `body` is the error's trailer and `details` its line. */
  readonly code: number;
  readonly details: string;
  readonly body: Uint8Array;
}

export type Bundle = readonly BundledRequest[];
export type Answers = readonly BundledAnswer[];

/** Of one bundle. */
export const bundledCallsMax = 256;
/** Of the requests of a bundle, and of the answers of one message: a bundle saves nothing on large ones. */
export const bundleBytesMax = 512 * 1024;

export const bundleMethod: MethodDescriptor<Bundle, Answers> = {
  service: 'holdfast.rpc.v1.Bundle',
  method: 'Stream',
  path: '/holdfast.rpc.v1.Bundle/Stream',
  requestStream: true,
  responseStream: true,
  requestMessage: 'holdfast.rpc.v1.Bundle',
  responseMessage: 'holdfast.rpc.v1.Answers',
  encodeRequest: (requests) =>
    encode(requests, (to, { number, path, timeoutMs, requestId, traceparent, body }) => {
      to.count(number);
      to.text(path);
      to.count(timeoutMs);
      to.text(requestId);
      to.text(traceparent);
      to.bytes(body);
    }),
  decodeRequest: (bytes) =>
    decode(bytes, bundledCallsMax, (from) => ({
      number: from.count(),
      path: from.text(),
      timeoutMs: from.count(),
      requestId: from.text(),
      traceparent: from.text(),
      body: from.bytes(),
    })),
  encodeResponse: (answers) =>
    encode(answers, (to, { number, code, details, body }) => {
      to.count(number);
      to.count(code);
      to.text(details);
      to.bytes(body);
    }),
  decodeResponse: (bytes) =>
    decode(bytes, bundledCallsMax, (from) => ({
      number: from.count(),
      code: from.count(),
      details: from.text(),
      body: from.bytes(),
    })),
};

function encode<Item>(items: readonly Item[], write: (to: Writer, item: Item) => void): Uint8Array {
  const to = new Writer();
  for (const item of items) write(to, item);
  return to.finish();
}

function decode<Item>(bytes: Uint8Array, itemsMax: number, read: (from: Reader) => Item): Item[] {
  const from = new Reader(bytes);
  const items: Item[] = [];
  while (!from.isAtEnd) {
    if (items.length >= itemsMax) throw malformed(`more than ${itemsMax} calls`);
    items.push(read(from));
  }
  return items;
}

function malformed(reason: string): OpError {
  return new OpError('MESSAGE_MALFORMED', { message: bundleMethod.requestMessage, reason });
}

const nothing = new Uint8Array(0);
const startBytes = 4096;
const countBytesMax = 8;

class Writer {
  #buffer = Buffer.allocUnsafe(startBytes);
  #at = 0;

  count(value: number): void {
    this.#reserve(countBytesMax);
    let left = value;
    while (left >= 128) {
      this.#buffer[this.#at++] = (left % 128) | 128;
      left = Math.floor(left / 128);
    }
    this.#buffer[this.#at++] = left;
  }

  text(text: string): void {
    const length = Buffer.byteLength(text);
    this.count(length);
    this.#reserve(length);
    this.#at += this.#buffer.write(text, this.#at);
  }

  bytes(bytes: Uint8Array): void {
    this.count(bytes.length);
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  finish(): Uint8Array {
    return this.#buffer.subarray(0, this.#at);
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(2 * this.#buffer.length, this.#at + bytes));
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#buffer = larger;
  }
}

class Reader {
  readonly #buffer: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get isAtEnd(): boolean {
    return this.#at === this.#buffer.length;
  }

  count(): number {
    let value = 0;
    for (let factor = 1; factor < Number.MAX_SAFE_INTEGER; factor *= 128) {
      const byte = this.#buffer[this.#at++];
      if (byte === undefined) throw malformed('it ends within a count');
      value += (byte & 127) * factor;
      if (byte < 128 && Number.isSafeInteger(value)) return value;
    }
    throw malformed('a count is too large');
  }

  text(): string {
    const length = this.#take();
    return length === 0 ? '' : this.#buffer.toString('utf8', this.#at - length, this.#at);
  }

  bytes(): Uint8Array {
    const length = this.#take();
    // As the bodies of most answers are.
    if (length === 0) return nothing;
    return this.#buffer.subarray(this.#at - length, this.#at);
  }

  #take(): number {
    const length = this.count();
    if (length > this.#buffer.length - this.#at) throw malformed('it ends before its last field does');
    this.#at += length;
    return length;
  }
}
