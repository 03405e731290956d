// What a leader keeps going for the pools: they open in a new cluster generation when everything of an older one is shut out and the
// wait is over (F11), and what was freed becomes free in steps, with room for other commits between two of them.
import type { Timers } from '@holdfast/base';
import type { PoolRow } from '../state/entities.ts';
import { State } from '../state/state.ts';
import type { ExpiryParts, WatchParts } from './expiry.ts';
import { closedPools, longestWait, poolsToReclaim } from './leader-reads.ts';
import type { Tenure } from './tenure.ts';

export interface UpkeepParts extends Pick<ExpiryParts, keyof WatchParts | 'isCurrent'> {
  readonly timers: Timers;
}

export class Upkeep {
  readonly #parts: UpkeepParts;

  constructor(parts: UpkeepParts) {
    this.#parts = parts;
  }

  look(tenure: Tenure, nowMs: number): void {
    const database = this.#parts.database();
    const { generation } = State.read(database);
    for (const pool of database.all(closedPools, generation, this.#parts.settings.lookMax)) {
      if (pool.proof !== null) this.#considerOpening(tenure, pool, nowMs);
    }
    for (const { name } of database.all(poolsToReclaim)) this.#reclaim(tenure, name);
  }

  #considerOpening(tenure: Tenure, { name: pool, drain_bound_ms }: PoolRow, nowMs: number): void {
    const database = this.#parts.database();
    const { generation } = State.read(database);
    const longestMs = (database.get(longestWait)?.wait_ms ?? 0) + (drain_bound_ms ?? 0);
    if (tenure.ageMs(`generation ${generation} ${pool}`, nowMs) <= longestMs) return;
    this.#parts.errands.run<'openPool'>(`open ${pool}`, { kind: 'openPool', pool, term: tenure.term });
  }

  #reclaim(tenure: Tenure, pool: string): void {
    this.#parts.errands.run<'reclaim'>(
      `reclaim ${pool}`,
      { kind: 'reclaim', pool },
      {
        onDone: ({ isDone }) => {
          if (isDone) return;
          this.#parts.timers.after(this.#parts.settings.reclaimRestMs, () => {
            if (this.#parts.isCurrent(tenure)) this.#reclaim(tenure, pool);
          });
        },
      },
    );
  }
}
