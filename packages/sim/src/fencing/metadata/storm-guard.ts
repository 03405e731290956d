// F7: when many stop at once it is the array or the network that failed, not they; nobody is fenced until most are back.
import { liveSession, type MetadataState, type SessionState } from './state.ts';

/** A session that said nothing for this share of its ttl has stopped; who stopped longer ago than two ttls has not stopped with the others. */
const stoppedShare = 0.5;
const togetherTtls = 2;
const leastStopped = 3;

export interface Sight {
  readonly silentMs: (session: SessionState) => number;
  /** It has begun, and lasts until most are back. */
  readonly isStorm: boolean;
}

export function isStorm(state: MetadataState, { silentMs, isStorm: wasStorm }: Sight): boolean {
  const holders = new Set(Object.values(state.volumes).flatMap(({ grants }) => grants.map(({ session }) => session)));
  const sessions = [...holders].map((id) => state.sessions[id]).filter((session) => session !== undefined);
  const stopped = sessions.filter((session) => {
    return liveSession(state, session.id) === null || silentMs(session) > session.ttlMs * stoppedShare;
  });
  const together = stopped.filter((session) => silentMs(session) <= session.ttlMs * (stoppedShare + togetherTtls));
  if (together.length >= leastStopped && together.length * 2 > sessions.length) return true;
  return wasStorm && stopped.length > 0 && stopped.length * 2 >= sessions.length;
}
