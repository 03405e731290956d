// Frames on a stream of bytes: a header of 8 bytes, then the payload. The header is the payload's length and the same
// length combined with a fixed pattern, both 32 bits and little-endian: foreign bytes (a TLS greeting, a request of HTTP)
// and a stream that lost its step are told from a frame at once, before memory is taken for a length that never was.
// What damages bytes on the way is TCP's and TLS's to notice.
import { OpError } from './op-error.ts';

export const frameHeaderBytes = 8;
const lengthPattern = 0x5a11f00d;

export function writeFrameHeader(into: Buffer, payloadBytes: number): void {
  into.writeUInt32LE(payloadBytes, 0);
  into.writeUInt32LE((payloadBytes ^ lengthPattern) >>> 0, 4);
}

export interface FrameReaderOptions {
  readonly peer: string;
  readonly maxFrameBytes: number;
}

/** A frame that lies within one chunk is handed out as a view of it; one that spans several is copied once. */
export class FrameReader {
  readonly #options: FrameReaderOptions;
  readonly #chunks: Buffer[] = [];
  /** Read so far of the first chunk. */
  #at = 0;
  readonly #header = Buffer.alloc(frameHeaderBytes);
  #headerFilled = 0;
  #payload: Buffer | null = null;
  #payloadFilled = 0;

  constructor(options: FrameReaderOptions) {
    this.#options = options;
  }

  /** A part of a frame is here, and the rest is not. */
  get isWithinFrame(): boolean {
    return this.#headerFilled > 0 || this.#chunks.length > 0;
  }

  push(chunk: Buffer): void {
    if (chunk.length > 0) this.#chunks.push(chunk);
  }

  /** The next whole frame, or null; throws when the bytes cannot be one. */
  next(): Uint8Array | null {
    for (;;) {
      const chunk = this.#chunks[0];
      if (this.#headerFilled < frameHeaderBytes) {
        if (chunk === undefined) return null;
        this.#headerFilled += this.#take(chunk, this.#header, this.#headerFilled);
        continue;
      }
      const payloadBytes = this.#payload?.length ?? this.#checkedLength();
      const isInChunk = chunk !== undefined && chunk.length - this.#at >= payloadBytes;
      if (this.#payload === null && (isInChunk || payloadBytes === 0)) return this.#view(chunk, payloadBytes);
      this.#payload ??= Buffer.allocUnsafe(payloadBytes);
      if (this.#payloadFilled === payloadBytes) return this.#finish(this.#payload);
      if (chunk === undefined) return null;
      this.#payloadFilled += this.#take(chunk, this.#payload, this.#payloadFilled);
    }
  }

  #checkedLength(): number {
    const payloadBytes = this.#header.readUInt32LE(0);
    const { peer, maxFrameBytes } = this.#options;
    if ((payloadBytes ^ lengthPattern) >>> 0 !== this.#header.readUInt32LE(4)) {
      const reason = `they begin with ${this.#header.toString('hex')}`;
      throw new OpError('FRAME_MALFORMED', { peer, reason });
    }
    if (payloadBytes > maxFrameBytes) {
      throw new OpError('FRAME_TOO_LARGE', { peer, direction: 'by', size: payloadBytes, limit: maxFrameBytes });
    }
    return payloadBytes;
  }

  #view(chunk: Buffer | undefined, payloadBytes: number): Uint8Array {
    const start = this.#at;
    if (chunk !== undefined) this.#advance(chunk, payloadBytes);
    return this.#finish(chunk?.subarray(start, start + payloadBytes) ?? Buffer.alloc(0));
  }

  #finish(frame: Uint8Array): Uint8Array {
    this.#headerFilled = 0;
    this.#payload = null;
    this.#payloadFilled = 0;
    return frame;
  }

  /** Copies what the chunk has of what `into` still wants. */
  #take(chunk: Buffer, into: Buffer, filled: number): number {
    const copied = chunk.copy(into, filled, this.#at);
    this.#advance(chunk, copied);
    return copied;
  }

  #advance(chunk: Buffer, bytes: number): void {
    this.#at += bytes;
    if (this.#at < chunk.length) return;
    this.#chunks.shift();
    this.#at = 0;
  }
}
