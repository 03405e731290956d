// How long to wait before trying again, and the loop that does it. The delay doubles up to a ceiling; half of it is drawn by
// lot, so that a hundred agents that lost one leader do not come back in one instant. Relies on Timers and Random.
import { sleep, throwIfAborted } from './abort.ts';
import type { Timers } from './clock.ts';
import { invariant } from './invariant.ts';
import { type OpError, toOpError } from './op-error.ts';
import type { Random } from './random.ts';

export interface Backoff {
  /** The delay before the first repetition, jitter aside. */
  readonly baseMs: number;
  readonly ceilingMs: number;
}

/** The delay after the failure of attempt `attempt`, counted from 1: between half of min(base × 2^(attempt−1), ceiling) and all of it. */
export function backoffDelayMs(backoff: Backoff, attempt: number, random: Random): number {
  invariant(Number.isInteger(attempt) && attempt >= 1, `attempt ${attempt} of a backoff`);
  invariant(backoff.baseMs > 0 && backoff.ceilingMs >= backoff.baseMs, 'a backoff with 0 < base ≤ ceiling');
  // Beyond 2^1023 the power is Infinity, and the minimum still holds.
  const fullMs = Math.min(backoff.baseMs * 2 ** (attempt - 1), backoff.ceilingMs);
  return fullMs / 2 + random.fraction() * (fullMs / 2);
}

export interface RetryOptions {
  readonly backoff: Backoff;
  readonly timers: Timers;
  readonly random: Random;
  /** Attempts in all; Infinity only where a signal can end the loop. */
  readonly attemptsLimit: number;
  readonly signal?: AbortSignal | null;
  /** By default the row of the error table decides, and a defect is never retried. */
  readonly isRetriable?: (error: OpError) => boolean;
  /** Told of every failure that will be retried: for the log. */
  readonly onRetry?: (failure: { error: OpError; attempt: number; delayMs: number }) => void;
}

/** Runs `operation` until it succeeds, fails for good, or its attempts are used up; then its last error is thrown. */
export async function retry<Value>(
  operation: (attempt: number) => Promise<Value>,
  options: RetryOptions,
): Promise<Value> {
  const { backoff, timers, random, attemptsLimit, signal = null } = options;
  invariant(attemptsLimit >= 1, 'a retry with at least one attempt');
  invariant(attemptsLimit < Infinity || signal !== null, 'an endless retry has a signal');
  const isRetriable = options.isRetriable ?? ((error: OpError) => error.retriable);
  for (let attempt = 1; ; attempt += 1) {
    throwIfAborted(signal);
    try {
      return await operation(attempt);
    } catch (thrown) {
      const error = toOpError(thrown);
      if (attempt >= attemptsLimit || !isRetriable(error)) throw thrown;
      const delayMs = backoffDelayMs(backoff, attempt, random);
      options.onRetry?.({ error, attempt, delayMs });
      await sleep(timers, delayMs, signal);
    }
  }
}
