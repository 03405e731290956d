// Faults that luck alone would hardly bring together: a leader is hit as soon as it leads, a log is torn again and again, a disk
// decays under a process that reads it at each start, a leader falls while its members change, a member dies as it takes over. Most
// of what can be wrong with elections and with recovery needs many of them. Drawn into the plan like any other fault, one by one.
import { sectorBytes, type SeededRandom } from '@holdfast/base/internal';
import type { Fault } from '../world/scenario.ts';
import type { DrawnFault } from './fault-kind.ts';
import type { SwarmOptions } from './swarm.ts';

interface Series {
  /** Of all seeds, those that have it. */
  readonly share: number;
  /** A seed takes about half of these. */
  readonly kinds: readonly string[];
  /** Between two of its faults. */
  readonly leastMs: number;
  readonly rangeMs: number;
  readonly aim: (drawn: DrawnFault, luck: SeededRandom) => DrawnFault;
}

/** About an election timeout and more, so that another one is elected. */
function aimAtLeader(drawn: DrawnFault, luck: SeededRandom): DrawnFault {
  return { ...drawn, target: 'leader', durationMs: drawn.durationMs === 0 ? 0 : 800 + luck.below(3200) };
}

const blows = ['isolate', 'leader-in-minority', 'stop', 'kill', 'cut', 'power-loss'];
const changes = ['add-member', 'remove-member', 'swap-member', 'demote-member'];

const series: Readonly<Record<string, Series>> = {
  hunt: { share: 0.5, kinds: blows, leastMs: 300, rangeMs: 3500, aim: aimAtLeader },
  tear: {
    share: 0.25,
    kinds: ['crash-at-call'],
    leastMs: 400,
    rangeMs: 2500,
    aim: (drawn, luck) => ({
      ...drawn,
      parameters: { ...drawn.parameters, calls: 1 + luck.below(12), crash: 'power' },
    }),
  },
  decay: {
    share: 0.45,
    kinds: ['rot'],
    leastMs: 500,
    rangeMs: 4000,
    aim: (drawn) => ({ ...drawn, parameters: { ...drawn.parameters, isRestarted: true } }),
  },
};

/**
 * Of all seeds, those in which a change of members is followed by a blow to the leader, so soon that it may be in the middle of
 * it, and now and then by rot of what was written meanwhile.
 */
const changeShare = 0.25;
const changeEveryMs = { least: 1500, range: 4000 };
const blowAfterMs = 60;
const rotAfterMs = { least: 50, range: 1000 };
const rotNewestShare = 0.4;

/** Of all seeds, those in which whom the leadership is handed to dies at one of its next calls to the disk: with its candidacy, mostly. */
const handoverShare = 0.2;
const handoverEveryMs = { least: 1000, range: 4000 };
const handoverCallsMax = 6;

/**
 * Of all seeds, those in which a leader falls, and a little later a page rots that may hold what the election wrote: a vote fills two
 * sectors, and who went on writing behind it knows that it is gone, and of nothing else.
 */
const electionShare = 0.2;
const electionEveryMs = { least: 3000, range: 4000 };
const pageRotAfterMs = { least: 800, range: 3000 };
/** Of the sectors that were written last, up to here any is as likely as another: others write meanwhile. */
const pageNewestShare = 0.4;

export function drawSeries(random: SeededRandom, options: SwarmOptions): Fault[] {
  return [
    ...Object.entries(series).flatMap(([name, one]) => drawOne(random.fork(name), one, options)),
    ...drawChanges(random.fork('changes'), options),
    ...drawHandovers(random.fork('handovers'), options),
    ...drawElections(random.fork('elections'), options),
  ];
}

function drawOne(luck: SeededRandom, { share, kinds, leastMs, rangeMs, aim }: Series, options: SwarmOptions): Fault[] {
  const faults: Fault[] = [];
  if (luck.fraction() >= share) return faults;
  const { startMs } = options;
  const endMs = startMs + (0.4 + 0.6 * luck.fraction()) * (options.endMs - startMs);
  const pace = 0.3 + 0.7 * luck.fraction();
  const chosen = kinds.length === 1 ? kinds : kinds.filter(() => luck.below(2) === 0);
  for (let atMs = startMs; atMs < endMs; atMs += Math.round(leastMs + pace * luck.below(rangeMs))) {
    const fault = drawFault(luck, chosen, options);
    if (fault !== null) faults.push({ ...aim(fault, luck), kind: fault.kind, atMs });
  }
  return faults;
}

function drawChanges(luck: SeededRandom, options: SwarmOptions): Fault[] {
  const faults: Fault[] = [];
  if (luck.fraction() >= changeShare) return faults;
  const { startMs, endMs } = options;
  for (let atMs = startMs; atMs < endMs; atMs += changeEveryMs.least + luck.below(changeEveryMs.range)) {
    const change = drawFault(luck, changes, options);
    const blow = drawFault(luck, blows, options);
    const rot = luck.below(2) === 0 ? null : drawFault(luck, ['rot'], options);
    if (rot !== null) {
      const parameters = {
        ...rot.parameters,
        isNewest: true,
        isRestarted: true,
        place: rotNewestShare * luck.fraction(),
      };
      faults.push({ ...rot, parameters, atMs: atMs + rotAfterMs.least + luck.below(rotAfterMs.range) });
    }
    if (change === null || blow === null) continue;
    faults.push(
      { ...change, atMs },
      { ...aimAtLeader(blow, luck), kind: blow.kind, atMs: atMs + luck.below(blowAfterMs) },
    );
  }
  return faults;
}

function drawHandovers(luck: SeededRandom, options: SwarmOptions): Fault[] {
  const faults: Fault[] = [];
  if (luck.fraction() >= handoverShare) return faults;
  const { startMs, endMs } = options;
  for (let atMs = startMs; atMs < endMs; atMs += handoverEveryMs.least + luck.below(handoverEveryMs.range)) {
    const handover = drawFault(luck, ['transfer'], options);
    const death = drawFault(luck, ['crash-at-call'], options);
    if (handover === null || death === null) continue;
    const parameters = { ...death.parameters, calls: 1 + luck.below(handoverCallsMax) };
    faults.push({ ...handover, atMs }, { ...death, target: handover.target, parameters, atMs });
  }
  return faults;
}

function drawElections(luck: SeededRandom, options: SwarmOptions): Fault[] {
  const faults: Fault[] = [];
  if (luck.fraction() >= electionShare) return faults;
  const { startMs, endMs } = options;
  for (let atMs = startMs; atMs < endMs; atMs += electionEveryMs.least + luck.below(electionEveryMs.range)) {
    const blow = drawFault(luck, blows, options);
    const rot = drawFault(luck, ['rot'], options);
    if (blow === null || rot === null) continue;
    const place = Math.cbrt(pageNewestShare * luck.fraction());
    const page = { isNewest: true, sectors: 2, bits: sectorBytes, place };
    const parameters = { ...rot.parameters, ...page, isRestarted: true };
    const rotAtMs = atMs + pageRotAfterMs.least + luck.below(pageRotAfterMs.range);
    faults.push({ ...aimAtLeader(blow, luck), kind: blow.kind, atMs }, { ...rot, parameters, atMs: rotAtMs });
  }
  return faults;
}

/** One of the kinds that this world has; null if it has none, or nobody for it. */
function drawFault(
  luck: SeededRandom,
  names: readonly string[],
  { kinds, cast }: SwarmOptions,
): (DrawnFault & { readonly kind: string }) | null {
  const known = names.filter((name) => name in kinds);
  const kind = known[luck.below(Math.max(1, known.length))];
  if (kind === undefined) return null;
  const drawn = kinds[kind]?.draw(luck, cast) ?? null;
  return drawn === null ? null : { kind, ...drawn };
}
