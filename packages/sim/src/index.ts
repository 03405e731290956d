// The public door of sim: what runs a seed, and what a scenario is made of.
export type * from './world/scenario.ts';
export { drawPlan, runSeed } from './world/run-seed.ts';
export { raftScenario } from './workload/raft-scenario.ts';
