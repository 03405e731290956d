// Time, as three different things that must not be mixed up. Nobody else calls Date.now() or performance.now(): the
// simulator drives these, each node's with its own drift, jumps and pauses.

export interface Clock {
  /** Wall time since 1970 in ms: for people and certificates; it may jump either way. */
  wallMs(): number;
  /** For durations inside this process; stands still while the machine sleeps. */
  monotonicMs(): number;
  /** CLOCK_BOOTTIME: goes on while the machine sleeps, so deadlines are told in it (F2). */
  boottimeMs(): number;
}

/** A pending call; cancelling one that has run or was cancelled does nothing. */
export interface Timer {
  cancel(): void;
}

export interface Timers {
  /** Runs `callback` once, `delayMs` of monotonic time from now. */
  after(delayMs: number, callback: () => void): Timer;
}
