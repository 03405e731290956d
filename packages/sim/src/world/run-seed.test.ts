// How a run ends that comes to rest, that need not, and that must and does not.
import { expect, test } from '@jest/globals';
import { runSeed } from './run-seed.ts';
import type { Scenario, ScenarioRun } from './scenario.ts';

function scenarioOf(end: Pick<ScenarioRun, 'hasConverged' | 'beyondPromise'>): Scenario {
  const run: ScenarioRun = {
    ...{ inflict: () => null, resolveRole: () => null, request: () => undefined, conclude: () => undefined },
    ...{ whyNotConverged: () => 'nobody leads', ...end },
  };
  return { name: 'end', draw: () => ({ shape: {}, faults: [], operations: [] }), begin: async () => run };
}

const excuse = 'a voter is gone for good';

test.each([
  { what: 'comes to rest', isAtRest: true, excuse: null, told: null, rule: null },
  { what: 'comes to rest although it need not', isAtRest: true, excuse, told: null, rule: null },
  { what: 'need not come to rest', isAtRest: false, excuse, told: excuse, rule: null },
  { what: 'must come to rest', isAtRest: false, excuse: null, told: null, rule: 'convergence' },
])('a run that $what says so', async ({ isAtRest, excuse: reason, told, rule }) => {
  const scenario = scenarioOf({ hasConverged: () => isAtRest, beyondPromise: () => reason });
  const result = await runSeed({ seed: 1, scenario });
  expect([result.ok, result.excuse, result.finding?.rule ?? null]).toEqual([rule === null, told, rule]);
});
