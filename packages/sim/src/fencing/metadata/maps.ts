// Volumes and their maps: allocation ahead, conversion at a flush, snapshots, clones, deletion. Every change of a map names the
// entry that it expects.
import { refuseAgent } from './agents.ts';
import { accept, refuse, type Answer, type Command, type Convert, type NewVolume } from './command.ts';
import { isLeasedTo, leaseExtents, refer, referAll, unrefer, unreferAll } from './extents.ts';
import type { GrantState, MetadataState, VolumeMap, VolumeState } from './state.ts';

export function createVolume(state: MetadataState, { name, tenant, pool, isShared, extents }: NewVolume): Answer {
  if (state.pools[pool] === undefined) return refuse('not-found');
  state.volumes[name] ??= newVolume({ name, tenant, pool, isShared, extents });
  return accept();
}

function newVolume(of: NewVolume): VolumeState {
  return {
    ...of,
    ...{ epoch: 0, revision: 0, committedRevision: 0, snapshotGeneration: 0, map: {} },
    ...{ grants: [], lastWriteEpoch: 0, lastReadEpoch: 0, attachments: {}, intents: [], decided: [], snapshots: {} },
    ...{ isDeleting: false },
  };
}

/** A clone's extents are all older than its own first snapshot generation: it writes by copying up. */
export function clone(state: MetadataState, command: Extract<Command, { kind: 'clone' }>): Answer {
  const source = state.volumes[command.volume];
  const map = source?.snapshots[command.snapshot];
  const pool = state.pools[source?.pool ?? ''];
  if (source === undefined || map === undefined || pool === undefined) return refuse('not-found');
  if (state.volumes[command.clone] !== undefined) return accept();
  const { tenant, extents } = source;
  const made = newVolume({ name: command.clone, tenant, pool: pool.name, isShared: false, extents });
  for (const [at, entry] of Object.entries(map)) made.map[Number(at)] = { ...entry, birth: 0 };
  made.snapshotGeneration = 1;
  referAll(pool, made.map);
  state.volumes[command.clone] = made;
  return accept();
}

export function deleteVolume(state: MetadataState, command: Extract<Command, { kind: 'delete-volume' }>): Answer {
  const volume = state.volumes[command.volume];
  const pool = state.pools[volume?.pool ?? ''];
  if (volume === undefined || pool === undefined) return accept();
  if (Object.keys(volume.attachments).length > 0 || volume.intents.length > 0) return refuse('busy');
  volume.isDeleting = true;
  if (volume.grants.length > 0)
    return refuse(
      'conflict',
      volume.grants.map(({ session }) => session),
    );
  unreferAll(state, pool, volume.map);
  volume.map = {};
  if (Object.keys(volume.snapshots).length === 0) Reflect.deleteProperty(state.volumes, volume.name);
  return accept();
}

export function deleteSnapshot(state: MetadataState, command: Extract<Command, { kind: 'delete-snapshot' }>): Answer {
  const volume = state.volumes[command.volume];
  const pool = state.pools[volume?.pool ?? ''];
  const map = volume?.snapshots[command.snapshot];
  if (volume === undefined || pool === undefined || map === undefined) return accept();
  unreferAll(state, pool, map);
  Reflect.deleteProperty(volume.snapshots, command.snapshot);
  return accept();
}

function standingGrant(
  volume: VolumeState,
  command: { readonly epoch: number; readonly session: string },
): GrantState | null {
  const { epoch, session } = command;
  return (
    volume.grants.find((grant) => grant.epoch === epoch && grant.session === session && grant.mode !== 'read') ?? null
  );
}

/** Ahead of need, so that a first write finds an extent without asking. */
export function allocate(state: MetadataState, command: Extract<Command, { kind: 'allocate' }>): Answer {
  const refusal = refuseAgent(state, command);
  if (refusal !== null) return refusal;
  const volume = state.volumes[command.volume];
  const pool = state.pools[volume?.pool ?? ''];
  if (volume === undefined || pool === undefined) return refuse('not-found');
  if (standingGrant(volume, command) === null) return refuse('fenced');
  const { session, epoch, count } = command;
  const extents = leaseExtents(pool, count, { session, volume: volume.name, epoch });
  return extents.length === 0 ? refuse('no-space') : accept({ extents });
}

/** What a device flush made durable becomes part of the map: first writes, copy-ups, migrated extents. */
export function convert(state: MetadataState, command: Convert): Answer {
  const refusal = refuseAgent(state, command);
  if (refusal !== null) return refusal;
  const volume = state.volumes[command.volume];
  const pool = state.pools[volume?.pool ?? ''];
  if (volume === undefined || pool === undefined) return refuse('not-found');
  if (standingGrant(volume, command) === null) return refuse('fenced');
  // What was admitted above an open intent must not slip below its cut; it waits for commit or withdrawal (decision record 13).
  if (volume.intents.some(({ revision }) => revision <= command.revision)) return refuse('busy');
  if (command.revision < volume.committedRevision) return refuse('fenced');
  const lease = { session: command.session, volume: volume.name, epoch: command.epoch };
  const isExpected = command.entries.every(({ at, extent, expect }) => {
    const mapped = volume.map[at]?.extent ?? -1;
    return mapped === extent || (mapped === expect && isLeasedTo(pool, extent, lease));
  });
  if (!isExpected) return refuse('fenced');
  for (const { at, extent } of command.entries) put(state, volume, at, extent);
  return accept({ revision: volume.revision });
}

function put(state: MetadataState, volume: VolumeState, at: number, extent: number): void {
  const pool = state.pools[volume.pool];
  const old = volume.map[at];
  if (pool === undefined || old?.extent === extent) return;
  volume.map[at] = { extent, birth: volume.snapshotGeneration };
  refer(pool, extent);
  if (old !== undefined) unrefer(state, pool, old.extent);
}

/** Takes what is mapped in [from, to) out of the map. */
export function unmapRange(state: MetadataState, volume: VolumeState, from: number, to: number): void {
  const pool = state.pools[volume.pool];
  for (let at = from; at < to && pool !== undefined; at++) {
    const entry = volume.map[at];
    if (entry === undefined) continue;
    Reflect.deleteProperty(volume.map, at);
    unrefer(state, pool, entry.extent);
  }
}

export function copyMap(map: VolumeMap): VolumeMap {
  return { ...map };
}
