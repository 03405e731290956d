// Time does not turn back (F11): a restored state begins a cluster generation of its own, and gives nothing until everything
// of an older one is shut out of the pool. What maps are found on devices and in engines is no part of this model.
import { certifySession, isPreempted } from './certificates.ts';
import { drop } from './intents.ts';
import { end } from './sessions.ts';
import { accept, refuse, type Answer, type Command } from './command.ts';
import type { MetadataState } from './state.ts';

export function restore(state: MetadataState, command: Extract<Command, { kind: 'restore' }>): Answer {
  const backup = JSON.parse(command.backup) as MetadataState;
  // The same backup may be restored twice: what the devices have seen counts, not what the backup knows.
  backup.generation = Math.max(backup.generation, command.generationSeen) + 1;
  Object.assign(state, backup);
  for (const session of Object.values(state.sessions)) end(session, 'generation');
  for (const pool of Object.values(state.pools)) pool.proof = null;
  // Who acknowledged an intent of the backup is not all who have to: the backup does not know who was granted the volume since.
  for (const volume of Object.values(state.volumes)) for (const intent of volume.intents) drop(volume, intent);
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
  pool.openGeneration = state.generation;
  pool.proof = null;
  return accept();
}
