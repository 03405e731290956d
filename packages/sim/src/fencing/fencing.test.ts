import { expect, test } from '@jest/globals';
import { runSeed } from '../world/run-seed.ts';
import type { SeedResult } from '../world/scenario.ts';
import { fencingModelScenario } from './fencing-scenario.ts';

function run(seed: number): Promise<SeedResult> {
  return runSeed({ seed, scenario: fencingModelScenario });
}

const seeds = 5;
const timeoutMs = 60_000;

test(
  'no seed breaks a rule of fencing',
  async () => {
    for (let seed = 1; seed <= seeds; seed++) expect(await run(seed)).toMatchObject({ seed, finding: null });
  },
  timeoutMs,
);

test(
  'a seed happens twice in the same way',
  async () => {
    const [first, second] = [await run(7), await run(7)];
    expect(second).toEqual(first);
    expect(first.steps).toBeGreaterThan(5_000);
  },
  timeoutMs,
);
