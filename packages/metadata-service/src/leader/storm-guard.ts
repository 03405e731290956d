// F7: when many stop at once it is the array or the network that failed, not they; until most are back nobody is fenced.
import type { StateDatabase } from '../state/database.ts';
import { State } from '../state/state.ts';
import { holders, type Holder } from './leader-reads.ts';
import type { StandingParts } from './standing.ts';
import type { Tenure } from './tenure.ts';

export interface Storm {
  readonly stopped: number;
  readonly holders: number;
}

const leastStopped = 3;
/** Who were heard last within so many ttls of each other have stopped together, however long ago. */
const togetherTtls = 2;

/** The sessions with grants, as of one state. */
interface Known {
  readonly database: StateDatabase;
  readonly applied: number;
  readonly generation: number;
  readonly holders: readonly Holder[];
}

export class StormGuard {
  readonly #parts: StandingParts;
  #known: Known | null = null;

  constructor(parts: StandingParts) {
    this.#parts = parts;
  }

  /**
   * Of the sessions with grants: who ended without a certificate has stopped as well as who says nothing. A storm begins when many stop within
   * a short time, and lasts until most are back: neither the first of them nor time ends it, or the others were fenced while the network
   * is being mended. Null if there is none.
   */
  look(tenure: Tenure, nowMs: number): Storm | null {
    const { stoppedShare } = this.#parts.settings;
    const { generation, holders: all } = this.#know();
    const stopped = all.filter((session) => {
      const isLive = session.ended === null && session.generation === generation;
      return !isLive || tenure.silentMs(session.id, nowMs) > session.ttl_ms * stoppedShare;
    });
    const windowMs = togetherTtls * Math.max(0, ...stopped.map(({ ttl_ms }) => ttl_ms));
    const together = mostWithin(
      windowMs,
      stopped.map(({ id }) => tenure.silentMs(id, nowMs)),
    );
    const begins = together >= leastStopped && together * 2 > all.length;
    const lasts = tenure.storm !== null && stopped.length > 0 && stopped.length * 2 >= all.length;
    return begins || lasts ? { stopped: stopped.length, holders: all.length } : null;
  }

  /** Read once while the state stays as it is: a thousand sessions a look would cost more than their renewals. */
  #know(): Known {
    const database = this.#parts.database();
    const applied = this.#parts.applied();
    if (this.#known?.database === database && this.#known.applied === applied) return this.#known;
    const { generation } = State.read(database);
    this.#known = { database, applied, generation, holders: database.all(holders) };
    return this.#known;
  }
}

/** How many of these times at the most lie within one window. */
function mostWithin(windowMs: number, timesMs: readonly number[]): number {
  const sorted = timesMs.toSorted((one, other) => one - other);
  let first = 0;
  let most = 0;
  for (const [at, timeMs] of sorted.entries()) {
    while (timeMs - (sorted[first] ?? timeMs) > windowMs) first++;
    most = Math.max(most, at - first + 1);
  }
  return most;
}
