// Who waits for an answer of a group: proposals until they are applied, reads until the state machine is far enough, requests
// that change the group until they have. Nobody waits for ever: past its limit a request is answered with what is not known.
import { NumberTable, OpError, type LogIndex } from '@holdfast/base';
import type { ProposalId, ReadState } from '@holdfast/raft';

interface Waiter<Value> {
  readonly dueTick: number;
  readonly promise: Promise<Value>;
  readonly resolve: (value: Value) => void;
  readonly reject: (error: OpError) => void;
}

export interface WaitingLimits {
  readonly answerTicks: number;
  readonly waitingMax: number;
}

function waiter<Value>(dueTick: number): Waiter<Value> {
  return { dueTick, ...Promise.withResolvers<Value>() };
}

/** Waiters by a number or by two. */
class Waiters<Value> {
  readonly #limits: WaitingLimits;
  readonly #waiting = new NumberTable<Waiter<Value>>();
  readonly #what: string;
  #tick = 0;

  constructor(what: string, limits: WaitingLimits) {
    this.#what = what;
    this.#limits = limits;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Throws RAFT_OVERLOADED if too many wait. */
  add(first: number, second = 0): Promise<Value> {
    const limit = this.#limits.waitingMax;
    if (this.#waiting.size >= limit) throw new OpError('RAFT_OVERLOADED', { what: this.#what, limit });
    const added = waiter<Value>(this.#tick + this.#limits.answerTicks);
    this.#waiting.set(added, first, second);
    return added.promise;
  }

  get(first: number, second = 0): Promise<Value> | null {
    return this.#waiting.get(first, second)?.promise ?? null;
  }

  resolve(value: Value, first: number, second = 0): void {
    this.#waiting.take(first, second)?.resolve(value);
  }

  reject(error: OpError, first: number, second = 0): void {
    this.#waiting.take(first, second)?.reject(error);
  }

  rejectAll(error: OpError): void {
    const all = this.#waiting.values();
    this.#waiting.clear();
    for (const each of all) each.reject(error);
  }

  keys(): (readonly [first: number, second: number])[] {
    return this.#waiting.keysWhere(() => true);
  }

  tick(late: (first: number) => OpError): void {
    this.#tick++;
    const isDue = ({ dueTick }: Waiter<Value>): boolean => dueTick <= this.#tick;
    for (const [first, second] of this.#waiting.keysWhere(isDue)) this.reject(late(first), first, second);
  }
}

export class WaitingProposals {
  readonly #waiters: Waiters<Uint8Array>;

  constructor(limits: WaitingLimits) {
    this.#waiters = new Waiters('proposals that wait', limits);
  }

  get size(): number {
    return this.#waiters.size;
  }

  /** `isNew` is false if the same proposal waits already: it is answered together with its first try. */
  add({ session, sequence }: ProposalId): { readonly answer: Promise<Uint8Array>; readonly isNew: boolean } {
    const known = this.#waiters.get(session, sequence);
    if (known !== null) return { answer: known, isNew: false };
    return { answer: this.#waiters.add(session, sequence), isNew: true };
  }

  answer({ session, sequence }: ProposalId, answer: Uint8Array): void {
    this.#waiters.resolve(answer, session, sequence);
  }

  refuse({ session, sequence }: ProposalId, error: OpError): void {
    this.#waiters.reject(error, session, sequence);
  }

  rejectAll(error: OpError): void {
    this.#waiters.rejectAll(error);
  }

  tick(): void {
    this.#waiters.tick(() => outcomeUnknown('no answer came in time'));
  }
}

export class WaitingReads {
  readonly #limits: WaitingLimits;
  readonly #waiters: Waiters<void>;
  /** Confirmed by the leader, and the state machine is not there yet. */
  readonly #confirmed = new Map<number, LogIndex>();

  constructor(limits: WaitingLimits) {
    this.#limits = limits;
    this.#waiters = new Waiters('reads that wait', limits);
  }

  get size(): number {
    return this.#waiters.size;
  }

  add(id: number): Promise<void> {
    return this.#waiters.add(id);
  }

  confirm({ id, index }: ReadState, applied: LogIndex): void {
    if (index <= applied) this.#waiters.resolve(undefined, id);
    else this.#confirmed.set(id, index);
  }

  noteApplied(applied: LogIndex): void {
    for (const [id, index] of this.#confirmed) {
      if (index > applied) continue;
      this.#confirmed.delete(id);
      this.#waiters.resolve(undefined, id);
    }
  }

  refuse(id: number, error: OpError): void {
    this.#confirmed.delete(id);
    this.#waiters.reject(error, id);
  }

  /** Whoever was asked leads no more. What it had confirmed stays true. */
  refuseUnconfirmed(error: OpError): void {
    for (const [id] of this.#waiters.keys()) if (!this.#confirmed.has(id)) this.#waiters.reject(error, id);
  }

  rejectAll(error: OpError): void {
    this.#confirmed.clear();
    this.#waiters.rejectAll(error);
  }

  tick(): void {
    const { answerTicks } = this.#limits;
    this.#waiters.tick((id) => {
      this.#confirmed.delete(id);
      return new OpError('TIMED_OUT', { what: 'a read', limit: `${answerTicks} ticks` });
    });
  }
}

const oneOfAKind = 0;

/** A request that ends when the group shows that it has: a change of members, a transfer. One of a kind at a time. */
export class WaitingChange<Seen> {
  readonly #waiters: Waiters<void>;
  #isDone: (seen: Seen) => boolean = () => false;

  constructor(what: string, limits: WaitingLimits) {
    this.#waiters = new Waiters(what, { ...limits, waitingMax: 1 });
  }

  /** Throws RAFT_OVERLOADED if another one waits. */
  add(isDone: (seen: Seen) => boolean): Promise<void> {
    const done = this.#waiters.add(oneOfAKind);
    this.#isDone = isDone;
    return done;
  }

  see(seen: Seen): void {
    if (this.#waiters.size > 0 && this.#isDone(seen)) this.#waiters.resolve(undefined, oneOfAKind);
  }

  reject(error: OpError): void {
    this.#waiters.rejectAll(error);
  }

  tick(): void {
    this.#waiters.tick(() => outcomeUnknown('it was not done in time'));
  }
}

export function outcomeUnknown(reason: string): OpError {
  return new OpError('RAFT_OUTCOME_UNKNOWN', { reason });
}
