// What luck alone hardly brings together: a node is silent for about as long as its lease, somebody waits for what it holds, and
// whoever leads falls while it counts. A renewal, an expiry and a new leader's wait meet at the edges of their times.
import type { SeededRandom } from '@holdfast/base/internal';
import type { Cast } from '../faults/fault-kind.ts';
import { faultKinds } from '../faults/fault-kinds.ts';
import { times } from '../fencing/settings.ts';
import { shapeOf, toPlain, type FencingShape, type PoolShape } from '../fencing/shape.ts';
import type { Fault, Operation, Plan } from '../world/scenario.ts';

const countMost = 8;
/** Or the limit on fences would end most of them. */
const fencesPerHourMax = 24;
const waiterMs = 1_000;
const stallOneIn = 3;
const blows = ['stop', 'suspend', 'isolate', 'leader-in-minority', 'kill', 'power-loss', 'hanging-disk', 'slow-disk'];

interface Siege {
  readonly random: SeededRandom;
  readonly node: string;
  readonly atMs: number;
}

export function drawSieges(random: SeededRandom, plan: Plan, [startMs, endMs]: readonly [number, number]): Plan {
  const drawn = shapeOf(plan);
  const shape: FencingShape = { ...drawn, fencesPerHourMax, pools: drawn.pools.map(yielding) };
  const members = Array.from({ length: shape.members }, (_, at) => `m${at + 1}`);
  const cast: Cast = { members, clients: [], fragile: [] };
  const faults = [...plan.faults];
  const operations = [...plan.operations];
  for (let count = 2 + random.below(countMost); count > 0; count--) {
    const node = shape.nodes[random.below(shape.nodes.length)] ?? '';
    const siege = { random, node, atMs: startMs + random.below(endMs - startMs) };
    faults.push(drawSilence(siege), ...drawBlow(siege, cast), ...drawStall(siege, cast));
    operations.push(drawWaiter(siege));
  }
  return { shape: toPlain(shape), faults: faults.sort(inOrder), operations: operations.sort(inOrder) };
}

/** Where only a person ends a wait, nobody falls. */
function yielding(pool: PoolShape): PoolShape {
  return pool.fencing === 'reservation' ? pool : { ...pool, fencing: 'lease', isBestEffortTakeover: true };
}

function inOrder(one: { readonly atMs: number }, other: { readonly atMs: number }): number {
  return one.atMs - other.atMs;
}

function drawSilence({ random, node: target, atMs }: Siege): Fault {
  const durationMs = Math.round(times.ttlMs * (0.7 + 1.3 * random.fraction()));
  if (random.below(3) === 0) return { kind: 'stop-agent', atMs, durationMs, target, parameters: { isInCall: false } };
  const way = (['from', 'to', 'both'] as const)[random.below(3)] ?? 'both';
  return { kind: 'cut-node', atMs, durationMs, target, parameters: { way, whose: 'own' } };
}

function drawWaiter({ random, node, atMs }: Siege): Operation {
  const parameters = { node };
  return { atMs: atMs + random.below(waiterMs), client: 'controller', kind: 'take-for-dead', parameters };
}

/** In some, all disks take nothing in just when the lease is over: leadership is confirmed, and what was proposed is not committed. */
function drawStall({ random, atMs }: Siege, { members }: Cast): Fault[] {
  const luck = random.fork(`stall ${atMs}`);
  if (luck.below(stallOneIn) > 0) return [];
  const at = {
    atMs: atMs + Math.round(times.ttlMs * (0.8 + 0.6 * luck.fraction())),
    durationMs: 500 + luck.below(2_000),
  };
  return members.map((target) => ({ kind: 'hanging-disk', ...at, target, parameters: {} }));
}

/** In half of the sieges, at any time of the wait. */
function drawBlow({ random, atMs }: Siege, cast: Cast): Fault[] {
  const kind = blows[random.below(2 * blows.length)];
  const drawn = kind === undefined ? null : (faultKinds[kind]?.draw(random, cast) ?? null);
  if (kind === undefined || drawn === null) return [];
  const durationMs = drawn.durationMs === 0 ? 0 : 500 + random.below(3_500);
  return [{ kind, atMs: atMs + random.below(1.5 * times.ttlMs), ...drawn, target: 'leader', durationMs }];
}
