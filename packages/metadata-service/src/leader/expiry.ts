// When a living session is ended by its leader (F3): it said nothing for long enough, something waits for it, and no storm blows. A
// session that nobody waits for may be silent for as long as it likes. The end is an entry of the log, and counts only in this term.
import type { Clock } from '@holdfast/base';
import type { StateDatabase } from '../state/database.ts';
import type { PoolRow, SessionRow } from '../state/entities.ts';
import type { Errands } from './errands.ts';
import type { LeaderSettings } from './leader-settings.ts';
import {
  intentsBehind,
  longestTtl,
  missingAcknowledgements,
  poolsOfSession,
  sessionById,
  statedOff,
} from './leader-reads.ts';
import type { Tenure } from './tenure.ts';

export interface WatchParts {
  readonly database: () => StateDatabase;
  readonly clock: Clock;
  readonly errands: Errands;
  readonly settings: LeaderSettings;
}

/** `expired` is for devices without reservations, and where a user engine has a gap only if the pool takes that risk (F5). */
export function mayExpire({ fencing, tier, is_best_effort }: PoolRow): boolean {
  return fencing === 'lease' && (tier !== 'best-effort' || is_best_effort === 1);
}

export class Expiry {
  readonly #parts: WatchParts;

  constructor(parts: WatchParts) {
    this.#parts = parts;
  }

  look(tenure: Tenure, nowMs: number): void {
    const { settings } = this.#parts;
    const database = this.#parts.database();
    for (const session of database.all(statedOff, settings.lookMax)) this.#lookAtStatedOff(tenure, session, nowMs);
    if (tenure.storm !== null) return;
    const waited = this.#waitedFor(tenure, nowMs);
    if (waited.size === 0) return;
    const ttlMs = database.get(longestTtl)?.ttl_ms ?? 0;
    for (const id of waited) {
      const session = database.get(sessionById, id);
      if (session?.ended === null) this.#lookAtWaited(tenure, session, { longestTtlMs: ttlMs, nowMs });
    }
  }

  /** Asked for a moment ago, or missing on an open intent. */
  #waitedFor(tenure: Tenure, nowMs: number): ReadonlySet<string> {
    const database = this.#parts.database();
    const intents = database.all(intentsBehind, '', this.#parts.settings.lookMax);
    const missing = intents.flatMap(({ volume }) => database.all(missingAcknowledgements, volume));
    return new Set([...tenure.waitedFor(nowMs), ...missing.map(({ session }) => session)]);
  }

  #lookAtStatedOff(tenure: Tenure, session: SessionRow, nowMs: number): void {
    const silentMs = Math.min(tenure.silentMs(session.id, nowMs), tenure.ageMs(`stated ${session.id}`, nowMs));
    if (silentMs > session.ttl_ms) this.#end(tenure, session, 'powered-off');
  }

  #lookAtWaited(
    tenure: Tenure,
    session: SessionRow,
    { longestTtlMs, nowMs }: { readonly longestTtlMs: number; readonly nowMs: number },
  ): void {
    const silentMs = tenure.silentMs(session.id, nowMs);
    // Whoever was not heard in this term may have been answered by the leader before until its last moment.
    const ttlMs = tenure.hasHeard(session.id) ? session.ttl_ms : longestTtlMs;
    const pools = this.#parts.database().all(poolsOfSession, session.id);
    const isFenceable =
      pools.some(({ fencing }) => fencing === 'reservation') &&
      silentMs > session.ttl_ms * this.#parts.settings.suspectShare;
    const isExpired = pools.some(mayExpire) && silentMs > ttlMs;
    if (isFenceable || isExpired) this.#end(tenure, session, isExpired ? 'expired' : 'fenced');
  }

  #end(tenure: Tenure, { id: session }: SessionRow, reason: 'expired' | 'fenced' | 'powered-off'): void {
    const { errands, clock } = this.#parts;
    const { term } = tenure;
    const isDecided = (): boolean => tenure.ending.delete(session);
    const isBegun = errands.run<'endSession'>(
      `end ${session}`,
      { kind: 'endSession', session, reason, term, by: null, atMs: clock.wallMs() },
      // Refused is known to be refused. Silence is not: the session stays without answers until the term ends.
      { onDone: isDecided, onRefused: isDecided },
    );
    if (isBegun) tenure.ending.add(session);
  }
}
