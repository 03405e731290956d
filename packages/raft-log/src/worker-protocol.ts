// What the main thread and the log's worker share: a few words of memory for each request and its answer, and a port for what is
// rare. The write of a batch crosses by the words alone.
import type { MessagePort } from 'node:worker_threads';

export interface WorkerSetup {
  readonly words: SharedArrayBuffer;
  readonly port: MessagePort;
  readonly looksOut: boolean;
}

/** Indexes of 32-bit words. */
export const word = {
  /** Counts requests; the worker sleeps on it. */
  request: 0,
  /** Counts answers; the main thread waits on it. */
  answer: 1,
  kind: 2,
  buffer: 3,
  offset: 4,
  length: 5,
  status: 6,
} as const;

/** Indexes of 64-bit numbers, behind the words. */
export const number = { position: 4, writeMs: 5, syncMs: 6 } as const;
export const sharedBytes = 64;

export const requestKinds = { write: 1, message: 2 } as const;
export const statuses = { done: 0, diskFull: 1, failed: 2 } as const;

/** Makes a batch buffer known to the worker under a number. */
export interface BufferMessage {
  readonly kind: 'buffer';
  readonly id: number;
  readonly buffer: SharedArrayBuffer;
}

/** Sent with the status `failed`. */
export interface FailureMessage {
  readonly kind: 'failure';
  readonly message: string;
}
