// The faults of one seed. If every seed had every fault, each would hide what needs another one to stay away: a cluster that is cut
// apart all the time never runs into trouble with its disks. So each seed has its own subset of kinds, and its own rate of each.
import type { SeededRandom } from '@holdfast/base/internal';
import type { Fault, FaultPlan } from '../world/scenario.ts';
import type { Cast, DrawnFault, FaultKind } from './fault-kind.ts';
import { drawSeries } from './series.ts';

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
  plan.push(...drawSeries(random.fork('series'), { kinds, cast, startMs, endMs }));
  return plan.sort((first, second) => first.atMs - second.atMs);
}
