// Sessions: registered, taken up by a later agent, ended (F3, F4). A session ends by an entry of the log and never comes back; its
// node begins the next incarnation. Renewals are the leader's, in memory, and never come here.
import { OpError } from '@holdfast/base';
import { isLive, nodeOf, reservationKey, sessionOf } from './agents.ts';
import { certifySession } from './certificates.ts';
import type { CommandOf, ResultOf } from './commands.ts';
import type { EndReason, NodeRow, SessionPoolRow, SessionRow } from './entities.ts';
import { lastForgotten } from './forgotten-nodes.ts';
import { change, insert, query } from './query.ts';
import { found, limitReached, type State } from './state.ts';
import { stateLimits } from './state-limits.ts';

const nodeNamed = query<NodeRow>('SELECT * FROM nodes WHERE name = ?');
const insertNode = insert<NodeRow>('nodes', [
  ...(['name', 'number', 'machine', 'incarnation', 'agent', 'session', 'off_by', 'off_incarnation', 'taint'] as const),
]);
const countNodes = query<{ readonly count: number }>('SELECT COUNT(*) AS count FROM nodes');
const nextIncarnation = change('UPDATE nodes SET incarnation = ?, agent = ?, session = ? WHERE name = ?');
const setNodeAgent = change('UPDATE nodes SET agent = ? WHERE name = ?');
const sessionById = query<SessionRow>('SELECT * FROM sessions WHERE id = ?');
const insertSession = insert<SessionRow>('sessions', [
  ...([
    'id',
    'node',
    'generation',
    'incarnation',
    'boot',
    'secret_hash',
    'ttl_ms',
    'drain_bound_ms',
    'agent',
    'ended',
  ] as const),
]);
const setAgent = change('UPDATE sessions SET agent = ? WHERE id = ?');
const setEnded = change('UPDATE sessions SET ended = ? WHERE id = ? AND ended IS NULL');
const setEndedInPools = change(
  'UPDATE session_pools SET ended_revision = ? WHERE session = ? AND ended_revision IS NULL',
);
const poolsOf = query<SessionPoolRow>('SELECT * FROM session_pools WHERE session = ? ORDER BY pool');
const forgotten = query<{ readonly id: string }>(`
  SELECT id FROM sessions WHERE node = ? AND ended IS NOT NULL AND id <> ?
    AND NOT EXISTS (SELECT 1 FROM session_pools WHERE session = sessions.id AND is_silent = 0)
    AND NOT EXISTS (SELECT 1 FROM leases WHERE session = sessions.id)
  ORDER BY id LIMIT 16
`);
const forgets = [change('DELETE FROM session_pools WHERE session = ?'), change('DELETE FROM sessions WHERE id = ?')];
const strictestLimit = query<{ readonly limit: number | null }>(`
  SELECT MIN(pools.fences_per_hour) AS "limit" FROM grants JOIN pools ON pools.name = grants.pool WHERE grants.session = ?
`);
const countFences = query<{ readonly count: number }>(
  'SELECT COUNT(*) AS count FROM fences WHERE at_ms > ? AND at_ms < ?',
);
const insertFence = insert('fences', ['session', 'at_ms']);
const trimFences = change(
  'DELETE FROM fences WHERE session IN (SELECT session FROM fences ORDER BY at_ms DESC, session LIMIT -1 OFFSET ?)',
);
const hourMs = 3_600_000;
/** A restored state does not know how far the numbers went: each generation begins beyond the one before. */
const agentsPerGeneration = 1_000_000;

type Register = CommandOf<'registerNode'>;
type Registration = ResultOf<'registerNode'>;

export function registerNode(state: State, command: Register): Registration {
  const { database } = state;
  const { node: name, boot } = command;
  const known = database.get(nodeNamed, name);
  if (known === null) {
    checkAfter(command, null);
    checkNodeLimits(state);
    return tell(state, begin(state, null, command));
  }
  if (known.machine !== command.machine) throw new OpError('NODE_MISTAKEN', { node: name });
  const previous = found(database.get(sessionById, known.session), () => new OpError('NODE_NOT_FOUND', { node: name }));
  // The same registration, sent again: its secret is known to nobody else. But a later agent may send it, which is another one.
  if (isSecret(previous, command.secretHash)) return takeUp(state, previous);
  checkAfter(command, previous.id);
  const isSameBoot = previous.boot === boot;
  // An agent that neither has the session's secret nor says that it tore everything down may run beside the real one.
  if (isSameBoot && !command.tornDown.some((hash) => isSecret(previous, hash))) {
    throw new OpError('REGISTRATION_CONTESTED', { node: name, session: previous.id });
  }
  end(state, previous.id, isSameBoot ? 'registered-again' : 'rebooted');
  const session = begin(state, known, command);
  // F5 `revoked`: a later agent of the same boot says that engine and queue of the older incarnation are gone.
  if (isSameBoot) certifyTornDown(state, previous.id, session.id);
  forgetOlder(state, name, previous.id);
  return tell(state, session);
}

function checkNodeLimits({ database, cluster }: State): void {
  const count = database.get(countNodes)?.count ?? 0;
  if (count >= stateLimits.nodes) throw limitReached('nodes', stateLimits.nodes);
  if (cluster.nodes >= stateLimits.nodeNumbers) throw limitReached('numbers of nodes', stateLimits.nodeNumbers);
}

/** A registration of an earlier boot that arrives late names another session than the one that it would end (adr/0015). */
function checkAfter({ node, after }: Register, last: string | null): void {
  if (after !== last) throw new OpError('REGISTRATION_OUTDATED', { node, session: last ?? '' });
}

function begin(state: State, known: NodeRow | null, command: Register): SessionRow {
  const { database, cluster } = state;
  const { node: name, machine, boot, ttlMs, drainBoundMs } = command;
  const last = known ?? lastForgotten(state);
  const incarnation = last.incarnation + 1;
  const agent = Math.max(last.agent, (cluster.generation - 1) * agentsPerGeneration) + 1;
  const id = `${cluster.generation}.${name}.${incarnation}`;
  if (known === null) {
    const fresh = { off_by: null, off_incarnation: null, taint: null };
    database.insert(insertNode, { name, number: ++cluster.nodes, machine, incarnation, agent, session: id, ...fresh });
  } else {
    database.run(nextIncarnation, incarnation, agent, id, name);
  }
  const session: SessionRow = {
    ...{ id, node: name, generation: cluster.generation, incarnation, boot, secret_hash: command.secretHash },
    ...{ ttl_ms: ttlMs, drain_bound_ms: drainBoundMs, agent, ended: null },
  };
  database.insert(insertSession, session);
  state.note('node', name);
  state.note('session', id);
  return session;
}

function certifyTornDown(state: State, session: string, by: string): void {
  for (const { pool } of state.database.all(poolsOf, session))
    certifySession(state, { session, pool, kind: 'revoked', by });
}

/**
 * Of which nothing is left to prove. The last one stays: it says what boot the node was in. That a session was fenced outlives it: a
 * node that registers twice within the hour would give back what F7 allows.
 */
function forgetOlder({ database }: State, node: string, previous: string): void {
  for (const { id } of database.all(forgotten, node, previous)) for (const forget of forgets) database.run(forget, id);
}

export function resumeSession(state: State, command: CommandOf<'resumeSession'>): Registration {
  const session = sessionOf(state, command.session);
  if (!isLive(state, session)) throw new OpError('SESSION_ENDED', { session: session.id });
  if (!isSecret(session, command.secretHash)) throw new OpError('SESSION_SECRET_WRONG', { session: session.id });
  return takeUp(state, session);
}

/** F4: each agent that takes the session up gets a number of its own, so that the one before is nobody from here on. */
function takeUp(state: State, session: SessionRow): Registration {
  if (!isLive(state, session)) throw new OpError('SESSION_ENDED', { session: session.id });
  const agent = nodeOf(state, session.node).agent + 1;
  state.database.run(setNodeAgent, agent, session.node);
  state.database.run(setAgent, agent, session.id);
  state.note('session', session.id);
  return tell(state, { ...session, agent });
}

/** Both are hashes of secrets, so how long a comparison takes tells nothing that helps. */
function isSecret({ secret_hash }: SessionRow, hash: Uint8Array): boolean {
  return Buffer.compare(secret_hash, hash) === 0;
}

function tell({ database }: State, session: SessionRow): Registration {
  const number = database.get(nodeNamed, session.node)?.number ?? 0;
  const key = reservationKey(session.generation, number, session.incarnation);
  return {
    session: session.id,
    key,
    agent: session.agent,
    ttlMs: session.ttl_ms,
    drainBoundMs: session.drain_bound_ms,
  };
}

/** F10: from here on, what is freed in the pools where it had grants waits for it. */
export function end(state: State, session: string, reason: EndReason): void {
  if (state.database.run(setEnded, reason, session) === 0) return;
  state.database.run(setEndedInPools, state.index, session);
  state.note('session', session);
}

export function endSession(state: State, command: CommandOf<'endSession'>): object {
  const { session: id, reason, by, atMs } = command;
  const session = sessionOf(state, id);
  if (session.ended !== null) return {};
  // F3: a leader that was deposed meanwhile decided on renewals that somebody else has answered since.
  if (reason !== 'override') state.checkTerm(command.term);
  if (reason === 'override' && by === null) throw unproved('override', id, 'nobody says so');
  if (by === null && (reason === 'expired' || reason === 'fenced')) countFence(state, id, atMs);
  end(state, id, reason);
  if (by !== null) state.audit(atMs, by, `ended the session ${id}: ${reason}`);
  return {};
}

function unproved(kind: string, session: string, reason: string): OpError {
  return new OpError('CERTIFICATE_UNPROVED', { kind, session, pool: 'any', reason });
}

/** F7: so many within an hour of logged time, unless a person asks; the strictest pool where the session holds grants counts. */
function countFence({ database }: State, session: string, atMs: number): void {
  const limit = database.get(strictestLimit, session)?.limit ?? null;
  if (limit === null) return;
  const count = database.get(countFences, atMs - hourMs, atMs + hourMs)?.count ?? 0;
  if (count >= limit) throw new OpError('FENCE_LIMIT_REACHED', { count, limit });
  database.insert(insertFence, { session, at_ms: atMs });
  // By number, not by age: a clock that ran ahead once would take with it what still counts.
  database.run(trimFences, stateLimits.fences);
}
