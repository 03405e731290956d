// Numbers, texts and bytes in a frame or a file. A number is a counter from 0 to 2^53 - 1, seven bits a byte, the lowest first, the
// highest bit set on all but the last: what a group says most often is small. There is one way to write each value.
// Whatever bytes are read, the reader answers with a value or with RAFT_MESSAGE_MALFORMED, and takes no memory for lengths
// that the bytes do not have.
import { isUtf8 } from 'node:buffer';
import { invariant, OpError } from '@holdfast/base';

const smallMax = 0x80;
/** 8 × 7 bits hold 2^53 - 1. */
const counterBytesMax = 8;

export class ByteWriter {
  #bytes: Buffer;
  #length = 0;

  constructor(capacityBytes: number) {
    this.#bytes = Buffer.allocUnsafe(capacityBytes);
  }

  get length(): number {
    return this.#length;
  }

  byte(value: number): void {
    this.#need(1);
    this.#bytes[this.#length++] = value;
  }

  counter(value: number): void {
    this.#need(counterBytesMax);
    if (value < smallMax && value >= 0) {
      this.#bytes[this.#length++] = value;
      return;
    }
    invariant(Number.isSafeInteger(value) && value >= 0, `${value} is no counter`);
    let rest = value;
    while (rest >= smallMax) {
      this.#bytes[this.#length++] = (rest % smallMax) | smallMax;
      rest = Math.floor(rest / smallMax);
    }
    this.#bytes[this.#length++] = rest;
  }

  text(value: string): void {
    const length = Buffer.byteLength(value);
    this.counter(length);
    this.#need(length);
    this.#length += this.#bytes.write(value, this.#length);
  }

  bytes(value: Uint8Array): void {
    this.counter(value.length);
    this.raw(value);
  }

  /** Without its length, where something else tells it. */
  raw(value: Uint8Array): void {
    this.#need(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  /** What was written; the writer is not used again. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** For who writes again and again: what was written before is gone, which may have ended half way. */
  anew(): this {
    this.#length = 0;
    return this;
  }

  /** What was written, in memory of its own. */
  copy(): Uint8Array {
    const bytes = Buffer.allocUnsafe(this.#length);
    this.#bytes.copy(bytes, 0, 0, this.#length);
    return bytes;
  }

  #need(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(2 * this.#bytes.length, this.#length + bytes));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}

export class ByteReader {
  readonly #bytes: Uint8Array;
  /** The same bytes, once a text is read. */
  #texts: Buffer | null = null;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  byte(): number {
    const value = this.#bytes[this.#at];
    if (value === undefined) throw malformed('it ends too early');
    this.#at++;
    return value;
  }

  counter(): number {
    let value = 0;
    let scale = 1;
    for (let count = 1; count <= counterBytesMax; count++) {
      const byte = this.byte();
      value += (byte & (smallMax - 1)) * scale;
      if (byte >= smallMax) {
        scale *= smallMax;
        continue;
      }
      if (value > Number.MAX_SAFE_INTEGER || (byte === 0 && count > 1)) break;
      return value;
    }
    throw malformed('a number that is none');
  }

  text(): string {
    const start = this.#take(this.counter());
    this.#texts ??= Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.length);
    const text = this.#texts.toString('utf8', start, this.#at);
    // Bytes that are no text are read as this, and would be another text when they are written again.
    if (text.includes('\ufffd') && !isUtf8(this.#bytes.subarray(start, this.#at)))
      throw malformed('a text that is none');
    return text;
  }

  /** A view, which lives as long as what it is read from. */
  bytes(): Uint8Array {
    return this.raw(this.counter());
  }

  raw(length: number): Uint8Array {
    const start = this.#take(length);
    return this.#bytes.subarray(start, this.#at);
  }

  /** Where they begin; behind this they are read. */
  #take(length: number): number {
    const start = this.#at;
    if (length > this.#bytes.length - start) throw malformed('it ends too early');
    this.#at = start + length;
    return start;
  }

  /** Everything that is left. */
  rest(): Uint8Array {
    return this.raw(this.#bytes.length - this.#at);
  }

  expectEnd(): void {
    if (!this.isAtEnd) throw malformed('something stands behind its end');
  }
}

export function malformed(reason: string): OpError {
  return new OpError('RAFT_MESSAGE_MALFORMED', { reason });
}
