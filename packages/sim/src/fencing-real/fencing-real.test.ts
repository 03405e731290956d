import { expect, test } from '@jest/globals';
import { runSeed } from '../world/run-seed.ts';
import type { SeedResult } from '../world/scenario.ts';
import { fencingRealScenario as scenario } from './fencing-real-scenario.ts';

const calmSeeds = 2;
const timeoutMs = 600_000;

function run(seed: number): Promise<SeedResult> {
  return runSeed({ seed, scenario, faults: [] });
}

test(
  'without faults the real service serves agents, engines and their users, and no rule of fencing breaks',
  async () => {
    for (let seed = 1; seed <= calmSeeds; seed++) expect(await run(seed)).toMatchObject({ seed, finding: null });
  },
  timeoutMs,
);

test(
  'a seed happens twice in the same way',
  async () => {
    const [first, second] = [await run(3), await run(3)];
    expect(second).toEqual(first);
    expect(first.steps).toBeGreaterThan(5_000);
  },
  timeoutMs,
);
