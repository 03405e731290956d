// What the seed draws of a fencing world before it begins: pools of each kind, machines, volumes; and its values back from the plan.
import type { SeededRandom } from '@holdfast/base/internal';
import type { Plan, PlainValue } from '../world/scenario.ts';
import type { Fencing, GrantMode, Tier } from './metadata/state.ts';

export interface PoolShape {
  readonly name: string;
  readonly fencing: Fencing;
  readonly isBestEffortTakeover: boolean;
  readonly devices: number;
  readonly extents: number;
  readonly hasAbort: boolean;
  readonly isPersistent: boolean;
  readonly tellsPreempted: boolean;
}

export interface VolumeShape {
  readonly name: string;
  readonly pool: string;
  readonly mode: GrantMode;
  readonly extents: number;
  readonly nodes: readonly string[];
}

export interface FencingShape {
  readonly members: number;
  readonly nodes: readonly string[];
  readonly tier: Tier;
  readonly drainMs: number;
  /** One request in so many takes long on its way to the device. */
  readonly slowOdds: number;
  readonly fencesPerHourMax: number;
  readonly thinkMs: number;
  /** After which Kubernetes takes a node for dead by itself; null where it does not. */
  readonly graceMs: number | null;
  readonly driftPpm: readonly number[];
  readonly pools: readonly PoolShape[];
  readonly volumes: readonly VolumeShape[];
}

/** Clocks within the drift margin: the contract promises nothing beyond. */
const driftPpmMax = 5_000;

export function drawShape(random: SeededRandom): FencingShape {
  const nodes = Array.from({ length: 3 + random.below(3) }, (_, at) => `n${at + 1}`);
  const pools = drawPools(random);
  const volumes = Array.from({ length: 3 + random.below(3) }, (_, at) => drawVolume(random, { at, pools, nodes }));
  return {
    members: random.below(3) === 0 ? 5 : 3,
    nodes,
    tier: (['kernel', 'watchdog', 'best-effort'] as const)[random.below(3)] ?? 'kernel',
    drainMs: 300 + random.below(3_000),
    slowOdds: random.below(3) === 0 ? 40 : 400,
    fencesPerHourMax: 1 + random.below(6),
    thinkMs: 20 + random.below(60),
    graceMs: random.below(3) === 0 ? null : 500 + random.below(4_000),
    driftPpm: nodes.map(() => random.below(2 * driftPpmMax) - driftPpmMax),
    pools,
    volumes,
  };
}

function drawPools(random: SeededRandom): PoolShape[] {
  const kinds: readonly Fencing[] = (
    [['lease'], ['reservation'], ['lease', 'reservation'], ['reservation', 'manual'], ['lease', 'manual']] as const
  )[random.below(5)] ?? ['lease'];
  return kinds.map((fencing, at) => ({
    name: `p${at + 1}`,
    fencing,
    isBestEffortTakeover: random.below(4) > 0,
    devices: 1 + random.below(3),
    extents: 48,
    hasAbort: random.below(3) > 0,
    isPersistent: random.below(3) > 0,
    tellsPreempted: random.below(2) === 0,
  }));
}

interface VolumeDraw {
  readonly at: number;
  readonly pools: readonly PoolShape[];
  readonly nodes: readonly string[];
}

function drawVolume(random: SeededRandom, { at, pools, nodes }: VolumeDraw): VolumeShape {
  const mode: GrantMode = random.below(4) === 0 ? 'role' : 'write';
  const first = random.below(nodes.length);
  const count = mode === 'role' ? 2 : 1;
  return {
    name: `v${at + 1}`,
    pool: pools[at % pools.length]?.name ?? '',
    mode,
    extents: 3 + random.below(3),
    nodes: Array.from({ length: count }, (_, offset) => nodes[(first + offset) % nodes.length] ?? ''),
  };
}

export function toPlain(shape: FencingShape): Readonly<Record<string, PlainValue>> {
  return JSON.parse(JSON.stringify(shape)) as Readonly<Record<string, PlainValue>>;
}

export function shapeOf({ shape }: Plan): FencingShape {
  return JSON.parse(JSON.stringify(shape)) as FencingShape;
}
