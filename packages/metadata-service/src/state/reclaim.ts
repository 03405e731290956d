// What nobody needs any more is freed in steps, each a command of its own with a bounded number of runs, so that renewals and other
// commits never wait behind a large delete. The leader proposes `reclaim` as long as there is work.
//
// A deleted snapshot at generation g leaves runs that only it saw: born behind the snapshot before it, dead by the snapshot behind
// it. Both neighbours are taken at the delete. What is deleted or made later does not matter: a neighbour that goes later looks
// through a range that includes this one, and a snapshot that is made later sees nothing that is dead by then.
import { invariant } from '@holdfast/base';
import type { CommandOf, ResultOf } from './commands.ts';
import type { LineageRow, ReclaimRow, RunRow, SnapshotRow } from './entities.ts';
import { endLeasesOfSession, endQuarantine, poolOf } from './extents.ts';
import { dropRun, endRun, newestSeen } from './map-change.ts';
import { lineageOf } from './map-view.ts';
import { change, insert, query } from './query.ts';
import { living } from './schema.ts';
import type { State } from './state.ts';
import { stateLimits } from './state-limits.ts';

const insertReclaim = insert<ReclaimRow>('reclaims', [
  ...(['number', 'kind', 'lineage', 'session', 'pool', 'born_after', 'died_to', 'death', 'logical'] as const),
]);
const nextNumber = query<{ readonly number: number }>('SELECT COALESCE(MAX(number), 0) + 1 AS number FROM reclaims');
const firstOf = query<ReclaimRow>('SELECT * FROM reclaims WHERE pool = ? ORDER BY number LIMIT 1');
const ofLineage = query<ReclaimRow>('SELECT * FROM reclaims WHERE lineage = ? LIMIT 1');
const moveCursor = change('UPDATE reclaims SET death = ?, logical = ? WHERE number = ?');
const deleteReclaim = change('DELETE FROM reclaims WHERE number = ?');
const deadBehind = query<RunRow>(`
  SELECT * FROM runs WHERE lineage = ? AND (death, logical) > (?, ?) AND death <= ? ORDER BY death, logical LIMIT ?
`);
const livingOf = query<RunRow>('SELECT * FROM runs WHERE lineage = ? AND death = ? ORDER BY logical LIMIT ?');
const snapshotBefore = query<{ readonly generation: number | null }>(`
  SELECT MAX(generation) AS generation FROM snapshots WHERE lineage = ? AND generation < ?
`);
const snapshotBehind = query<{ readonly generation: number | null }>(`
  SELECT MIN(generation) AS generation FROM snapshots WHERE lineage = ? AND generation > ?
`);
const snapshotAt = query<SnapshotRow>('SELECT * FROM snapshots WHERE lineage = ? AND generation = ?');
const anySnapshot = query<{ readonly id: string }>('SELECT id FROM snapshots WHERE lineage = ? LIMIT 1');
const deleteSnapshotRow = change('DELETE FROM snapshots WHERE id = ?');
const uncountClone = change('UPDATE snapshots SET clones = clones - 1 WHERE id = ?');
const unsetVolume = change('UPDATE lineages SET is_volume = 0 WHERE number = ?');
const deleteLineage = change('DELETE FROM lineages WHERE number = ?');

type Work = Omit<ReclaimRow, 'number'>;
const blank = { lineage: 0, session: '', born_after: 0, died_to: 0, death: 0, logical: 0 };

function add({ database }: State, work: Work): void {
  database.insert(insertReclaim, { number: database.get(nextNumber)?.number ?? 1, ...work });
}

export function reclaimVolume(state: State, { number: lineage, pool }: LineageRow): void {
  state.database.run(unsetVolume, lineage);
  add(state, { ...blank, kind: 'volume', pool, lineage });
}

/** F10: of a session that is silent in the pool. */
export function reclaimLeases(state: State, session: string, pool: string): void {
  add(state, { ...blank, kind: 'leases', pool, session });
}

/** A snapshot that nothing reads through. */
export function reclaimDead(state: State, { id, lineage, generation }: SnapshotRow): void {
  const { database, cluster } = state;
  database.run(deleteSnapshotRow, id);
  cluster.snapshots--;
  const { pool, generation: current } = lineageOf(database, lineage);
  const born_after = database.get(snapshotBefore, lineage, generation)?.generation ?? -1;
  const died_to = database.get(snapshotBehind, lineage, generation)?.generation ?? current;
  // Behind every run that died at the snapshot's generation.
  const cursor = { death: generation, logical: Number.MAX_SAFE_INTEGER };
  add(state, { ...blank, kind: 'dead', pool, lineage, born_after, died_to, ...cursor });
}

export function reclaim(state: State, { pool }: CommandOf<'reclaim'>): ResultOf<'reclaim'> {
  poolOf(state, pool);
  const limit = stateLimits.reclaimedPerCommand;
  let steps = endQuarantine(state, pool, limit);
  while (steps < limit) {
    const work = state.database.get(firstOf, pool);
    if (work === null) return { steps, isDone: true };
    // Also work that finds nothing is a step, so that no command does a great number of such.
    steps += 1 + workOn(state, work, limit - steps);
  }
  return { steps, isDone: false };
}

function workOn(state: State, work: ReclaimRow, limit: number): number {
  const count = stepOf(state, work, limit);
  if (count === limit) return count;
  state.database.run(deleteReclaim, work.number);
  if (work.kind !== 'leases') endLineage(state, work.lineage);
  return count;
}

function stepOf(state: State, work: ReclaimRow, limit: number): number {
  switch (work.kind) {
    case 'dead':
      return dropDead(state, work, limit);
    case 'volume':
      return dropLiving(state, work, limit);
    case 'leases':
      return endLeasesOfSession(state, work, limit);
  }
}

function dropDead(state: State, work: ReclaimRow, limit: number): number {
  const { database } = state;
  const lineage = lineageOf(database, work.lineage);
  const runs = database.all(deadBehind, work.lineage, work.death, work.logical, work.died_to, limit);
  for (const run of runs) if (run.birth > work.born_after) dropRun(state, lineage, run);
  const last = runs.at(-1);
  if (last !== undefined) database.run(moveCursor, last.death, last.logical, work.number);
  return runs.length;
}

function dropLiving(state: State, { lineage: number }: ReclaimRow, limit: number): number {
  const lineage = lineageOf(state.database, number);
  const seen = newestSeen(state, number);
  const runs = state.database.all(livingOf, number, living, limit);
  for (const run of runs) endRun(state, lineage, { run, seen });
  return runs.length;
}

/** The last of a volume and its snapshots: its origin is read through by one clone less. */
function endLineage(state: State, number: number): void {
  const { database } = state;
  const lineage = lineageOf(database, number);
  const isNeeded = lineage.is_volume === 1 || database.get(anySnapshot, number) !== null;
  if (isNeeded || database.get(ofLineage, number) !== null) return;
  invariant(lineage.owned === 0, `lineage ${number} ends and owns ${lineage.owned} extents`);
  database.run(deleteLineage, number);
  if (lineage.origin === null) return;
  const origin = database.get(snapshotAt, lineage.origin, lineage.origin_generation);
  invariant(origin !== null, `the snapshot beneath lineage ${number} is kept for it`);
  database.run(uncountClone, origin.id);
  if (origin.is_hidden === 1 && origin.clones === 1) reclaimDead(state, { ...origin, clones: 0 });
}
