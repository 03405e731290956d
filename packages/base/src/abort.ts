// Waiting that can be called off. Everything here takes its listeners back when it is done: a process-wide signal lives for
// months, and one forgotten listener per call is a leak that ends it. What was called off ends with an OpError.
import type { Timers } from './clock.ts';
import { formatDuration } from './duration.ts';
import { isOpError, OpError } from './op-error.ts';
import { messageOf } from './system-error.ts';

/** The OpError of an aborted signal: the one that it was aborted with, or CANCELLED. */
export function abortError(signal: AbortSignal): OpError {
  const reason: unknown = signal.reason;
  if (isOpError(reason)) return reason;
  return new OpError('CANCELLED', { reason: messageOf(reason) }, { cause: reason });
}

export function throwIfAborted(signal: AbortSignal | null): void {
  if (signal?.aborted === true) throw abortError(signal);
}

/** Calls `callback` once, when `signal` aborts or at once if it has; the function that it returns takes the listener back. */
export function onAbort(signal: AbortSignal | null, callback: (error: OpError) => void): () => void {
  if (signal === null) return () => undefined;
  if (signal.aborted) {
    callback(abortError(signal));
    return () => undefined;
  }
  const listener = (): void => {
    callback(abortError(signal));
  };
  signal.addEventListener('abort', listener, { once: true });
  return () => {
    signal.removeEventListener('abort', listener);
  };
}

/** Waits; rejects as soon as the signal aborts. */
export function sleep(timers: Timers, delayMs: number, signal: AbortSignal | null = null): Promise<void> {
  if (signal?.aborted === true) return Promise.reject(abortError(signal));
  return new Promise((resolve, reject) => {
    const timer = timers.after(delayMs, () => {
      release();
      resolve();
    });
    const release = onAbort(signal, (error) => {
      timer.cancel();
      reject(error);
    });
  });
}

/** Waits; a signal that aborts ends it early, which is no failure: for whoever looks at the signal next. */
export function pause(timers: Timers, delayMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = timers.after(delayMs, () => {
      release();
      resolve();
    });
    const release = onAbort(signal, () => {
      timer.cancel();
      resolve();
    });
  });
}

/** `promise`, or the abort if that comes first. Work that does not watch the signal itself goes on unheeded. */
export function raceAbort<Value>(promise: Promise<Value>, signal: AbortSignal | null): Promise<Value> {
  if (signal === null) return promise;
  return new Promise((resolve, reject) => {
    const release = onAbort(signal, reject);
    void promise.then(resolve, reject).finally(release);
  });
}

/** A signal that follows several; `release` when the work that it was made for is over. */
export interface CombinedSignal {
  readonly signal: AbortSignal;
  release(): void;
}

/** Aborts as soon as one of `signals` does, with its error. Unlike AbortSignal.any it can be taken off its sources. */
export function combineSignals(signals: readonly (AbortSignal | null)[]): CombinedSignal {
  const controller = new AbortController();
  const releases: (() => void)[] = [];
  const release = (): void => {
    for (const take of releases.splice(0)) take();
  };
  for (const source of signals) {
    const take = onAbort(source, (error) => {
      controller.abort(error);
      release();
    });
    releases.push(take);
    if (controller.signal.aborted) break;
  }
  if (controller.signal.aborted) release();
  return { signal: controller.signal, release };
}

export interface TimeoutOptions {
  readonly timers: Timers;
  /** What the error says took too long, as in "reading the superblock". */
  readonly what: string;
  readonly limitMs: number;
  readonly signal?: AbortSignal | null;
}

/**
 * Runs `work` with a signal that aborts at the limit or with the caller's. The answer does not wait for work that ignores
 * its signal: a read from a dead disk never comes back, and whoever asked must hear so.
 */
export async function withTimeout<Value>(
  options: TimeoutOptions,
  work: (signal: AbortSignal) => Promise<Value>,
): Promise<Value> {
  const limit = new AbortController();
  const timer = options.timers.after(options.limitMs, () => {
    limit.abort(new OpError('TIMED_OUT', { what: options.what, limit: formatDuration(Math.round(options.limitMs)) }));
  });
  const combined = combineSignals([options.signal ?? null, limit.signal]);
  try {
    throwIfAborted(combined.signal);
    return await raceAbort(work(combined.signal), combined.signal);
  } finally {
    timer.cancel();
    combined.release();
  }
}
