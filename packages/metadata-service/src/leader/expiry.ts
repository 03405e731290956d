// When a living session is ended by its leader (F3): it said nothing for long enough, something waits for it, and no storm blows. A
// session that nobody waits for may be silent for as long as it likes. The end is an entry of the log, and counts only in this term.
//
// A leader whose own disk is slow commits with the others' disks what it has not applied itself: it may see somebody wait who was answered
// long ago. So before it ends anybody it reads up to what is committed, as whoever reads through it does, and looks again.
import { isOpError, type Clock } from '@holdfast/base';
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

export interface ExpiryParts extends WatchParts {
  /** Resolves when everything is applied here that was committed when it began. */
  readonly confirm: () => Promise<void>;
  /** Whether this tenure still is the one that counts. */
  readonly isCurrent: (tenure: Tenure) => boolean;
  /** The last entry that is in the state. */
  readonly applied: () => number;
  /** The last entry that is in this member's log, committed or not. */
  readonly lastIndex: () => number;
}

interface Due {
  readonly session: SessionRow;
  readonly reason: 'expired' | 'fenced' | 'powered-off';
}

/** `expired` is for devices without reservations, and where a user engine has a gap only if the pool takes that risk (F5). */
export function mayExpire({ fencing, tier, is_best_effort }: PoolRow): boolean {
  return fencing === 'lease' && (tier !== 'best-effort' || is_best_effort === 1);
}

export class Expiry {
  readonly #parts: ExpiryParts;
  #isConfirming = false;

  constructor(parts: ExpiryParts) {
    this.#parts = parts;
  }

  look(tenure: Tenure, nowMs: number): void {
    tenure.settleEnds(this.#parts.applied());
    if (this.#isConfirming || this.#due(tenure, nowMs).length === 0) return;
    this.#isConfirming = true;
    void this.#confirmAndEnd(tenure);
  }

  async #confirmAndEnd(tenure: Tenure): Promise<void> {
    try {
      await this.#parts.confirm();
    } catch (error) {
      // It leads no more, or is asked too much: the next look finds them again.
      if (!isOpError(error)) throw error;
      return;
    } finally {
      this.#isConfirming = false;
    }
    if (!this.#parts.isCurrent(tenure)) return;
    for (const due of this.#due(tenure, this.#parts.clock.boottimeMs())) this.#end(tenure, due);
  }

  /** Whose end is not proposed yet, and should be. */
  #due(tenure: Tenure, nowMs: number): Due[] {
    const found = [...this.#dueOfStatedOff(tenure, nowMs), ...this.#dueOfWaited(tenure, nowMs)];
    return found.filter(({ session }) => !tenure.ending.has(session.id));
  }

  #dueOfStatedOff(tenure: Tenure, nowMs: number): Due[] {
    const sessions = this.#parts.database().all(statedOff, this.#parts.settings.lookMax);
    return sessions.flatMap((session) => {
      const silentMs = Math.min(tenure.silentMs(session.id, nowMs), tenure.ageMs(`stated ${session.id}`, nowMs));
      return silentMs > session.ttl_ms ? [{ session, reason: 'powered-off' }] : [];
    });
  }

  #dueOfWaited(tenure: Tenure, nowMs: number): Due[] {
    if (tenure.storm !== null) return [];
    const waited = this.#waitedFor(tenure, nowMs);
    if (waited.size === 0) return [];
    const database = this.#parts.database();
    const longestTtlMs = database.get(longestTtl)?.ttl_ms ?? 0;
    return [...waited].flatMap((id) => {
      const session = database.get(sessionById, id);
      const reason = session?.ended === null ? this.#reasonToEnd(tenure, session, { longestTtlMs, nowMs }) : null;
      return session === null || reason === null ? [] : [{ session, reason }];
    });
  }

  /** Asked for a moment ago, or missing on an open intent. */
  #waitedFor(tenure: Tenure, nowMs: number): ReadonlySet<string> {
    const database = this.#parts.database();
    const intents = database.all(intentsBehind, '', this.#parts.settings.lookMax);
    const missing = intents.flatMap(({ volume }) => database.all(missingAcknowledgements, volume));
    return new Set([...tenure.waitedFor(nowMs), ...missing.map(({ session }) => session)]);
  }

  #reasonToEnd(
    tenure: Tenure,
    session: SessionRow,
    { longestTtlMs, nowMs }: { readonly longestTtlMs: number; readonly nowMs: number },
  ): 'expired' | 'fenced' | null {
    const silentMs = tenure.silentMs(session.id, nowMs);
    // Whoever was not heard in this term may have been answered by the leader before until its last moment.
    const ttlMs = tenure.hasHeard(session.id) ? session.ttl_ms : longestTtlMs;
    const pools = this.#parts.database().all(poolsOfSession, session.id);
    const isFenceable =
      pools.some(({ fencing }) => fencing === 'reservation') &&
      silentMs > session.ttl_ms * this.#parts.settings.suspectShare;
    const isExpired = pools.some(mayExpire) && silentMs > ttlMs;
    if (isExpired) return 'expired';
    return isFenceable ? 'fenced' : null;
  }

  #end(tenure: Tenure, { session: { id: session }, reason }: Due): void {
    const { errands, clock, lastIndex } = this.#parts;
    const { term } = tenure;
    const isDecided = (): boolean => tenure.ending.delete(session);
    // Refused is known to be refused. Silence is not: the entry may stand in the log, and be applied when the session has been answered.
    const isInDoubt = (): Map<string, number | null> => tenure.ending.set(session, lastIndex());
    const isBegun = errands.run<'endSession'>(
      `end ${session}`,
      { kind: 'endSession', session, reason, term, by: null, atMs: clock.wallMs() },
      { onDone: isDecided, onRefused: isDecided, onSilence: isInDoubt },
    );
    if (isBegun) tenure.ending.set(session, null);
  }
}
