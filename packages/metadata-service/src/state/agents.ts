// Who may speak for a session (F4): its live agent, and no older one that was stopped and wakes up.
import { OpError } from '@holdfast/base';
import type { NodeRow, SessionRow } from './entities.ts';
import { query } from './query.ts';
import { found, type State } from './state.ts';

const sessionById = query<SessionRow>('SELECT * FROM sessions WHERE id = ?');
const nodeNamed = query<NodeRow>('SELECT * FROM nodes WHERE name = ?');

export function sessionOf({ database }: State, session: string): SessionRow {
  return found(database.get(sessionById, session), () => new OpError('SESSION_NOT_FOUND', { session }));
}

/** F11: a session of an older cluster generation lives no more than one that has ended. */
export function isLive({ cluster }: State, { ended, generation }: SessionRow): boolean {
  return ended === null && generation === cluster.generation;
}

export function checkAgent(
  state: State,
  { session: id, agent }: { readonly session: string; readonly agent: number },
): SessionRow {
  const session = sessionOf(state, id);
  if (!isLive(state, session)) throw new OpError('SESSION_ENDED', { session: id });
  // A number that was never given out is no agent either.
  if (agent !== session.agent) throw new OpError('AGENT_SUPERSEDED', { session: id, agent, current: session.agent });
  return session;
}

export function nodeOf({ database }: State, node: string): NodeRow {
  return found(database.get(nodeNamed, node), () => new OpError('NODE_NOT_FOUND', { node }));
}

/** The session that the node lives in. */
export function liveSessionOf(state: State, node: string): SessionRow {
  const { session } = nodeOf(state, node);
  const row = state.database.get(sessionById, session);
  if (row === null || !isLive(state, row)) throw new OpError('NODE_NOT_FOUND', { node });
  return row;
}

/**
 * What stands on a device for a session (3-fencing.md): cluster generation, node and incarnation in 64 bits, as hexadecimal digits
 * in the order in which they grow.
 */
export function reservationKey(generation: number, node: number, incarnation: number): string {
  const digits = (value: number, count: number): string => value.toString(16).padStart(count, '0').slice(-count);
  return digits(generation, 4) + digits(node, 6) + digits(incarnation, 6);
}

export function generationOfKey(key: string): number {
  return Number.parseInt(key.slice(0, 4), 16);
}
