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

/** Something that nobody promises happens, and a promise is broken, in this order or the other one. */
function brokenScenario(isExcusedFirst: boolean): Scenario {
  const scenario = scenarioOf({ hasConverged: () => false });
  return {
    ...scenario,
    begin: async (world, plan) => {
      if (isExcusedFirst) world.excuse('its disk wrote elsewhere');
      world.report('one-leader-a-term', 'two lead');
      if (!isExcusedFirst) world.excuse('its disk wrote elsewhere');
      return scenario.begin(world, plan);
    },
  };
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

test('what is broken where nothing is promised is no finding; what was broken before is one', async () => {
  const excused = await runSeed({ seed: 1, scenario: brokenScenario(true) });
  expect([excused.ok, excused.excuse, excused.finding]).toEqual([true, 'its disk wrote elsewhere', null]);
  expect(excused.virtualMs).toBe(0);
  const found = await runSeed({ seed: 1, scenario: brokenScenario(false) });
  expect([found.ok, found.excuse, found.finding?.rule]).toEqual([false, null, 'one-leader-a-term']);
});
