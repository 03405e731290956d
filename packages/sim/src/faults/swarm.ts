// The faults of one seed. If every seed had every fault, each would hide what needs another one to stay away: a cluster that is cut
// apart all the time never runs into trouble with its disks. So each seed has its own subset of kinds, and its own rate of each.
import type { SeededRandom } from '@holdfast/base/internal';
import type { Fault, FaultPlan } from '../world/scenario.ts';
import type { Cast, DrawnFault, FaultKind } from './fault-kind.ts';

export interface SwarmOptions {
  readonly kinds: Readonly<Record<string, Pick<FaultKind, 'perMinuteMax' | 'draw'>>>;
  readonly cast: Cast;
  /** Faults begin between these. */
  readonly startMs: number;
  readonly endMs: number;
}

/** Of all seeds, those that have a kind: so that a seed has about a third of them. */
const kindShare = 0.35;
/** One seed in this many has none at all: what is wrong there is no fault's. */
const calmOneIn = 40;

/** Of all seeds, those in which whoever leads is hunted, by some of these kinds, each time for so long. */
const huntShare = 0.5;
const huntKinds = ['isolate', 'leader-in-minority', 'stop', 'kill', 'cut', 'power-loss'];
/** About an election timeout and more, so that another one is elected. */
const huntedMs = { least: 800, range: 3200 };

export function drawSwarm(random: SeededRandom, { kinds, cast, startMs, endMs }: SwarmOptions): FaultPlan {
  if (random.below(calmOneIn) === 0) return [];
  const plan: Fault[] = [];
  for (const [kind, { perMinuteMax, draw }] of Object.entries(kinds)) {
    // A fork for each kind: one that is added later leaves the others' draws as they are.
    const luck = random.fork(kind);
    if (luck.fraction() >= kindShare) continue;
    const most = (luck.fraction() * perMinuteMax * (endMs - startMs)) / 60_000;
    for (let count = Math.ceil(most); count > 0; count--) {
      const drawn: DrawnFault | null = draw(luck, cast);
      if (drawn !== null)
        plan.push({ kind, atMs: Math.round(startMs + luck.fraction() * (endMs - startMs)), ...drawn });
    }
  }
  plan.push(...drawHunt(random.fork('hunt'), { kinds, cast, startMs, endMs }));
  return plan.sort((first, second) => first.atMs - second.atMs);
}

/** Whoever leads is hit as soon as it does, for a while: most of what can be wrong with elections needs many of them. */
function drawHunt(luck: SeededRandom, { kinds, cast, startMs, endMs }: SwarmOptions): Fault[] {
  const faults: Fault[] = [];
  if (luck.fraction() >= huntShare) return faults;
  const lastMs = startMs + (0.4 + 0.6 * luck.fraction()) * (endMs - startMs);
  const [leastMs, mostMs] = [300 + luck.below(700), 1000 + luck.below(3000)];
  const chosen = huntKinds.filter((kind) => kind in kinds && luck.below(2) === 0);
  for (let atMs = startMs; atMs < lastMs; atMs += leastMs + luck.below(mostMs)) {
    const kind = chosen[luck.below(Math.max(1, chosen.length))];
    const drawn = kind === undefined ? null : (kinds[kind]?.draw(luck, cast) ?? null);
    if (kind === undefined || drawn === null) continue;
    const durationMs = drawn.durationMs === 0 ? 0 : huntedMs.least + luck.below(huntedMs.range);
    faults.push({ kind, atMs, ...drawn, target: 'leader', durationMs });
  }
  return faults;
}
