// Where every extent of a pool is: free, leased to a grant, named by a map, or in quarantine (F10). An extent is in exactly one of
// these places, and the pool's sums follow each move.
//
// Freed is not free: while a session has ended of which nobody knows that it is silent on the pool, it may still write to what it
// knew, so what is freed meanwhile waits for it. What was quarantined at revision r waits for the sessions that ended up to r, so
// the oldest session that is not silent says how far the quarantine reaches, and no extent lists whom it waits for.
import { invariant, OpError } from '@holdfast/base';
import type { DeviceRow, Extents, LeaseRow, PoolRow } from './entities.ts';
import { change, insert, query } from './query.ts';
import { found, limitReached, type State } from './state.ts';
import { stateLimits } from './state-limits.ts';

const poolNamed = query<PoolRow>('SELECT * FROM pools WHERE name = ?');
const moveSums = change(`
  UPDATE pools SET free = free + ?, leased = leased + ?, mapped = mapped + ?, quarantined = quarantined + ? WHERE name = ?
`);
const emptiestDevice = query<DeviceRow>(
  'SELECT * FROM devices WHERE pool = ? AND free > 0 ORDER BY free DESC, number LIMIT 1',
);
const changeDeviceFree = change('UPDATE devices SET free = free + ? WHERE number = ?');
const bestFit = query<Extents>(
  'SELECT * FROM free_runs WHERE device = ? AND length >= ? ORDER BY length, start LIMIT 1',
);
const longest = query<Extents>('SELECT * FROM free_runs WHERE device = ? ORDER BY length DESC, start LIMIT 1');
const freeBefore = query<Extents>('SELECT * FROM free_runs WHERE device = ? AND start < ? ORDER BY start DESC LIMIT 1');
const freeAt = query<Extents>('SELECT * FROM free_runs WHERE device = ? AND start = ?');
const insertFree = insert<Extents>('free_runs', ['device', 'start', 'length']);
const cutFree = change('UPDATE free_runs SET start = start + ?, length = length - ? WHERE device = ? AND start = ?');
const growFree = change('UPDATE free_runs SET length = length + ? WHERE device = ? AND start = ?');
const deleteFree = change('DELETE FROM free_runs WHERE device = ? AND start = ?');

interface QuarantineRow extends Extents {
  readonly pool: string;
  readonly revision: number;
}
const insertQuarantine = insert<QuarantineRow>('quarantine', ['pool', 'revision', 'device', 'start', 'length']);
const oldestQuarantined = query<QuarantineRow>(`
  SELECT * FROM quarantine WHERE pool = ? AND revision < ? ORDER BY revision, device, start LIMIT ?
`);
const deleteQuarantined = change('DELETE FROM quarantine WHERE pool = ? AND revision = ? AND device = ? AND start = ?');
const oldestLoud = query<{ readonly ended_revision: number }>(`
  SELECT ended_revision FROM session_pools WHERE pool = ? AND ended_revision IS NOT NULL AND is_silent = 0
  ORDER BY ended_revision LIMIT 1
`);

const insertLease = insert<LeaseRow>('leases', ['device', 'start', 'length', 'pool', 'session', 'volume', 'epoch']);
const leaseBefore = query<LeaseRow>('SELECT * FROM leases WHERE device = ? AND start <= ? ORDER BY start DESC LIMIT 1');
const leaseAt = query<LeaseRow>('SELECT * FROM leases WHERE device = ? AND start = ?');
const leasesOfGrant = query<LeaseRow>('SELECT * FROM leases WHERE volume = ? AND epoch = ? ORDER BY device, start');
const leasesOfSession = query<LeaseRow>(
  'SELECT * FROM leases WHERE session = ? AND pool = ? ORDER BY device, start LIMIT ?',
);
const countLeases = query<{ readonly count: number }>(
  'SELECT COUNT(*) AS count FROM leases WHERE volume = ? AND epoch = ?',
);
const sumLeases = query<{ readonly extents: number | null }>(
  'SELECT SUM(length) AS extents FROM leases WHERE volume = ? AND epoch = ?',
);
const deleteLease = change('DELETE FROM leases WHERE device = ? AND start = ?');

type Place = 'free' | 'leased' | 'mapped' | 'quarantined';

export interface GrantKey {
  readonly session: string;
  readonly volume: string;
  readonly epoch: number;
}

export function poolOf({ database }: State, pool: string): PoolRow {
  return found(database.get(poolNamed, pool), () => new OpError('POOL_NOT_FOUND', { pool }));
}

/** F11: nothing is granted or allocated in a pool before everything of an older generation is shut out of it. */
export function openPoolOf(state: State, name: string): PoolRow {
  const pool = poolOf(state, name);
  const { generation } = state.cluster;
  if (pool.open_generation !== generation) throw new OpError('GENERATION_CLOSED', { pool: name, generation });
  return pool;
}

/** Keeps the pool's sums; the rows are the caller's. */
export function moveExtents(
  { database }: State,
  pool: string,
  length: number,
  way: readonly [Place | null, Place],
): void {
  const [from, to] = way;
  const by = (place: Place): number => (place === to ? length : 0) - (place === from ? length : 0);
  database.run(moveSums, by('free'), by('leased'), by('mapped'), by('quarantined'), pool);
}

/** Free extents of the emptiest device first, in as few runs as there are; fewer than asked for if the pool has no more. */
export function leaseExtents(state: State, pool: string, count: number, to: GrantKey): Extents[] {
  const { database } = state;
  const { leaseRunsPerGrant: limit, runsPerCommand } = stateLimits;
  const held = database.get(countLeases, to.volume, to.epoch)?.count ?? 0;
  if (held + runsPerCommand > limit) throw limitReached(`runs leased for the volume ${to.volume}`, limit);
  const runs: Extents[] = [];
  for (let left = count; left > 0 && runs.length < runsPerCommand;) {
    const run = takeFree(state, pool, left);
    if (run === null) break;
    left -= run.length;
    runs.push(run);
    addLease(state, { ...run, pool, ...to });
    moveExtents(state, pool, run.length, ['free', 'leased']);
  }
  return runs;
}

/** Joins the grant's own neighbours: an engine sees contiguous space, not when it was given. */
function addLease({ database }: State, lease: LeaseRow): void {
  const isNext = (other: LeaseRow | null): other is LeaseRow =>
    other?.volume === lease.volume && other.epoch === lease.epoch && other.session === lease.session;
  let { start, length } = lease;
  const before = database.get(leaseBefore, lease.device, start);
  if (isNext(before) && before.start + before.length === start) {
    database.run(deleteLease, before.device, before.start);
    start = before.start;
    length += before.length;
  }
  const behind = database.get(leaseAt, lease.device, lease.start + lease.length);
  if (isNext(behind)) {
    database.run(deleteLease, behind.device, behind.start);
    length += behind.length;
  }
  database.insert(insertLease, { ...lease, start, length });
}

function takeFree({ database }: State, pool: string, count: number): Extents | null {
  const device = database.get(emptiestDevice, pool);
  if (device === null) return null;
  const run = database.get(bestFit, device.number, count) ?? database.get(longest, device.number);
  invariant(run !== null, `device ${device.number} has ${device.free} free extents and no free run`);
  const length = Math.min(run.length, count);
  if (length === run.length) database.run(deleteFree, run.device, run.start);
  else database.run(cutFree, length, length, run.device, run.start);
  database.run(changeDeviceFree, -length, run.device);
  return { device: run.device, start: run.start, length };
}

/** Joins its neighbours, so that free space is as contiguous as it can be. */
export function giveFree({ database }: State, { device, start, length }: Extents): void {
  const before = database.get(freeBefore, device, start);
  const behind = database.get(freeAt, device, start + length);
  if (behind !== null) database.run(deleteFree, device, behind.start);
  const joined = length + (behind?.length ?? 0);
  if (before !== null && before.start + before.length === start) database.run(growFree, joined, device, before.start);
  else database.insert(insertFree, { device, start, length: joined });
  database.run(changeDeviceFree, length, device);
}

/** F10: of a map, or of a grant: free at once if nobody is left who could still write there. */
export function freeExtents(state: State, pool: string, run: Extents, from: 'leased' | 'mapped'): void {
  const { device, start, length } = run;
  const isLoud = state.database.get(oldestLoud, pool) !== null;
  moveExtents(state, pool, length, [from, isLoud ? 'quarantined' : 'free']);
  if (isLoud) state.database.insert(insertQuarantine, { pool, revision: state.index, device, start, length });
  else giveFree(state, run);
}

/** Frees what waits for nobody any more, and answers how many runs that were. */
export function endQuarantine(state: State, pool: string, limit: number): number {
  const { database } = state;
  const until = database.get(oldestLoud, pool)?.ended_revision ?? Number.MAX_SAFE_INTEGER;
  const runs = database.all(oldestQuarantined, pool, until, limit);
  for (const run of runs) {
    database.run(deleteQuarantined, pool, run.revision, run.device, run.start);
    moveExtents(state, pool, run.length, ['quarantined', 'free']);
    giveFree(state, run);
  }
  return runs.length;
}

/** The lease that holds all of these extents for this grant; null if none does. */
export function leaseOf({ database }: State, { device, start, length }: Extents, of: GrantKey): LeaseRow | null {
  const lease = database.get(leaseBefore, device, start);
  if (lease === null || lease.start + lease.length < start + length) return null;
  return lease.volume === of.volume && lease.epoch === of.epoch && lease.session === of.session ? lease : null;
}

/** A map names them from here on; what is left of the lease stays leased. */
export function useLease(state: State, lease: LeaseRow, run: Extents): void {
  cutLease(state, lease, run);
  moveExtents(state, lease.pool, run.length, ['leased', 'mapped']);
}

function cutLease({ database }: State, lease: LeaseRow, { device, start, length }: Extents): void {
  database.run(deleteLease, lease.device, lease.start);
  const left = { ...lease, length: start - lease.start };
  const right = { ...lease, start: start + length, length: lease.start + lease.length - start - length };
  for (const rest of [left, right]) if (rest.length > 0) database.insert(insertLease, rest);
  invariant(lease.device === device, 'a lease is of the device of its extents');
}

/** Extents that the grant has leased and not used. */
export function leasedBy({ database }: State, volume: string, epoch: number): number {
  return database.get(sumLeases, volume, epoch)?.extents ?? 0;
}

export function countLeaseRuns({ database }: State, volume: string, epoch: number): number {
  return database.get(countLeases, volume, epoch)?.count ?? 0;
}

/** The grant was released or revoked: its gate is shut for good and nothing of it is in flight, so they are free at once. */
export function endLeasesOfGrant(state: State, volume: string, epoch: number): void {
  endLeases(state, state.database.all(leasesOfGrant, volume, epoch));
}

/** F10: only of a session that is silent in the pool. Answers how many runs that were. */
export function endLeasesOfSession(
  state: State,
  of: { readonly session: string; readonly pool: string },
  limit: number,
): number {
  const leases = state.database.all(leasesOfSession, of.session, of.pool, limit);
  endLeases(state, leases);
  return leases.length;
}

function endLeases(state: State, leases: readonly LeaseRow[]): void {
  for (const lease of leases) endLease(state, lease, lease);
}

/** Nothing of these extents is in flight, and no map ever named them, so they are free at once. */
export function endLease(state: State, lease: LeaseRow, { device, start, length }: Extents): void {
  cutLease(state, lease, { device, start, length });
  moveExtents(state, lease.pool, length, ['leased', 'free']);
  giveFree(state, { device, start, length });
}
