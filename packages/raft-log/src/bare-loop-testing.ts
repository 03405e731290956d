// What the bench measures the log against: a loop in Node that writes the same number of bytes at the same alignment into a
// file that was preallocated on the same file system, and does nothing else: no checksum, no thread, no promise.
import { closeSync, fdatasyncSync, openSync, readSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const mib = 1024 * 1024;
const fileBytes = 64 * mib;
const blockBytes = 4096;

export class BareLoop {
  readonly #descriptor: number;
  #position = 0;

  constructor(folder: string) {
    this.#descriptor = openSync(join(folder, 'bare'), 'w+');
    const zeroes = Buffer.alloc(mib);
    for (let position = 0; position < fileBytes; position += mib) writeSync(this.#descriptor, zeroes, 0, mib, position);
    fdatasyncSync(this.#descriptor);
  }

  /** One batch, durable when it returns. */
  write(bytes: Uint8Array): void {
    const length = Math.ceil(bytes.length / blockBytes) * blockBytes;
    if (this.#position + length > fileBytes) this.#position = 0;
    writeSync(this.#descriptor, bytes, 0, bytes.length, this.#position);
    fdatasyncSync(this.#descriptor);
    this.#position += length;
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

/**
 * What callers who wait for promises get from the bare loop: each call's payload is copied into one buffer, the buffer is written in
 * the callers' own thread, and all are answered at once. No log can be faster; what it does for a call comes on top.
 */
export class BareCalls {
  readonly #bare: BareLoop;
  readonly #batch: Uint8Array;
  #offset = 0;
  #answer: Promise<void> | null = null;

  constructor(bare: BareLoop, batchBytes: number) {
    this.#bare = bare;
    this.#batch = new Uint8Array(batchBytes);
  }

  append(payload: Uint8Array): Promise<void> {
    this.#batch.set(payload, this.#offset);
    this.#offset += payload.length;
    this.#answer ??= this.#write();
    return this.#answer;
  }

  /** In the next microtask: behind those who were answered with the one who calls now. */
  async #write(): Promise<void> {
    await Promise.resolve();
    this.#offset = 0;
    this.#answer = null;
    this.#bare.write(this.#batch);
  }
}

/** Reads files from end to end, a window at a time; the number of bytes. */
export function readBare(paths: readonly string[], windowBytes: number): number {
  const window = Buffer.alloc(windowBytes);
  let total = 0;
  for (const path of paths) {
    const descriptor = openSync(path, 'r');
    const { size } = statSync(path);
    for (let position = 0; position < size; position += window.length) {
      total += readSync(descriptor, window, 0, window.length, position);
    }
    closeSync(descriptor);
  }
  return total;
}
