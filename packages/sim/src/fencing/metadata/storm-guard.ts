// F7: when many stop at once it is the array or the network that failed, not they; nobody is fenced until most are back.
import { liveSession, type MetadataState, type SessionState } from './state.ts';

/** A session that said nothing for this share of its ttl has stopped; one that stopped is counted for two of its ttls. */
const stoppedShare = 0.5;
const leastStopped = 3;

export function isStorm(state: MetadataState, silentMs: (session: SessionState) => number): boolean {
  const holders = new Set(Object.values(state.volumes).flatMap(({ grants }) => grants.map(({ session }) => session)));
  const sessions = [...holders].map((id) => state.sessions[id]).filter((session) => session !== undefined);
  const stopped = sessions.filter((session) => {
    return liveSession(state, session.id) === null || silentMs(session) > session.ttlMs * stoppedShare;
  });
  return stopped.length >= leastStopped && stopped.length * 2 > sessions.length;
}
