// Holds a stream to a rate, however it is cut into parts: behind each part its share of the time is waited for. What a part took by
// itself counts, and a timer that fires late is made up for, but a stream that stood still does not hurry afterwards.
import type { Clock, Timers } from '@holdfast/base';

/** Waits as long as the rate asks for behind so many bytes; everything else has its turn in any case. */
export type Pace = (bytes: number) => Promise<void>;

export interface PaceParts {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly timers: Timers;
  readonly bytesPerSecond: number;
}

/** That a stream may be late and catch up with. */
const latenessMaxMs = 50;

export function paceOf({ clock, timers, bytesPerSecond }: PaceParts): Pace {
  let dueMs = -Infinity;
  return async (bytes) => {
    const nowMs = clock.monotonicMs();
    dueMs = Math.max(dueMs + (1_000 * bytes) / bytesPerSecond, nowMs - latenessMaxMs);
    return new Promise((resolve) => void timers.after(Math.max(0, dueMs - nowMs), resolve));
  };
}
