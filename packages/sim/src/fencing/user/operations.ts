// What Kubernetes and people will ask of a fencing world, drawn before it begins.
import type { SeededRandom } from '@holdfast/base/internal';
import type { Operation, PlainValue } from '../../world/scenario.ts';
import type { FencingShape } from '../shape.ts';

interface Draw {
  readonly random: SeededRandom;
  readonly shape: FencingShape;
  readonly count: number;
}
type Drawn = Readonly<Record<string, PlainValue>>;

const kinds: Readonly<Record<string, { readonly weight: number; readonly draw: (draw: Draw) => Drawn }>> = {
  move: { weight: 10, draw: (draw) => ({ ...volume(draw), ...node(draw), isForced: draw.random.below(3) === 0 }) },
  'take-for-dead': { weight: 8, draw: (draw) => node(draw) },
  'publish-again': { weight: 2, draw: (draw) => volume(draw) },
  snapshot: {
    weight: 6,
    draw: (draw) => ({ ...volume(draw), clone: draw.random.below(3) === 0 ? `c${draw.count}` : '' }),
  },
  'drop-snapshots': { weight: 2, draw: (draw) => volume(draw) },
  'read-only': { weight: 5, draw: (draw) => ({ ...volume(draw), nodes: readers(draw) }) },
  writable: { weight: 5, draw: (draw) => ({ ...volume(draw), ...node(draw) }) },
  unmap: { weight: 4, draw: (draw) => ({ ...volume(draw), ...range(draw) }) },
  shrink: { weight: 1, draw: (draw) => volume(draw) },
  replace: { weight: 2, draw: (draw) => ({ ...volume(draw), by: `w${draw.count}` }) },
  'state-off': { weight: 3, draw: (draw) => node(draw) },
  taint: { weight: 2, draw: (draw) => ({ ...node(draw), isForeignAttached: draw.random.below(2) === 0 }) },
  override: { weight: 1, draw: (draw) => node(draw) },
};

function volume({ random, shape }: Draw): Drawn {
  return { volume: shape.volumes[random.below(shape.volumes.length)]?.name ?? '' };
}
function node({ random, shape }: Draw): Drawn {
  return { node: shape.nodes[random.below(shape.nodes.length)] ?? '' };
}
function readers({ random, shape: { nodes } }: Draw): string[] {
  const first = random.below(nodes.length);
  return Array.from({ length: 1 + random.below(3) }, (_, at) => nodes[(first + at) % nodes.length] ?? '');
}
function range({ random }: Draw): Drawn {
  const from = random.below(3);
  return { from, to: from + 1 + random.below(2) };
}

export function drawOperations(
  random: SeededRandom,
  shape: FencingShape,
  [startMs, endMs]: [number, number],
): Operation[] {
  const rare = new Set(['override', 'replace', 'shrink', 'read-only'].filter(() => random.below(3) > 0));
  const wanted = Object.entries(kinds).filter(([kind]) => !rare.has(kind));
  const total = wanted.reduce((sum, [, { weight }]) => sum + weight, 0);
  const meanMs = 500 + random.below(3_000);
  const operations = drawDisaster(random.fork('disaster'), [startMs, endMs]);
  for (let atMs = startMs; atMs < endMs; atMs += 1 + Math.round(random.fraction() * 2 * meanMs)) {
    let dice = random.below(total);
    const found = wanted.find(([, { weight }]) => (dice -= weight) < 0);
    if (found === undefined) continue;
    const [kind, { draw }] = found;
    operations.push({
      atMs,
      client: 'controller',
      kind,
      parameters: draw({ random, shape, count: operations.length }),
    });
  }
  operations.push(...drawMigrations(random.fork('migrations'), shape, [startMs, endMs]));
  return operations.sort((one, other) => one.atMs - other.atMs);
}

const migrationOdds = 2;
const migrationsMax = 8;

/** Volumes move to other devices, or away from the end of one, while everything else goes on. */
function drawMigrations(random: SeededRandom, shape: FencingShape, [startMs, endMs]: [number, number]): Operation[] {
  if (random.below(migrationOdds) > 0) return [];
  return Array.from({ length: 1 + random.below(migrationsMax) }, (_, count) => {
    const atMs = startMs + random.below(endMs - startMs);
    const draw = { random, shape, count };
    const parameters = { ...volume(draw), ...range(draw) };
    return { atMs, client: 'controller', kind: 'migrate', parameters };
  });
}

const cutOdds = 2;
const cutsMax = 6;

/** Snapshots of several volumes at one instant. */
export function drawCuts(
  random: SeededRandom,
  { volumes }: FencingShape,
  [startMs, endMs]: [number, number],
): Operation[] {
  if (random.below(cutOdds) > 0) return [];
  return Array.from({ length: 1 + random.below(cutsMax) }, () => {
    const atMs = startMs + random.below(endMs - startMs);
    const first = random.below(volumes.length);
    const count = 2 + random.below(2);
    const names = Array.from({ length: count }, (_, at) => volumes[(first + at) % volumes.length]?.name ?? '');
    return { atMs, client: 'controller', kind: 'cut-group', parameters: { volumes: names } };
  });
}

const disasterOdds = 6;

/** A backup, and its restore while what was done since lives on; now and then the same one is restored twice. */
function drawDisaster(random: SeededRandom, [startMs, endMs]: [number, number]): Operation[] {
  if (random.below(disasterOdds) > 0) return [];
  const backupMs = startMs + random.below(Math.floor((endMs - startMs) / 3));
  const restoresMs = Array.from(
    { length: 1 + random.below(2) },
    () => backupMs + 1_000 + random.below(endMs - backupMs - 1_000),
  );
  const at = (atMs: number, kind: string): Operation => ({ atMs, client: 'controller', kind, parameters: {} });
  return [at(backupMs, 'backup'), ...restoresMs.map((atMs) => at(atMs, 'restore'))];
}
