// F7: when many stop at once it is the array or the network that failed, not they; until most are back nobody is fenced.
import type { StateDatabase } from '../state/database.ts';
import { State } from '../state/state.ts';
import type { LeaderSettings } from './leader-settings.ts';
import { holders } from './leader-reads.ts';
import type { Tenure } from './tenure.ts';

export interface Storm {
  readonly stopped: number;
  readonly holders: number;
}

const leastStopped = 3;
/** Who stopped longer ago, in his ttls, has not stopped with the others. */
const togetherTtls = 2;

/**
 * Of the sessions with grants: who ended without a certificate has stopped as well as who says nothing. A storm begins when many stop within
 * a short time, and lasts until most are back: neither the first of them nor time ends it, or the others were fenced while the network
 * is being mended. Null if there is none.
 */
export function stormOf(
  database: StateDatabase,
  { tenure, settings, nowMs }: { readonly tenure: Tenure; readonly settings: LeaderSettings; readonly nowMs: number },
): Storm | null {
  const { generation } = State.read(database);
  const all = database.all(holders);
  const stopped = all.filter((session) => {
    const isLive = session.ended === null && session.generation === generation;
    return !isLive || tenure.silentMs(session.id, nowMs) > session.ttl_ms * settings.stoppedShare;
  });
  const together = stopped.filter(({ id, ttl_ms }) => {
    return tenure.silentMs(id, nowMs) <= ttl_ms * (settings.stoppedShare + togetherTtls);
  });
  const begins = together.length >= leastStopped && together.length * 2 > all.length;
  const lasts = tenure.storm !== null && stopped.length > 0 && stopped.length * 2 >= all.length;
  return begins || lasts ? { stopped: stopped.length, holders: all.length } : null;
}
