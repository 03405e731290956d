// What goes wrong beside the metadata service: on the machines that do I/O, on their way to the devices, and in the devices.
import type { SeededRandom } from '@holdfast/base/internal';
import type { Fault, PlainValue } from '../world/scenario.ts';
import type { Device } from './device.ts';
import type { StorageNode } from './node/storage-node.ts';
import type { NodeLinks } from './node-links.ts';
import type { FencingShape } from './shape.ts';

export interface FaultScene {
  readonly nodes: ReadonlyMap<string, StorageNode>;
  readonly devices: ReadonlyMap<string, Device>;
  readonly links: NodeLinks;
}

interface NodeFault {
  /** How often a minute at most. */
  readonly perMinuteMax: number;
  readonly mostMs: number;
  /** By what was drawn, and not by luck of its own. */
  readonly lastsMs?: (parameters: Fault['parameters']) => number;
  readonly draw?: (random: SeededRandom) => Readonly<Record<string, PlainValue>>;
  begin(scene: FaultScene, node: StorageNode, fault: Fault): () => void;
}

const nothing = (): void => undefined;

export const nodeFaults: Readonly<Record<string, NodeFault>> = {
  'stop-agent': {
    ...{ perMinuteMax: 5, mostMs: 15_000 },
    draw: drawMoment,
    begin: (_, node, { parameters }) => {
      const process = parameters['isInCall'] === true ? node.stopAgentInCall() : node.stopAgent();
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
    draw: drawMoment,
    begin: (_, node, { parameters }) => {
      if (!node.isUp) return nothing;
      if (parameters['isInCall'] === true) node.killAgentInCall();
      else node.killAgent();
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
    lastsMs: ({ gapMs }) => Number(gapMs),
    draw: (random) => ({ gapMs: 1_000 + random.below(14_000) }),
    begin: (_, node, { parameters }) => {
      node.nextGapMs = Number(parameters['gapMs']);
      return () => node.endGap();
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
    draw: (random) => ({
      way: (['from', 'to', 'both'] as const)[random.below(3)] ?? 'both',
      whose: random.below(5) === 0 ? 'all' : 'own',
    }),
    begin: (scene, node, { parameters }) => {
      const way = parameters['way'];
      // Behind one switch are all of them.
      const names = parameters['whose'] === 'all' ? [...scene.nodes.keys()] : [node.name];
      const ends = names.map((name) => scene.links.cut(name, way === 'from' || way === 'to' ? way : 'both'));
      return () => {
        for (const end of ends) end();
      };
    },
  },
  'slow-network': {
    ...{ perMinuteMax: 4, mostMs: 15_000 },
    draw: (random) => ({
      delayMeanMs: 5 + random.below(250),
      lossRate: random.below(2) * 0.1 * random.fraction(),
      duplicateRate: random.below(2) * 0.2 * random.fraction(),
    }),
    begin: (scene, node, { parameters }) => {
      const [delayMeanMs, lossRate, duplicateRate] = [
        Number(parameters['delayMeanMs']),
        Number(parameters['lossRate']),
        Number(parameters['duplicateRate']),
      ];
      return scene.links.worsen(node.name, { delayMeanMs, delayMaxMs: 5 * delayMeanMs, lossRate, duplicateRate });
    },
  },
  'hold-path': {
    ...{ perMinuteMax: 5, mostMs: 8_000 },
    draw: (random) => ({
      device: random.fraction(),
      isHonest: random.below(10) > 0,
      whose: random.below(4) === 0 ? 'others' : 'own',
    }),
    begin: (scene, node, { parameters }) => {
      const device = deviceOf(scene, parameters)?.name ?? '';
      // One of the array's ports is enough for one machine, and all others are behind the one that fails.
      const others = [...scene.nodes.values()].filter((other) => other !== node);
      const paths = (parameters['whose'] === 'others' ? others : [node]).map(({ path }) => path);
      for (const path of paths) {
        if (parameters['isHonest'] !== true) path.isHonest = false;
        path.hold(device);
      }
      return () => {
        for (const path of paths) path.mend(device);
      };
    },
  },
  'target-power': {
    ...{ perMinuteMax: 2, mostMs: 0 },
    draw: (random) => ({ device: random.fraction() }),
    begin: (scene, _, { parameters }) => {
      deviceOf(scene, parameters)?.losePower();
      return nothing;
    },
  },
  'target-reset': {
    ...{ perMinuteMax: 2, mostMs: 0 },
    draw: (random) => ({ device: random.fraction() }),
    begin: (scene, _, { parameters }) => {
      deviceOf(scene, parameters)?.reset();
      return nothing;
    },
  },
};

function drawMoment(random: SeededRandom): Readonly<Record<string, PlainValue>> {
  return { isInCall: random.below(2) === 0 };
}

function deviceOf({ devices }: FaultScene, parameters: Fault['parameters']): Device | null {
  return [...devices.values()][Math.floor(Number(parameters['device']) * devices.size)] ?? null;
}

function drawFault(random: SeededRandom, kind: string, at: { atMs: number; target: string }): Fault[] {
  const fault = nodeFaults[kind];
  if (fault === undefined) return [];
  const { mostMs, draw, lastsMs } = fault;
  const durationMs = mostMs === 0 ? 0 : 200 + Math.round(random.fraction() ** 1.5 * mostMs);
  const parameters = draw?.(random) ?? {};
  return [{ kind, ...at, durationMs: lastsMs?.(parameters) ?? durationMs, parameters }];
}

/** Each seed has its own few kinds, and its own rates of them. */
export function drawNodeFaults(random: SeededRandom, shape: FencingShape, [startMs, endMs]: [number, number]): Fault[] {
  const faults: Fault[] = [];
  for (const [kind, { perMinuteMax }] of Object.entries(nodeFaults)) {
    const own = random.fork(kind);
    if (own.below(3) !== 0) continue;
    const count = 1 + own.below(perMinuteMax);
    for (let each = 0; each < count; each++) {
      const atMs = startMs + own.below(endMs - startMs);
      const target = shape.nodes[own.below(shape.nodes.length)] ?? '';
      faults.push(...drawFault(own, kind, { atMs, target }));
    }
  }
  faults.push(...drawBursts(random.fork('bursts'), shape, [startMs, endMs]));
  return faults.sort((one, other) => one.atMs - other.atMs);
}

const burstsMax = 4;
const burstMs = 1_500;

/** What breaks on a machine breaks together: a switch takes the network and the way to the disks, an overloaded host all of it. */
function drawBursts(random: SeededRandom, shape: FencingShape, [startMs, endMs]: [number, number]): Fault[] {
  if (random.below(2) === 0) return [];
  const kinds = Object.keys(nodeFaults);
  return Array.from({ length: 1 + random.below(burstsMax) }, () => {
    const fromMs = startMs + random.below(endMs - startMs);
    const target = shape.nodes[random.below(shape.nodes.length)] ?? '';
    return Array.from({ length: 2 + random.below(2) }, () => {
      const kind = kinds[random.below(kinds.length)] ?? '';
      return drawFault(random, kind, { atMs: fromMs + random.below(burstMs), target });
    });
  }).flat(2);
}
