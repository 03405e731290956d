// F7: when many stop at once it is the array or the network that failed, not they; nobody is fenced until most are back.
import { liveSession, type MetadataState, type SessionState } from './state.ts';

/** A session that said nothing for this share of its ttl has stopped; who were heard last within two ttls of each other stopped together. */
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
  const silences = stopped.map(silentMs);
  const windowMs = togetherTtls * Math.max(0, ...stopped.map(({ ttlMs }) => ttlMs));
  const together = silences.map((from) => silences.filter((to) => to >= from && to - from <= windowMs).length);
  const most = Math.max(0, ...together);
  if (most >= leastStopped && most * 2 > sessions.length) return true;
  return wasStorm && stopped.length > 0 && stopped.length * 2 >= sessions.length;
}
