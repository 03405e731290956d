// The scenarios that judge the fencing rules. `fencing-model` replicates the metadata log by a stand-in, so that a seed costs little
// and thousands run; `fencing` by the production raft host, with everything going wrong there that the raft scenario knows.
import type { SeededRandom } from '@holdfast/base/internal';
import { drawFragile } from '../faults/fault-atlas.ts';
import { faultKinds } from '../faults/fault-kinds.ts';
import { drawSwarm } from '../faults/swarm.ts';
import { safetyMs } from '../world/phases.ts';
import { describeFrame } from '../workload/describe-frame.ts';
import type { Fault, Plan, Scenario } from '../world/scenario.ts';
import { FencingRun } from './fencing-run.ts';
import { HostMetadata } from './host-metadata.ts';
import { drawNodeFaults } from './node-faults.ts';
import { drawShape, shapeOf, toPlain, type FencingShape } from './shape.ts';
import { StandInMetadata } from './stand-in-metadata.ts';
import { drawCuts, drawOperations } from './user/operations.ts';

export const foundingMs = 3_000;

export function drawPlan(
  random: SeededRandom,
  more: (random: SeededRandom, shape: FencingShape) => readonly Fault[],
): Plan {
  const shape = drawShape(random.fork('shape'));
  const faults = drawNodeFaults(random.fork('faults'), shape, [foundingMs, safetyMs]);
  return {
    shape: toPlain(shape),
    faults: [...faults, ...more(random, shape)].sort((one, other) => one.atMs - other.atMs),
    operations: drawOperations(random.fork('operations'), shape, [foundingMs, safetyMs]),
  };
}

/** Where the metadata service knows cuts over several volumes. */
function withCuts(random: SeededRandom, plan: Plan): Plan {
  const cuts = drawCuts(random.fork('cuts'), shapeOf(plan), [foundingMs, safetyMs]);
  return { ...plan, operations: [...plan.operations, ...cuts].sort((one, other) => one.atMs - other.atMs) };
}

function drawMemberFaults(random: SeededRandom, { members }: FencingShape): Fault[] {
  const luck = random.fork('members');
  const faults: Fault[] = [];
  for (const kind of ['elect', 'cut-member', 'pause-member', 'stall-log']) {
    if (luck.below(2) === 0) continue;
    for (let count = 1 + luck.below(5); count > 0; count--) {
      const target = luck.below(2) === 0 ? 'leader' : `m${1 + luck.below(members)}`;
      const atMs = foundingMs + luck.below(safetyMs - foundingMs);
      const durationMs = 200 + luck.below(8_000);
      const parameters = { next: luck.fraction(), believesMs: luck.below(6_000) };
      faults.push({ kind, atMs, durationMs, target, parameters });
    }
  }
  return faults;
}

export const fencingModelScenario: Scenario = {
  name: 'fencing-model',
  draw: (random) => withCuts(random, drawPlan(random, drawMemberFaults)),
  begin: async (world, plan) => new FencingRun(world, shapeOf(plan), (parts) => new StandInMetadata(parts)),
};

/** Clocks that run wrong by a tenth are beyond the drift margin, and with them the contract. */
const memberFaultKinds = Object.fromEntries(Object.entries(faultKinds).filter(([kind]) => kind !== 'drift'));

export function drawHostFaults(random: SeededRandom, { members: count }: FencingShape): readonly Fault[] {
  const members = Array.from({ length: count }, (_, at) => `m${at + 1}`);
  const cast = { members, clients: [], fragile: drawFragile(random.fork('fragile'), members) };
  const [startMs, endMs] = [foundingMs, safetyMs];
  return drawSwarm(random.fork('members'), { kinds: memberFaultKinds, cast, startMs, endMs });
}

export const fencingScenario: Scenario = {
  name: 'fencing',
  draw: (random) => withCuts(random, drawPlan(random, drawHostFaults)),
  begin: async (world, plan) => new FencingRun(world, shapeOf(plan), (parts) => new HostMetadata(parts)),
  describeFrame,
};
