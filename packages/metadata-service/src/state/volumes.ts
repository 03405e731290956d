// Volumes, snapshots and clones as their owners see them. None of these commands touches a run of a map: a clone reads through to its
// snapshot, and what a deleted volume or snapshot leaves behind is reclaimed in steps.
import { OpError } from '@holdfast/base';
import type { CommandOf, ResultOf } from './commands.ts';
import type { AttachmentRow, GrantRow, IntentRow, LineageRow, PoolRow, SnapshotRow, VolumeRow } from './entities.ts';
import { poolOf } from './extents.ts';
import { lineageOf } from './map-view.ts';
import { change, insert, query } from './query.ts';
import { reclaimDead, reclaimVolume } from './reclaim.ts';
import { found, limitReached, type State } from './state.ts';
import { stateLimits } from './state-limits.ts';

const volumeById = query<VolumeRow>('SELECT * FROM volumes WHERE id = ?');
const volumeNamed = query<VolumeRow>('SELECT * FROM volumes WHERE name = ?');
const insertVolume = insert<VolumeRow>('volumes', [
  ...(['id', 'name', 'lineage', 'tenant', 'pool', 'extents', 'is_shared', 'attributes'] as const),
  ...(['mutable_attributes', 'epoch'] as const),
  ...(['epoch_generation', 'revision', 'narrowed', 'changes', 'is_disputed'] as const),
]);
const deleteVolumeRow = change('DELETE FROM volumes WHERE id = ?');
const forgetUnmap = change('DELETE FROM ended_unmaps WHERE volume = ?');
const resize = change('UPDATE volumes SET extents = ? WHERE id = ?');
const setAttributes = change('UPDATE volumes SET mutable_attributes = ? WHERE id = ?');
const promise = change('UPDATE pools SET provisioned = provisioned + ? WHERE name = ?');
const insertLineage = insert<LineageRow>('lineages', [
  ...(['number', 'pool', 'generation', 'origin', 'origin_generation', 'depth', 'owned', 'is_volume'] as const),
]);
const attachmentOf = query<AttachmentRow>('SELECT * FROM attachments WHERE volume = ? ORDER BY node LIMIT 1');
const grantsOf = query<GrantRow>('SELECT * FROM grants WHERE volume = ? ORDER BY epoch');
const intentOn = query<IntentRow>('SELECT * FROM intents WHERE volume = ?');
const snapshotById = query<SnapshotRow>('SELECT * FROM snapshots WHERE id = ?');
const hideSnapshot = change('UPDATE snapshots SET name = NULL, is_hidden = 1, group_id = NULL WHERE id = ?');
const endGroup = change(`
  DELETE FROM snapshot_groups WHERE id = ? AND NOT EXISTS (SELECT 1 FROM snapshots WHERE group_id = snapshot_groups.id)
`);
const countClone = change('UPDATE snapshots SET clones = clones + 1 WHERE id = ?');

export function volumeOf({ database }: State, volume: string): VolumeRow {
  return found(database.get(volumeById, volume), () => new OpError('VOLUME_NOT_FOUND', { volume }));
}

type Asked = Pick<VolumeRow, 'id' | 'name' | 'tenant' | 'pool' | 'extents' | 'is_shared' | 'attributes'>;
const compared = ['name', 'tenant', 'pool', 'extents', 'is_shared', 'attributes'] as const;
type Origin = Pick<LineageRow, 'origin' | 'origin_generation' | 'depth'>;
const noOrigin: Origin = { origin: null, origin_generation: null, depth: 0 };

export function createVolume(state: State, command: CommandOf<'createVolume'>): ResultOf<'createVolume'> {
  const { volume: id, name, tenant, pool, extents, attributes } = command;
  const is_shared = Number(command.isShared);
  return makeVolume(state, { id, name, tenant, pool, extents, is_shared, attributes }, noOrigin);
}

export function cloneVolume(state: State, command: CommandOf<'cloneVolume'>): ResultOf<'cloneVolume'> {
  const snapshot = snapshotOf(state, command.snapshot);
  const from = lineageOf(state.database, snapshot.lineage);
  const { volume: id, name, tenant, extents, attributes } = command;
  const asked = { id, name, tenant, pool: from.pool, extents, is_shared: 0, attributes };
  const origin = { origin: from.number, origin_generation: snapshot.generation, depth: from.depth + 1 };
  if (origin.depth > stateLimits.cloneDepth) throw limitReached('clones of clones', stateLimits.cloneDepth);
  if (extents < snapshot.extents) {
    throw new OpError('VOLUME_MODE_WRONG', { volume: id, reason: `the snapshot has ${snapshot.extents} extents` });
  }
  const isThere = state.database.get(volumeNamed, name) !== null;
  const answer = makeVolume(state, asked, origin);
  if (!isThere) state.database.run(countClone, snapshot.id);
  return answer;
}

/** Asked for again by the same name and the same properties, it is the one that is there. */
function makeVolume(state: State, asked: Asked, origin: Origin): { readonly volume: string } {
  const { database, cluster } = state;
  const known = database.get(volumeNamed, asked.name);
  if (known !== null) return sameVolume(state, known, { asked, origin });
  if (database.get(volumeById, asked.id) !== null) throw new OpError('VOLUME_EXISTS', { volume: asked.id });
  if (cluster.volumes >= stateLimits.volumes) throw limitReached('volumes', stateLimits.volumes);
  checkPromise(poolOf(state, asked.pool), asked.extents);
  const lineage = ++cluster.lineages;
  cluster.volumes++;
  database.insert(insertLineage, {
    number: lineage,
    pool: asked.pool,
    generation: 0,
    ...origin,
    owned: 0,
    is_volume: 1,
  });
  const fresh = {
    mutable_attributes: '',
    epoch: 0,
    epoch_generation: 0,
    revision: 0,
    narrowed: 0,
    changes: 0,
    is_disputed: 0,
  };
  database.insert(insertVolume, { ...asked, lineage, ...fresh });
  database.run(promise, asked.extents, asked.pool);
  state.note('volume', asked.id);
  return { volume: asked.id };
}

function sameVolume(
  { database }: State,
  known: VolumeRow,
  { asked, origin }: { readonly asked: Asked; readonly origin: Origin },
): { readonly volume: string } {
  const from = lineageOf(database, known.lineage);
  const isFromThere = from.origin === origin.origin && from.origin_generation === origin.origin_generation;
  const isSame = compared.every((property) => known[property] === asked[property]);
  if (!isFromThere || !isSame) throw new OpError('VOLUME_EXISTS', { volume: asked.name });
  return { volume: known.id };
}

function checkPromise(pool: PoolRow, extents: number): void {
  const limit = promiseLimit(pool);
  const promised = pool.provisioned + extents;
  if (promised > limit) throw new OpError('POOL_OVERSUBSCRIBED', { pool: pool.name, limit, promised });
}

/** Extents that a pool may promise to all volumes together. */
export function promiseLimit({ total, oversubscription }: PoolRow): number {
  return oversubscription === 0 ? Number.POSITIVE_INFINITY : Math.floor((total * oversubscription) / 100);
}

/** Compare-and-set: of two who change what they read, the second reads again. Said twice, it is done. */
export function modifyVolume(state: State, command: CommandOf<'modifyVolume'>): object {
  const { id, mutable_attributes: found } = volumeOf(state, command.volume);
  const { expected, mutableAttributes } = command;
  if (found === mutableAttributes) return {};
  if (found !== expected) throw new OpError('VOLUME_ATTRIBUTES_CHANGED', { volume: id });
  state.database.run(setAttributes, mutableAttributes, id);
  state.note('volume', id);
  return {};
}

/** Never smaller. */
export function expandVolume(
  state: State,
  { volume: id, extents }: CommandOf<'expandVolume'>,
): ResultOf<'expandVolume'> {
  const volume = volumeOf(state, id);
  if (extents <= volume.extents) return { extents: volume.extents };
  const more = extents - volume.extents;
  checkPromise(poolOf(state, volume.pool), more);
  state.database.run(resize, extents, id);
  state.database.run(promise, more, volume.pool);
  state.note('volume', id);
  return { extents };
}

/** F9: only when no engine could use its map any more. */
export function deleteVolume(state: State, { volume: id }: CommandOf<'deleteVolume'>): object {
  const { database, cluster } = state;
  const volume = database.get(volumeById, id);
  if (volume === null) return {};
  const attachment = database.get(attachmentOf, id);
  if (attachment !== null)
    throw new OpError('VOLUME_BUSY', { volume: id, reason: `the node ${attachment.node} is attached` });
  const intent = database.get(intentOn, id);
  if (intent !== null) throw new OpError('VOLUME_BUSY', { volume: id, reason: `the intent ${intent.id} is not over` });
  checkUnheld(id, database.all(grantsOf, id));
  database.run(forgetUnmap, id);
  database.run(deleteVolumeRow, id);
  database.run(promise, -volume.extents, volume.pool);
  cluster.volumes--;
  reclaimVolume(state, lineageOf(database, volume.lineage));
  state.note('volume', id, true);
  return {};
}

export function checkUnheld(volume: string, grants: readonly GrantRow[]): void {
  if (grants.length === 0) return;
  throw new OpError('VOLUME_HELD', { volume, sessions: grants.map(({ session }) => session).join(', ') });
}

/** The sessions that such a refusal names. */
export function heldBy({ details: { sessions = '' } }: OpError): string[] {
  return sessions.split(', ');
}

export function snapshotOf({ database }: State, snapshot: string): SnapshotRow {
  const row = database.get(snapshotById, snapshot);
  if (row === null || row.is_hidden === 1) throw new OpError('SNAPSHOT_NOT_FOUND', { snapshot });
  return row;
}

/** Its name is free at once. While clones read through to it, it stays, and nobody sees it. */
export function deleteSnapshot(state: State, { snapshot: id }: CommandOf<'deleteSnapshot'>): object {
  const snapshot = state.database.get(snapshotById, id);
  if (snapshot === null || snapshot.is_hidden === 1) return {};
  if (snapshot.clones > 0) state.database.run(hideSnapshot, id);
  else reclaimDead(state, snapshot);
  if (snapshot.group_id !== null) state.database.run(endGroup, snapshot.group_id);
  state.note('snapshot', id, true);
  return {};
}
