// The fencing rules on the metadata service as it ships: the real state machine and the real leader's part on the real raft host, against
// the model's agents, engines and devices, with the faults and the judges of the scenario `fencing`, and sieges besides.
import type { SeededRandom } from '@holdfast/base/internal';
import { FencingRun } from '../fencing/fencing-run.ts';
import { drawHostFaults, drawPlan, foundingMs } from '../fencing/fencing-scenario.ts';
import { shapeOf } from '../fencing/shape.ts';
import { describeFrame } from '../workload/describe-frame.ts';
import { safetyMs } from '../world/phases.ts';
import type { Plan, Scenario } from '../world/scenario.ts';
import { ServiceMembers } from './service-members.ts';
import { drawSieges } from './sieges.ts';

/** Where members fall all the time, no leader lives as long as a lease: so half of the seeds have the one, and half the other. */
function draw(random: SeededRandom): Plan {
  const luck = random.fork('sieges');
  if (luck.below(2) === 0) return drawPlan(random, drawHostFaults);
  return drawSieges(
    luck,
    drawPlan(random, () => []),
    [foundingMs, safetyMs],
  );
}

export const fencingRealScenario: Scenario = {
  name: 'fencing-real',
  draw,
  begin: async (world, plan) => new FencingRun(world, shapeOf(plan), (parts) => new ServiceMembers(parts)),
  describeFrame,
};
