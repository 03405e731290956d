// A node that is gone for good leaves the state when nothing of it is left to prove. Whatever of it wakes up later is nobody:
//
// its sessions have ended and are not there, so a command of their agents is refused by name (F4); each was certified in every pool,
// and silent, so what its engines might still do was waited for or cut off before (F5, F10). What registers under the name gets a
// session, a key and an agent's number that nobody had: numbers of nodes are never given again, and incarnations and agents of all
// names go on behind the highest that was forgotten. Its taint stays until it is cleared: without the record of whose it is, it
// would pass for somebody's word that the machine is off (F12).
import { OpError } from '@holdfast/base';
import type { CommandOf } from './commands.ts';
import type { NodeRow, SessionPoolRow, SessionRow } from './entities.ts';
import { change, query } from './query.ts';
import { found, type State } from './state.ts';

const nodeNamed = query<NodeRow>('SELECT * FROM nodes WHERE name = ?');
const liveSession = query<SessionRow>('SELECT * FROM sessions WHERE node = ? AND ended IS NULL LIMIT 1');
const loudPool = query<SessionPoolRow>(`
  SELECT session_pools.* FROM sessions JOIN session_pools ON session_pools.session = sessions.id
  WHERE sessions.node = ? AND session_pools.is_silent = 0 ORDER BY session, pool LIMIT 1
`);
const leaseOfNode = query<{ readonly session: string; readonly volume: string }>(`
  SELECT leases.session, leases.volume FROM sessions JOIN leases ON leases.session = sessions.id WHERE sessions.node = ? LIMIT 1
`);
const attachmentOf = query<{ readonly volume: string }>(
  'SELECT volume FROM attachments WHERE node = ? ORDER BY volume LIMIT 1',
);
const highestOf = query<Pick<NodeRow, 'incarnation' | 'agent'>>('SELECT incarnation, agent FROM forgotten_nodes');
const raiseHighest = change(`
  INSERT INTO forgotten_nodes VALUES (1, ?, ?) ON CONFLICT (id) DO UPDATE SET
    incarnation = MAX(incarnation, excluded.incarnation), agent = MAX(agent, excluded.agent)
`);
const forgets = [
  change('DELETE FROM session_pools WHERE session IN (SELECT id FROM sessions WHERE node = ?)'),
  change('DELETE FROM sessions WHERE node = ?'),
  change('DELETE FROM nodes WHERE name = ?'),
];

/** The last incarnation and agent's number that a node may have had of which nothing is known any more. */
export function lastForgotten({ database }: State): Pick<NodeRow, 'incarnation' | 'agent'> {
  return database.get(highestOf) ?? { incarnation: 0, agent: 0 };
}

export function forgetNode(state: State, { node: name, by, atMs }: CommandOf<'forgetNode'>): object {
  const { database } = state;
  const node = found(database.get(nodeNamed, name), () => new OpError('NODE_UNKNOWN', { node: name }));
  const reason = whatIsLeft(state, node);
  if (reason !== null) throw new OpError('NODE_IN_USE', { node: name, reason });
  database.run(raiseHighest, node.incarnation, node.agent);
  for (const forget of forgets) database.run(forget, name);
  state.audit(atMs, by, `forgot the node ${name}`);
  state.note('node', name, true);
  return {};
}

function whatIsLeft({ database }: State, { name, taint }: NodeRow): string | null {
  const live = database.get(liveSession, name);
  if (live !== null) return `its session ${live.id} lives`;
  const attachment = database.get(attachmentOf, name);
  if (attachment !== null) return `the volume ${attachment.volume} is attached to it`;
  const loud = database.get(loudPool, name);
  if (loud !== null) {
    const { session, pool, certificate } = loud;
    const what = certificate === null ? 'has no certificate' : 'may still read';
    return `its session ${session} ${what} in the pool ${pool}`;
  }
  const lease = database.get(leaseOfNode, name);
  if (lease !== null) return `extents that its session ${lease.session} had for ${lease.volume} are not free yet`;
  return taint === null ? null : 'the taint that the operator set on it stands';
}
