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

/** Of the sessions with grants: who ended without a certificate has stopped as well as who says nothing. Null if there is no storm. */
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
  const isStorm = stopped.length >= leastStopped && stopped.length * 2 > all.length;
  return isStorm ? { stopped: stopped.length, holders: all.length } : null;
}
