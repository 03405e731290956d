// Who may speak for a session (F4): its live agent, and no older one that was stopped and wakes up.
import { refuse, type Answer, type ByAgent } from './command.ts';
import { liveSession, type MetadataState } from './state.ts';

/** Null if the agent may speak for its session. */
export function refuseAgent(state: MetadataState, { session, agent }: ByAgent): Answer | null {
  const live = liveSession(state, session);
  if (live === null) return refuse('session-ended');
  if (agent < live.agent) return refuse('older-agent');
  return null;
}
