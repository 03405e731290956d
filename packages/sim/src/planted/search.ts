// Looks for planted bugs, seed after seed from 1, each bug in a thread of its own.
import type { Timers } from '@holdfast/base';
import { inParallel, SeedThread } from '../cli/seed-thread.ts';
import type { Finding } from '../world/scenario.ts';
import type { PlantedBug } from './planted-bug.ts';

export const seedsMaxDefault = 2000;

export interface Found {
  readonly bug: PlantedBug;
  /** How many seeds it took; those of the search, if it was not found. */
  readonly seeds: number;
  /** null if it was not found. */
  readonly finding: Finding | null;
}

export interface SearchOptions {
  readonly bugs: readonly PlantedBug[];
  readonly seedsMax: number;
  readonly workers: number;
  readonly timers: Timers;
  readonly onFound?: (found: Found) => void;
}

/** In the order of `bugs`. */
export async function searchBugs({ bugs, seedsMax, workers, timers, onFound }: SearchOptions): Promise<Found[]> {
  const found = new Map<PlantedBug, Found>();
  const right = Array.from({ length: workers }, () => new SeedThread({ timers, bug: null }));
  try {
    await inParallel(workers, bugs, async (bug, lane) => {
      const one = await searchBug(bug, { seedsMax, timers, right: right[lane] });
      found.set(bug, one);
      onFound?.(one);
    });
  } finally {
    for (const thread of right) await thread.stop();
  }
  return bugs.flatMap((bug) => found.get(bug) ?? []);
}

interface Search {
  readonly seedsMax: number;
  readonly timers: Timers;
  /** Runs the program as it is. */
  readonly right: SeedThread | undefined;
}

async function searchBug(bug: PlantedBug, { seedsMax, timers, right }: Search): Promise<Found> {
  const wrong = new SeedThread({ timers, bug });
  try {
    for (let seed = 1; seed <= seedsMax; seed++) {
      const job = { scenario: bug.scenario, seed };
      const { result, isPlanted } = await wrong.run(job);
      if (!isPlanted) throw new Error(`${bug.name} cannot show: the scenario ${bug.scenario} never loads ${bug.file}`);
      const { finding } = result;
      // What breaks without the bug, too, says nothing about it.
      if (finding === null || (await right?.run(job))?.result.finding !== null) continue;
      return { bug, seeds: seed, finding };
    }
    return { bug, seeds: seedsMax, finding: null };
  } finally {
    await wrong.stop();
  }
}
