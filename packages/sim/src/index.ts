// The public door of sim: what runs a seed, what a scenario is made of, and the search for planted bugs.
export type * from './world/scenario.ts';
export { drawPlan, runSeed } from './world/run-seed.ts';
export { foundColumns, summaryOf } from './planted/planted-page.ts';
export { plantedBugs } from './planted/planted-bugs.ts';
export { searchBugs, seedsMaxDefault, type Found } from './planted/search.ts';
export { raftScenario } from './workload/raft-scenario.ts';
export { judgeKey, type KeyOperation } from './judge/linearizability.ts';
