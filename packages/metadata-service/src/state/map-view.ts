// Reading maps: what a lineage maps at a generation, or what it maps as of this moment, in logical order. Only reads.
//
// The runs of a lineage lie by their death and then by their place, so each death is a list of its own, sorted and without overlaps,
// and a view merges the lists whose runs it can see. A clone reads through what it has not written to its origin; depth
// is bounded, so that is a loop of few turns.
import { invariant } from '@holdfast/base';
import type { StateDatabase } from './database.ts';
import type { LineageRow, RunRow } from './entities.ts';
import { query } from './query.ts';
import { living } from './schema.ts';

/** Where a piece of a map is, and since when. */
export interface Segment {
  readonly logical: number;
  readonly length: number;
  readonly device: number;
  readonly physical: number;
  /** The snapshot generation of its lineage at its conversion. */
  readonly birth: number;
  readonly lineage: number;
}

export interface View {
  readonly lineage: number;
  /** As a snapshot of this generation sees it; null as the volume does. */
  readonly generation: number | null;
}

interface Range {
  readonly from: number;
  readonly to: number;
}

const lineageNumbered = query<LineageRow>('SELECT * FROM lineages WHERE number = ?');
const runBefore = query<RunRow>(
  'SELECT * FROM runs WHERE lineage = ? AND death = ? AND logical <= ? ORDER BY logical DESC LIMIT 1',
);
const runBehind = query<RunRow>(
  'SELECT * FROM runs WHERE lineage = ? AND death = ? AND logical > ? ORDER BY logical LIMIT 1',
);
const runsBehind = query<RunRow>(
  'SELECT * FROM runs WHERE lineage = ? AND death = ? AND logical > ? ORDER BY logical LIMIT ?',
);
const nextDeath = query<{ readonly death: number }>(`
  SELECT death FROM runs WHERE lineage = ? AND death > ? AND death < ? ORDER BY death LIMIT 1
`);

export function lineageOf(database: StateDatabase, number: number): LineageRow {
  const lineage = database.get(lineageNumbered, number);
  invariant(lineage !== null, `there is no lineage ${number}`);
  return lineage;
}

/** The first run of one death that ends behind `from`. */
export function runFrom(
  database: StateDatabase,
  { lineage, death }: Pick<RunRow, 'lineage' | 'death'>,
  from: number,
): RunRow | null {
  const before = database.get(runBefore, lineage, death, from);
  if (before !== null && before.logical + before.length > from) return before;
  return database.get(runBehind, lineage, death, from);
}

/** Ends a reading that passes many runs, also such as are not in sight. */
export class Bound {
  readonly #runsMax: number;
  #left: number;
  /** Everything up to there was read; null if that is the whole range. */
  stoppedAt: number | null = null;

  /** At least twice the snapshots of a volume: as many runs may begin at one place. */
  constructor(runsMax: number) {
    this.#runsMax = runsMax;
    this.#left = runsMax;
  }

  pass(): boolean {
    return this.#left-- > 0;
  }

  /** For what lies beneath a reading that stopped: else one that finds much out of sight would never get on. Once for each depth. */
  renew(): void {
    this.#left = this.#runsMax;
  }
}

/** Every mapped piece in the range, clipped to it. What lies between is not mapped. */
export function* segments(
  database: StateDatabase,
  view: View,
  range: Range,
  bound = new Bound(Number.POSITIVE_INFINITY),
): IterableIterator<Segment> {
  const { origin, origin_generation } = lineageOf(database, view.lineage);
  const beneath = origin === null ? null : { lineage: origin, generation: origin_generation };
  const runs = ownRuns(database, view, range, bound);
  let at = range.from;
  let next = runs.next();
  for (; next.done !== true; next = runs.next()) {
    const run = next.value;
    if (beneath !== null && run.logical > at) yield* segments(database, beneath, { from: at, to: run.logical }, bound);
    if (bound.stoppedAt !== null) return;
    at = run.logical + run.length;
    if (run.device !== 0) yield run;
  }
  const end = next.value;
  if (end < range.to) bound.renew();
  if (beneath !== null && at < end) yield* segments(database, beneath, { from: at, to: end }, bound);
  if (end < range.to) bound.stoppedAt ??= Math.max(at, end);
}

/** Holes too: they hide the origin. Returns up to where it came. */
function* ownRuns(
  database: StateDatabase,
  view: View,
  { from, to }: Range,
  bound: Bound,
): Generator<Segment, number, void> {
  const lists = deathsSeen(database, view).map(
    (death) => new RunList(database, { lineage: view.lineage, death }, from),
  );
  for (;;) {
    const next = foremost(lists);
    const run = next?.head ?? null;
    if (next === null || run === null || run.logical >= to) return to;
    if (!bound.pass()) return Math.max(run.logical, from);
    next.advance(to);
    if (view.generation === null || run.birth <= view.generation) yield clipped(run, { from, to });
  }
}

function foremost(lists: readonly RunList[]): RunList | null {
  let next: RunList | null = null;
  for (const list of lists) {
    if (list.head !== null && list.head.logical < (next?.head?.logical ?? Number.POSITIVE_INFINITY)) next = list;
  }
  return next;
}

const readAheadMax = 64;

/** The runs of one death in their order. Reads further ahead the longer it is read: most looks want one run, and a page wants all. */
class RunList {
  readonly #database: StateDatabase;
  #rows: readonly RunRow[];
  #at = 0;
  #ahead = 1;

  constructor(database: StateDatabase, of: Pick<RunRow, 'lineage' | 'death'>, from: number) {
    this.#database = database;
    const first = runFrom(database, of, from);
    this.#rows = first === null ? [] : [first];
  }

  get head(): RunRow | null {
    return this.#rows[this.#at] ?? null;
  }

  /** Nobody wants what begins at `to` or behind it. */
  advance(to: number): void {
    const last = this.head;
    this.#at++;
    if (last === null || this.#at < this.#rows.length) return;
    // Fewer than were asked for are the last ones.
    const isLast = this.#rows.length < this.#ahead || last.logical + last.length >= to;
    if (isLast) return;
    this.#ahead = Math.min(readAheadMax, this.#ahead * 4);
    this.#rows = this.#database.all(runsBehind, last.lineage, last.death, last.logical, this.#ahead);
    this.#at = 0;
  }
}

function deathsSeen(database: StateDatabase, { lineage, generation }: View): number[] {
  const deaths: number[] = [];
  if (generation !== null) {
    let next = database.get(nextDeath, lineage, generation, living);
    for (; next !== null; next = database.get(nextDeath, lineage, next.death, living)) deaths.push(next.death);
  }
  return [...deaths, living];
}

export function clipped(run: RunRow, { from, to }: Range): RunRow {
  const start = Math.max(run.logical, from);
  const stop = Math.min(run.logical + run.length, to);
  const physical = run.device === 0 ? 0 : run.physical + start - run.logical;
  return { ...run, logical: start, length: stop - start, physical };
}
