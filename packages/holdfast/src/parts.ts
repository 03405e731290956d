// What a role has started, and how it is undone: in reverse order, each part once, all of them within one limit.
import { formatDuration, OpError, pause, type Clock, type Timers } from '@holdfast/base';

/** Ends a part: gracefully while `limitMs` lasts, then by force. */
export type Stop = (limitMs: number) => Promise<void>;

interface Part {
  readonly name: string;
  readonly stop: Stop;
}

/** For a part that was told to end by force and does not: the process ends without it. */
const forceMs = 1000;

export class Parts {
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #started: Part[] = [];

  constructor(clock: Clock, timers: Timers) {
    this.#clock = clock;
    this.#timers = timers;
  }

  add(name: string, stop: Stop): void {
    this.#started.push({ name, stop });
  }

  /** Stops everything; a part that fails does not keep the others from stopping. Throws the first failure. */
  async stop(limitMs: number): Promise<void> {
    const endMs = this.#clock.monotonicMs() + limitMs;
    const failures: unknown[] = [];
    for (let part = this.#started.pop(); part !== undefined; part = this.#started.pop()) {
      const leftMs = Math.max(0, endMs - this.#clock.monotonicMs());
      try {
        await this.#stopOne(part, leftMs);
      } catch (error) {
        failures.push(error);
      }
      if (leftMs > 0 && this.#clock.monotonicMs() >= endMs) {
        failures.push(new OpError('DRAIN_INCOMPLETE', { part: part.name, limit: formatDuration(limitMs) }));
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  async #stopOne(part: Part, leftMs: number): Promise<void> {
    const patience = new AbortController();
    try {
      await Promise.race([part.stop(leftMs), pause(this.#timers, leftMs + forceMs, patience.signal)]);
    } finally {
      patience.abort();
    }
  }
}
