// Extents of a pool: leased to a session, named by maps, in quarantine, free (F10). Freed is not free: while a session has ended
// of which nobody knows that it is silent on the pool, what is freed waits for it.
import { invariant } from '@holdfast/base';
import { loudSessions, type ExtentState, type MetadataState, type PoolState, type VolumeMap } from './state.ts';

function freeExtent(): ExtentState {
  return { state: 'free', session: '', volume: '', epoch: 0, references: 0, waitsFor: [] };
}

function extentAt(pool: PoolState, extent: number): ExtentState {
  return (pool.extents[extent] ??= freeExtent());
}

/** Leases free extents; fewer than asked if the pool has no more. */
export function leaseExtents(
  pool: PoolState,
  count: number,
  to: { session: string; volume: string; epoch: number },
): number[] {
  const leased: number[] = [];
  for (let extent = 0; extent < pool.extentCount && leased.length < count; extent++) {
    if (extentAt(pool, extent).state !== 'free') continue;
    pool.extents[extent] = { ...freeExtent(), state: 'leased', ...to };
    leased.push(extent);
  }
  return leased;
}

export function isLeasedTo(
  pool: PoolState,
  extent: number,
  to: { session: string; volume: string; epoch: number },
): boolean {
  const { state, session, volume, epoch } = extentAt(pool, extent);
  return state === 'leased' && session === to.session && volume === to.volume && epoch === to.epoch;
}

/** A map names it from here on. */
export function refer(pool: PoolState, extent: number): void {
  const record = extentAt(pool, extent);
  pool.extents[extent] = { ...freeExtent(), state: 'used', references: record.references + 1 };
}

/** A map names it no more; the last one frees it. */
export function unrefer(state: MetadataState, pool: PoolState, extent: number): void {
  const record = extentAt(pool, extent);
  invariant(record.state === 'used' && record.references > 0, `extent ${extent} of ${pool.name} is not in use`);
  record.references--;
  if (record.references === 0) free(state, pool, extent);
}

export function referAll(pool: PoolState, map: VolumeMap): void {
  for (const { extent } of Object.values(map)) refer(pool, extent);
}
export function unreferAll(state: MetadataState, pool: PoolState, map: VolumeMap): void {
  for (const { extent } of Object.values(map)) unrefer(state, pool, extent);
}

function free(state: MetadataState, pool: PoolState, extent: number): void {
  const waitsFor = loudSessions(state, pool.name);
  pool.extents[extent] = waitsFor.length === 0 ? freeExtent() : { ...freeExtent(), state: 'quarantine', waitsFor };
}

/** What a grant leased and did not use; its engine has let go of it (`released`, `revoked`). */
export function freeLeasesOf(state: MetadataState, pool: PoolState, of: { volume: string; epoch: number }): void {
  for (const [extent, record] of Object.entries(pool.extents)) {
    if (record.state === 'leased' && record.volume === of.volume && record.epoch === of.epoch)
      free(state, pool, Number(extent));
  }
}

/** Nothing of the session can reach the pool any more, for writing or reading: what waited for it is free. */
export function endQuarantineOf(state: MetadataState, pool: PoolState, session: string): void {
  for (const [extent, record] of Object.entries(pool.extents)) {
    if (record.state === 'leased' && record.session === session) free(state, pool, Number(extent));
    if (record.state !== 'quarantine' || !record.waitsFor.includes(session)) continue;
    record.waitsFor = record.waitsFor.filter((waited) => waited !== session);
    if (record.waitsFor.length === 0) pool.extents[Number(extent)] = freeExtent();
  }
}
