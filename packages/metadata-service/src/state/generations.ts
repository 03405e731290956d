// Time does not turn back (F11): a restored state begins a cluster generation of its own, and a pool gives nothing until everything
// of an older one is shut out of it.
import { OpError } from '@holdfast/base';
import { certifySession, missingPreemption } from './certificates.ts';
import type { CommandOf, ResultOf } from './commands.ts';
import type { ClusterRow, IntentRow, SessionPoolRow } from './entities.ts';
import { poolOf } from './extents.ts';
import { change, query } from './query.ts';
import type { State } from './state.ts';
import { stateLimits } from './state-limits.ts';

const endAll = change("UPDATE sessions SET ended = 'generation' WHERE ended IS NULL");
const endAllInPools = change('UPDATE session_pools SET ended_revision = ? WHERE ended_revision IS NULL');
const openIntents = query<Pick<IntentRow, 'volume'>>('SELECT volume FROM intents ORDER BY volume');
/** So that whoever asks for one again begins nothing anew. */
const rememberUnmaps = change(
  "REPLACE INTO ended_unmaps SELECT volume, id, revision, 0 FROM intents WHERE kind = 'unmap'",
);
const forgetIntents = change('DELETE FROM intents');
const forgetAcknowledgements = change('DELETE FROM acknowledgements');
const forgetProofs = change('UPDATE pools SET proof = NULL');
const setProof = change('UPDATE pools SET proof = ? WHERE name = ?');
const openInGeneration = change('UPDATE pools SET open_generation = ?, proof = NULL WHERE name = ?');
const older = query<SessionPoolRow>(`
  SELECT * FROM session_pools WHERE pool = ? AND ended_revision IS NOT NULL AND is_silent = 0
  ORDER BY ended_revision LIMIT ?
`);

/** `seen` is the highest generation on any device: a backup may be restored twice, and knows nothing of the first time. */
export function raiseGeneration(
  state: State,
  { seen, by, atMs }: CommandOf<'raiseGeneration'>,
): ResultOf<'raiseGeneration'> {
  const { database, cluster } = state;
  cluster.generation = generationAfter(cluster, seen);
  database.run(endAll);
  database.run(endAllInPools, state.index);
  database.run(forgetProofs);
  withdrawIntents(state);
  state.audit(atMs, by, `raised the cluster generation to ${cluster.generation}`);
  return { generation: cluster.generation };
}

export function generationAfter({ generation }: ClusterRow, seen: number): number {
  return Math.max(generation, seen) + 1;
}

/** What was acknowledged was said by engines of the older generation; one that runs since was never asked (adr/0016). */
function withdrawIntents(state: State): void {
  const { database } = state;
  const open = database.all(openIntents);
  database.run(rememberUnmaps);
  database.run(forgetIntents);
  database.run(forgetAcknowledgements);
  for (const { volume } of open) state.note('intent', volume, true);
}

/** Every older key is gone from every device, or, where there are no reservations, a person says that no older server runs. */
export function proveGeneration(state: State, command: CommandOf<'proveGeneration'>): object {
  const pool = poolOf(state, command.pool);
  if (pool.open_generation === state.cluster.generation || pool.proof !== null) return {};
  const isReserved = pool.fencing === 'reservation';
  const { evidence, by, atMs } = command;
  const reason = isReserved
    ? missingPreemption(state, pool, { evidence, key: null })
    : by === null
      ? 'nobody says so'
      : null;
  if (reason !== null) throw new OpError('GENERATION_UNPROVED', { pool: pool.name, reason });
  state.database.run(setProof, isReserved ? 'preempted' : 'stated', pool.name);
  if (by !== null) state.audit(atMs, by, `stated that nothing of an older generation uses ${pool.name}`);
  return {};
}

/** The leader waited since the proof, so who only reads has passed its deadline too. Some sessions a command, until none is left. */
export function openPool(state: State, { pool: name, term }: CommandOf<'openPool'>): ResultOf<'openPool'> {
  const { database, cluster } = state;
  const pool = poolOf(state, name);
  if (pool.open_generation === cluster.generation) return { isDone: true };
  if (pool.proof === null) throw new OpError('GENERATION_CLOSED', { pool: name, generation: cluster.generation });
  state.checkTerm(term);
  const kind = pool.proof === 'preempted' ? 'preempted' : 'expired';
  const sessions = database.all(older, name, stateLimits.sessionsPerCommand);
  for (const { session } of sessions) {
    certifySession(state, { session, pool: name, kind, by: 'leader', isSilent: true });
  }
  if (sessions.length === stateLimits.sessionsPerCommand) return { isDone: false };
  database.run(openInGeneration, cluster.generation, name);
  state.note('pool', name);
  return { isDone: true };
}
