// Time does not turn back (F11): a restored state begins a cluster generation of its own, and gives nothing until everything
// of an older one is shut out of the pool and the maps that were found are merged.
import { certifySession, isPreempted } from './certificates.ts';
import { referAll, unreferAll } from './extents.ts';
import { end } from './sessions.ts';
import { accept, refuse, type Answer, type Command, type Merge } from './command.ts';
import type { MetadataState, PoolState, VolumeState } from './state.ts';

export function restore(state: MetadataState, command: Extract<Command, { kind: 'restore' }>): Answer {
  const backup = JSON.parse(command.backup) as MetadataState;
  // The same backup may be restored twice: what the devices have seen counts, not what the backup knows.
  backup.generation = Math.max(backup.generation, command.generationSeen) + 1;
  Object.assign(state, backup);
  for (const session of Object.values(state.sessions)) end(session, 'generation');
  for (const pool of Object.values(state.pools)) pool.proof = null;
  return accept();
}

/** Every older key is gone from every device, or a person said that no older server runs. */
export function proveGeneration(state: MetadataState, command: Extract<Command, { kind: 'prove-generation' }>): Answer {
  const pool = state.pools[command.pool];
  if (pool === undefined) return refuse('not-found');
  if (pool.openGeneration === state.generation || pool.proof !== null) return accept();
  if (pool.fencing === 'reservation') {
    if (!isPreempted(state, pool, { evidence: command.evidence, sessions: [] })) return refuse('not-proved');
    if (hasOlderKey(state, command.evidence)) return refuse('not-proved');
    pool.proof = 'preempted';
  } else {
    if (command.by === '') return refuse('not-proved');
    pool.proof = 'stated';
  }
  return accept();
}

function hasOlderKey(
  state: MetadataState,
  evidence: Extract<Command, { kind: 'prove-generation' }>['evidence'],
): boolean {
  if (evidence.kind !== 'preempted') return true;
  const keys = evidence.readBacks.flatMap((readBack) => readBack.keys);
  return keys.some((key) => Number.parseInt(key, 10) < state.generation);
}

export function merge(state: MetadataState, command: Merge): Answer {
  const volume = state.volumes[command.volume];
  const pool = state.pools[volume?.pool ?? ''];
  if (volume === undefined || pool === undefined) return refuse('not-found');
  if (pool.openGeneration === state.generation) return refuse('not-allowed');
  if (!isNewer(volume, command)) return accept();
  unreferAll(state, pool, volume.map);
  volume.map = { ...command.map };
  volume.changes = command.changes;
  volume.epoch = command.epoch;
  volume.epochGeneration = command.generation;
  volume.snapshotGeneration = Math.max(volume.snapshotGeneration, command.snapshotGeneration);
  referAll(pool, volume.map);
  return accept();
}

function isNewer(volume: VolumeState, { generation, epoch, changes }: Merge): boolean {
  if (generation !== volume.epochGeneration) return generation > volume.epochGeneration;
  if (epoch !== volume.epoch) return epoch > volume.epoch;
  return changes > volume.changes;
}

/** The leader waited since the proof: also who only reads has passed its deadline. */
export function openGeneration(
  state: MetadataState,
  command: Extract<Command, { kind: 'open-generation' }>,
  term: number,
): Answer {
  const pool = state.pools[command.pool];
  if (pool === undefined) return refuse('not-found');
  if (pool.openGeneration === state.generation) return accept();
  if (pool.proof === null || command.term !== term) return refuse('not-proved');
  const as = pool.proof === 'preempted' ? 'preempted' : 'expired';
  for (const session of Object.values(state.sessions)) {
    if (session.generation >= state.generation) continue;
    certifySession(state, { session, pool, as, by: 'leader' });
    session.silent[pool.name] = true;
  }
  dispute(state, pool);
  pool.openGeneration = state.generation;
  pool.proof = null;
  return accept();
}

/** An extent that two conversions claim: both volumes wait for a person. */
function dispute(state: MetadataState, pool: PoolState): void {
  const claims = new Map<number, { readonly claim: string; readonly volume: VolumeState }>();
  for (const volume of Object.values(state.volumes).filter((each) => each.pool === pool.name)) {
    for (const map of [volume.map, ...Object.values(volume.snapshots)]) {
      for (const { extent, claim } of Object.values(map)) {
        const other = claims.get(extent);
        if (other === undefined) claims.set(extent, { claim, volume });
        else if (other.claim !== claim) {
          other.volume.isDisputed = true;
          volume.isDisputed = true;
        }
      }
    }
  }
}
