// The scenarios by their names. To be imported only after a bug was planted, because it loads everything that is tested.
import { fencingModelScenario, fencingScenario } from '../fencing/fencing-scenario.ts';
import { fencingRealScenario } from '../fencing-real/fencing-real-scenario.ts';
import { raftScenario } from '../workload/raft-scenario.ts';
import type { ScenarioName } from '../planted/planted-bug.ts';
import { drawPlan as drawPlanOf, runSeed } from '../world/run-seed.ts';
import type { Plan, RunOptions, Scenario, SeedResult } from '../world/scenario.ts';

const scenarios: Readonly<Record<ScenarioName, Scenario>> = {
  raft: raftScenario,
  fencing: fencingScenario,
  'fencing-model': fencingModelScenario,
  'fencing-real': fencingRealScenario,
};

export async function runScenario(name: ScenarioName, options: Omit<RunOptions, 'scenario'>): Promise<SeedResult> {
  return runSeed({ ...options, scenario: scenarios[name] });
}

export function drawPlan(name: ScenarioName, seed: number): Plan {
  return drawPlanOf(scenarios[name], seed);
}
