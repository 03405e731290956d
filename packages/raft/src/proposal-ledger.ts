// Exactly once, as a table that a state machine keeps in its state: which proposals it has applied. A leaf; deterministic, so
// it is the same at equal indices, and part of a snapshot.
//
// A client numbers its commands from 1 without gaps and may send several before an answer. After a change of leaders command 5
// can be applied while 4 was lost and is sent again, so the highest number applied says nothing about the ones below it; the
// ledger keeps a floor and what lies above it. How far above is bounded: a client that runs further ahead is refused.
import type { ProposalId } from './entry.ts';

export type LedgerVerdict = 'first' | 'duplicate' | 'too-far-ahead';

export interface LedgerSession {
  readonly session: number;
  /** Everything up to here was applied. */
  readonly floor: number;
  readonly above: readonly number[];
}

interface Applied {
  floor: number;
  readonly above: Set<number>;
}

export class ProposalLedger {
  /** Commands that a session may have under way. */
  readonly aheadMax: number;
  readonly #sessions = new Map<number, Applied>();

  constructor(aheadMax: number, sessions: readonly LedgerSession[] = []) {
    this.aheadMax = aheadMax;
    for (const { session, floor, above } of sessions) this.#sessions.set(session, { floor, above: new Set(above) });
  }

  get sessions(): number {
    return this.#sessions.size;
  }

  /** Takes note of a command that is about to be applied, and says whether it may be. */
  judge({ session, sequence }: ProposalId): LedgerVerdict {
    const applied = this.#sessions.get(session) ?? { floor: 0, above: new Set<number>() };
    if (sequence <= applied.floor || applied.above.has(sequence)) return 'duplicate';
    if (sequence > applied.floor + this.aheadMax) return 'too-far-ahead';
    this.#sessions.set(session, applied);
    applied.above.add(sequence);
    while (applied.above.delete(applied.floor + 1)) applied.floor++;
    return 'first';
  }

  /** The session ended by a command of its own: its retries cannot come any more. */
  forget(session: number): void {
    this.#sessions.delete(session);
  }

  /** Everything, for a snapshot, in an order that does not depend on history. */
  contents(): LedgerSession[] {
    return [...this.#sessions]
      .map(([session, { floor, above }]) => ({ session, floor, above: [...above].sort((a, b) => a - b) }))
      .sort((first, second) => first.session - second.session);
  }
}
