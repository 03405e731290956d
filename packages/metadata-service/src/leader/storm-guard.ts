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
/** Who were heard last within so many ttls of each other have stopped together, however long ago. */
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
  const windowMs = togetherTtls * Math.max(0, ...stopped.map(({ ttl_ms }) => ttl_ms));
  const together = mostWithin(
    windowMs,
    stopped.map(({ id }) => tenure.silentMs(id, nowMs)),
  );
  const begins = together >= leastStopped && together * 2 > all.length;
  const lasts = tenure.storm !== null && stopped.length > 0 && stopped.length * 2 >= all.length;
  return begins || lasts ? { stopped: stopped.length, holders: all.length } : null;
}

/** How many of these times at the most lie within one window. */
function mostWithin(windowMs: number, timesMs: readonly number[]): number {
  const sorted = timesMs.toSorted((one, other) => one - other);
  let first = 0;
  let most = 0;
  for (const [at, timeMs] of sorted.entries()) {
    while (timeMs - (sorted[first] ?? timeMs) > windowMs) first++;
    most = Math.max(most, at - first + 1);
  }
  return most;
}
