// Changing maps. A run that is overwritten or unmapped goes if no snapshot sees it, and its extents with it; else it stays, with the
// generation at which it died. So a snapshot rewrites nothing, and each extent is named by one run of one lineage, ever: there
// is nothing to count references of.
import type { LineageRow, RunRow } from './entities.ts';
import { freeExtents } from './extents.ts';
import { clipped, runFrom } from './map-view.ts';
import { change, insert, query } from './query.ts';
import { living } from './schema.ts';
import type { State } from './state.ts';

const insertRun = insert<RunRow>('runs', ['lineage', 'death', 'logical', 'length', 'device', 'physical', 'birth']);
const deleteRun = change('DELETE FROM runs WHERE lineage = ? AND death = ? AND logical = ?');
const bury = change('UPDATE runs SET death = ? WHERE lineage = ? AND death = ? AND logical = ?');
const growRun = change('UPDATE runs SET length = length + ? WHERE lineage = ? AND death = ? AND logical = ?');
const changeOwned = change('UPDATE lineages SET owned = owned + ? WHERE number = ?');
const runEndingAt = query<RunRow>(`
  SELECT * FROM runs WHERE lineage = ? AND death = ? AND logical < ? ORDER BY logical DESC LIMIT 1
`);
const newestSnapshot = query<{ readonly generation: number | null }>(
  'SELECT MAX(generation) AS generation FROM snapshots WHERE lineage = ?',
);
const none = -1;

/** The newest snapshot of a lineage, also a hidden one; below every birth if there is none. */
export function newestSeen({ database }: State, lineage: number): number {
  return database.get(newestSnapshot, lineage)?.generation ?? none;
}

/** How many living runs lie in the range, counted up to the limit. */
export function countRuns({ database }: State, lineage: number, range: Range): number {
  let count = 0;
  let run = runFrom(database, { lineage, death: living }, range.from);
  while (run !== null && run.logical < range.to && count < range.limit) {
    count++;
    run = runFrom(database, run, run.logical + run.length);
  }
  return count;
}

export interface Range {
  readonly from: number;
  readonly to: number;
  /** Runs that are passed. */
  readonly limit: number;
}

/** Takes the range out of the living map; answers up to where that was done. */
export function cutOut(state: State, lineage: LineageRow, { from, to, limit }: Range): number {
  const seen = newestSeen(state, lineage.number);
  const key = { lineage: lineage.number, death: living };
  for (let count = 0; count < limit; count++) {
    const run = runFrom(state.database, key, from);
    if (run === null || run.logical >= to) return to;
    split(state, run, { from, to });
    const middle = clipped(run, { from, to });
    endRun(state, lineage, { run: middle, seen });
  }
  const next = runFrom(state.database, key, from);
  return next === null ? to : Math.min(to, next.logical);
}

/** The parts outside the range become runs of their own; the part inside is a row that begins and ends with it. */
function split({ database }: State, run: RunRow, { from, to }: { readonly from: number; readonly to: number }): void {
  const end = run.logical + run.length;
  if (run.logical >= from && end <= to) return;
  database.run(deleteRun, run.lineage, run.death, run.logical);
  for (const part of [
    { from: run.logical, to: from },
    { from, to },
    { from: to, to: end },
  ]) {
    const piece = clipped(run, part);
    if (piece.length > 0) database.insert(insertRun, piece);
  }
}

/** A living run dies, or goes when no snapshot sees it. */
export function endRun(
  state: State,
  lineage: LineageRow,
  { run, seen }: { readonly run: RunRow; readonly seen: number },
): void {
  if (seen >= run.birth) state.database.run(bury, lineage.generation, run.lineage, run.death, run.logical);
  else dropRun(state, lineage, run);
}

/** The run is seen by nobody: its extents are freed. */
export function dropRun(state: State, lineage: LineageRow, run: RunRow): void {
  state.database.run(deleteRun, run.lineage, run.death, run.logical);
  if (run.device === 0) return;
  state.database.run(changeOwned, -run.length, run.lineage);
  freeExtents(state, lineage.pool, { device: run.device, start: run.physical, length: run.length }, 'mapped');
}

/** Where nothing lives; `device` 0 for a hole. Joins the run before it where both go on from one another. */
export function putRun(
  { database }: State,
  lineage: LineageRow,
  run: Pick<RunRow, 'logical' | 'length' | 'device' | 'physical'>,
): void {
  const { number, generation: birth } = lineage;
  if (run.device !== 0) database.run(changeOwned, run.length, number);
  const before = database.get(runEndingAt, number, living, run.logical);
  if (before !== null && goesOn(before, run) && before.birth === birth) {
    database.run(growRun, run.length, number, living, before.logical);
    return;
  }
  database.insert(insertRun, { lineage: number, death: living, birth, ...run });
}

function goesOn(before: RunRow, run: Pick<RunRow, 'logical' | 'device' | 'physical'>): boolean {
  if (before.logical + before.length !== run.logical || before.device !== run.device) return false;
  return run.device === 0 || before.physical + before.length === run.physical;
}
