// Sessions: registered, taken up by a later agent, ended (F3, F4). A session ends by an entry of the log and never comes back;
// its node begins the next incarnation.
import { accept, refuse, type Answer, type Command, type EndSession, type Register } from './command.ts';
import { certifySession } from './certificates.ts';
import { liveSession, type EndReason, type MetadataState, type SessionState } from './state.ts';

const fenceWindowMs = 3_600_000;
/** A restored state does not know how far the numbers went: each generation begins beyond the one before. */
const agentsPerGeneration = 1_000_000;

export function register(state: MetadataState, command: Register): Answer {
  const known = state.nodes[command.node];
  if (known !== undefined && known.machine !== command.machine) return refuse('not-allowed');
  const last = known?.session ?? '';
  const previous = state.sessions[last];
  if (previous?.secret === command.secret) return registeredBefore(state, previous);
  if (command.after !== last) return { ...refuse('conflict'), session: last };
  if (previous === undefined) return begin(state, command);
  const isSameBoot = previous.bootId === command.bootId;
  // An agent that neither has the session's secret nor says that it tore everything down may run beside the real one.
  if (isSameBoot && !command.tornDown.includes(previous.secret)) return refuse('not-allowed');
  end(previous, isSameBoot ? 'registered-again' : 'rebooted');
  const answer = begin(state, command);
  if (isSameBoot) certifyTornDown(state, previous, answer.session);
  return answer;
}

function begin(state: MetadataState, command: Register): Answer {
  const { node: name, machine, bootId, secret, ttlMs, drainMs } = command;
  const known = state.nodes[name];
  const incarnation = (known?.incarnation ?? 0) + 1;
  const agent = Math.max(known?.agent ?? 0, state.generation * agentsPerGeneration) + 1;
  const id = `${state.generation}.${name}.${incarnation}`;
  const { generation } = state;
  state.sessions[id] = {
    ...{ id, node: name, generation, incarnation, bootId, secret, ttlMs, drainMs },
    ...{ agent, endedBy: null, certificates: {}, silent: {} },
  };
  const node = known ?? { machine, incarnation, agent, session: id, statement: null, taint: null };
  state.nodes[name] = Object.assign(node, { incarnation, agent, session: id });
  return accept({ session: id, agent });
}

function nextAgent(state: MetadataState, node: string): number {
  const known = state.nodes[node];
  return known === undefined ? 1 : ++known.agent;
}

/** The answer to the first try was lost; whoever asks again may be a later agent, so it gets a number of its own. */
function registeredBefore(state: MetadataState, session: SessionState): Answer {
  if (session.endedBy !== null) return refuse('session-ended');
  session.agent = nextAgent(state, session.node);
  return accept({ session: session.id, agent: session.agent });
}

/** The machine's later agent tore down engine and queue: nothing of the older incarnation can move (`revoked`). */
function certifyTornDown(state: MetadataState, previous: SessionState, by: string): void {
  for (const pool of Object.values(state.pools)) certifySession(state, { session: previous, pool, as: 'revoked', by });
}

export function resume(state: MetadataState, command: Extract<Command, { kind: 'resume' }>): Answer {
  const session = liveSession(state, command.session);
  if (session === null) return refuse('session-ended');
  if (session.secret !== command.secret) return refuse('not-allowed');
  // Each agent that takes the session up gets a number of its own, so that the one before is nobody from here on.
  session.agent = nextAgent(state, session.node);
  return accept({ session: session.id, agent: session.agent });
}

export function end(session: SessionState, reason: EndReason): void {
  session.endedBy ??= reason;
}

export function endSession(state: MetadataState, command: EndSession, term: number): Answer {
  const session = state.sessions[command.session];
  if (session === undefined) return refuse('not-found');
  if (session.endedBy !== null) return accept();
  // A leader that was deposed while this was on its way decided on renewals that somebody else has answered since.
  if (command.reason !== 'override' && command.term !== term) return refuse('older-term');
  if (command.reason === 'expired' || command.reason === 'fenced') {
    const refusal = countFence(state, command);
    if (refusal !== null) return refusal;
  }
  end(session, command.reason);
  return accept();
}

/** F7: so many within an hour of logged time, unless a person asks. Pools differ; the strictest one where the node holds grants counts. */
function countFence(state: MetadataState, { session, atMs }: EndSession): Answer | null {
  const pools = Object.values(state.volumes)
    .filter(({ grants }) => grants.some((grant) => grant.session === session))
    .map(({ pool }) => state.pools[pool]?.fencesPerHourMax ?? 0);
  if (pools.length === 0) return null;
  const recent = state.fences.filter((fence) => Math.abs(fence.atMs - atMs) < fenceWindowMs);
  if (recent.length >= Math.min(...pools)) return refuse('fence-limit');
  state.fences.push({ atMs, session });
  return null;
}
