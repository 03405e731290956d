// The fencing rules on the metadata service as it ships: the real state machine and the real leader's part on the real raft host, against
// the model's agents, engines and devices, with the same faults and the same judges as the scenario `fencing`.
import { FencingRun } from '../fencing/fencing-run.ts';
import { drawHostFaults, drawPlan } from '../fencing/fencing-scenario.ts';
import { shapeOf } from '../fencing/shape.ts';
import { describeFrame } from '../workload/describe-frame.ts';
import type { Scenario } from '../world/scenario.ts';
import { ServiceMembers } from './service-members.ts';

export const fencingRealScenario: Scenario = {
  name: 'fencing-real',
  draw: (random) => drawPlan(random, drawHostFaults),
  begin: async (world, plan) => new FencingRun(world, shapeOf(plan), (parts) => new ServiceMembers(parts)),
  describeFrame,
};
