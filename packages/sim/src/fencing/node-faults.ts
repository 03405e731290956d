// What goes wrong beside the metadata service: on the machines that do I/O, on their way to the devices, and in the devices.
import type { SeededRandom } from '@holdfast/base/internal';
import type { Fault, PlainValue } from '../world/scenario.ts';
import type { Device } from './device.ts';
import type { StorageNode } from './node/storage-node.ts';
import type { FencingShape } from './shape.ts';

export interface FaultScene {
  readonly nodes: ReadonlyMap<string, StorageNode>;
  readonly devices: ReadonlyMap<string, Device>;
  /** Cuts a node's network: from it, to it, or both. */
  readonly cut: (node: string, way: 'from' | 'to' | 'both') => () => void;
}

interface NodeFault {
  /** How often a minute at most. */
  readonly perMinuteMax: number;
  readonly mostMs: number;
  readonly draw?: (random: SeededRandom) => Readonly<Record<string, PlainValue>>;
  begin(scene: FaultScene, node: StorageNode, fault: Fault): () => void;
}

const nothing = (): void => undefined;

export const nodeFaults: Readonly<Record<string, NodeFault>> = {
  'stop-agent': {
    ...{ perMinuteMax: 5, mostMs: 15_000 },
    begin: (_, node) => {
      const process = node.stopAgent();
      return () => process.resume();
    },
  },
  'replace-agent': {
    ...{ perMinuteMax: 4, mostMs: 12_000 },
    begin: (_, node) => {
      if (!node.isUp) return nothing;
      const process = node.stopAgent();
      node.startAgent();
      return () => process.resume();
    },
  },
  'kill-agent': {
    ...{ perMinuteMax: 4, mostMs: 0 },
    begin: (_, node) => {
      if (node.isUp) node.killAgent();
      return nothing;
    },
  },
  'stop-engine': {
    ...{ perMinuteMax: 5, mostMs: 15_000 },
    begin: (_, node) => {
      const process = node.stopEngine();
      return () => process?.resume();
    },
  },
  'kill-engine': {
    ...{ perMinuteMax: 4, mostMs: 0 },
    begin: (_, node) => {
      if (node.isUp) node.killEngine();
      return nothing;
    },
  },
  'kill-both': {
    ...{ perMinuteMax: 3, mostMs: 0 },
    begin: (_, node) => {
      if (node.isUp) node.killBoth();
      return nothing;
    },
  },
  gap: {
    ...{ perMinuteMax: 5, mostMs: 0 },
    draw: (random) => ({ gapMs: 1_000 + random.below(14_000) }),
    begin: (_, node, { parameters }) => {
      node.nextGapMs = Number(parameters['gapMs']);
      return nothing;
    },
  },
  freeze: {
    ...{ perMinuteMax: 3, mostMs: 15_000 },
    begin: (_, node) => {
      node.freeze();
      return () => node.thaw();
    },
  },
  power: {
    ...{ perMinuteMax: 3, mostMs: 12_000 },
    begin: (_, node) => {
      node.powerOff();
      return () => node.powerOn();
    },
  },
  'cut-node': {
    ...{ perMinuteMax: 6, mostMs: 15_000 },
    draw: (random) => ({ way: (['from', 'to', 'both'] as const)[random.below(3)] ?? 'both' }),
    begin: (scene, node, { parameters }) => {
      const way = parameters['way'];
      return scene.cut(node.name, way === 'from' || way === 'to' ? way : 'both');
    },
  },
  'hold-path': {
    ...{ perMinuteMax: 5, mostMs: 8_000 },
    draw: (random) => ({ device: random.fraction(), isHonest: random.below(10) > 0 }),
    begin: (scene, node, { parameters }) => {
      const devices = [...scene.devices.keys()];
      const device = devices[Math.floor(Number(parameters['device']) * devices.length)] ?? '';
      const { path } = node;
      if (parameters['isHonest'] !== true) path.isHonest = false;
      path.hold(device);
      return () => path.mend(device);
    },
  },
  'target-power': {
    ...{ perMinuteMax: 2, mostMs: 0 },
    draw: (random) => ({ device: random.fraction() }),
    begin: (scene, _, { parameters }) => {
      [...scene.devices.values()][Math.floor(Number(parameters['device']) * scene.devices.size)]?.losePower();
      return nothing;
    },
  },
  'target-reset': {
    ...{ perMinuteMax: 2, mostMs: 0 },
    draw: (random) => ({ device: random.fraction() }),
    begin: (scene, _, { parameters }) => {
      [...scene.devices.values()][Math.floor(Number(parameters['device']) * scene.devices.size)]?.reset();
      return nothing;
    },
  },
};

/** Each seed has its own few kinds, and its own rates of them. */
export function drawNodeFaults(random: SeededRandom, shape: FencingShape, [startMs, endMs]: [number, number]): Fault[] {
  const faults: Fault[] = [];
  const kinds = Object.entries(nodeFaults);
  for (const [kind, { perMinuteMax, mostMs, draw }] of kinds) {
    const own = random.fork(kind);
    if (own.below(3) !== 0) continue;
    const count = 1 + own.below(perMinuteMax);
    for (let each = 0; each < count; each++) {
      const atMs = startMs + own.below(endMs - startMs);
      const durationMs = mostMs === 0 ? 0 : 200 + Math.round(own.fraction() ** 1.5 * mostMs);
      const target = shape.nodes[own.below(shape.nodes.length)] ?? '';
      faults.push({ kind, atMs, durationMs, target, parameters: draw?.(own) ?? {} });
    }
  }
  return faults.sort((one, other) => one.atMs - other.atMs);
}
