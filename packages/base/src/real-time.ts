// The operating system's time. Relies on Node's performance.now(), which reads CLOCK_MONOTONIC, and on /proc/uptime for
// boottime until the `kernel` package hands in a function that reads CLOCK_BOOTTIME itself.
import { openSync, readSync } from 'node:fs';
import type { Clock, Timer, Timers } from './clock.ts';
import { invariant } from './invariant.ts';

export class RealClock implements Clock {
  readonly #readBoottimeMs: () => number;

  /** Without `readBoottimeMs` boottime has /proc/uptime's resolution of 10 ms. */
  constructor(readBoottimeMs: () => number = readUptimeMs) {
    this.#readBoottimeMs = readBoottimeMs;
  }

  wallMs(): number {
    return Date.now();
  }
  monotonicMs(): number {
    return performance.now();
  }
  boottimeMs(): number {
    return this.#readBoottimeMs();
  }
}

let uptimeDescriptor: number | null = null;
const uptimeText = Buffer.alloc(64);

/** The kernel writes "seconds.hundredths idle" anew for every read at position 0, so one descriptor serves the process. */
function readUptimeMs(): number {
  uptimeDescriptor ??= openSync('/proc/uptime', 'r');
  const length = readSync(uptimeDescriptor, uptimeText, 0, uptimeText.length, 0);
  const seconds = Number.parseFloat(uptimeText.toString('latin1', 0, length));
  invariant(seconds > 0, '/proc/uptime holds no number');
  return seconds * 1000;
}

/** The longest delay that setTimeout takes; it would run a longer one at once. */
const delayMaxMs = 2 ** 31 - 1;

/**
 * setTimeout counts from the start of the event loop's turn and in whole milliseconds, so it may fire early by the clock
 * that deadlines are told in. Here a timer never fires early, and a delay may be of any length.
 */
export class RealTimers implements Timers {
  after(delayMs: number, callback: () => void): Timer {
    invariant(delayMs >= 0 && delayMs < Infinity, () => `a delay of ${delayMs} ms`);
    const dueMs = performance.now() + delayMs;
    const fire = (): void => {
      const remainingMs = dueMs - performance.now();
      if (remainingMs <= 0) callback();
      else pending = setTimeout(fire, Math.min(Math.ceil(remainingMs), delayMaxMs));
    };
    let pending = setTimeout(fire, Math.min(Math.ceil(delayMs), delayMaxMs));
    return { cancel: () => clearTimeout(pending) };
  }
}

/** In the event loop's next turn, behind the input and the timers that are due: for who looks at something again and again. */
export function afterTurn(callback: () => void): void {
  setImmediate(callback);
}
