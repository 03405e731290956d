// Who waits for an answer of a group: proposals until they are applied, reads until the state machine is far enough, requests
// that change the group until they have. Nobody waits for ever: past its limit a request is answered with what is not known.
import { OpError, type LogIndex } from '@holdfast/base';
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

/** Waiters by a key, the longest waiting first; all wait equally long. */
class Waiters<Key, Value> {
  readonly #limits: WaitingLimits;
  readonly #waiting = new Map<Key, Waiter<Value>>();
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
  add(key: Key): Promise<Value> {
    const limit = this.#limits.waitingMax;
    if (this.#waiting.size >= limit) throw new OpError('RAFT_OVERLOADED', { what: this.#what, limit });
    const added = waiter<Value>(this.#tick + this.#limits.answerTicks);
    this.#waiting.set(key, added);
    return added.promise;
  }

  get(key: Key): Promise<Value> | null {
    return this.#waiting.get(key)?.promise ?? null;
  }

  resolve(key: Key, value: Value): void {
    this.#waiting.get(key)?.resolve(value);
    this.#waiting.delete(key);
  }

  reject(key: Key, error: OpError): void {
    this.#waiting.get(key)?.reject(error);
    this.#waiting.delete(key);
  }

  rejectAll(error: OpError): void {
    for (const each of this.#waiting.values()) each.reject(error);
    this.#waiting.clear();
  }

  keys(): Iterable<Key> {
    return this.#waiting.keys();
  }

  tick(late: (key: Key) => OpError): void {
    this.#tick++;
    for (const [key, { dueTick }] of this.#waiting) {
      if (dueTick > this.#tick) return;
      this.reject(key, late(key));
    }
  }
}

export class WaitingProposals {
  readonly #waiters: Waiters<string, Uint8Array>;

  constructor(limits: WaitingLimits) {
    this.#waiters = new Waiters('proposals that wait', limits);
  }

  get size(): number {
    return this.#waiters.size;
  }

  /** `isNew` is false if the same proposal waits already: it is answered together with its first try. */
  add(id: ProposalId): { readonly answer: Promise<Uint8Array>; readonly isNew: boolean } {
    const key = keyOf(id);
    const known = this.#waiters.get(key);
    return known === null ? { answer: this.#waiters.add(key), isNew: true } : { answer: known, isNew: false };
  }

  answer(id: ProposalId, answer: Uint8Array): void {
    this.#waiters.resolve(keyOf(id), answer);
  }

  refuse(id: ProposalId, error: OpError): void {
    this.#waiters.reject(keyOf(id), error);
  }

  rejectAll(error: OpError): void {
    this.#waiters.rejectAll(error);
  }

  tick(): void {
    this.#waiters.tick(() => outcomeUnknown('no answer came in time'));
  }
}

function keyOf({ session, sequence }: ProposalId): string {
  return `${session}/${sequence}`;
}

export class WaitingReads {
  readonly #limits: WaitingLimits;
  readonly #waiters: Waiters<number, void>;
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
    if (index <= applied) this.#waiters.resolve(id, undefined);
    else this.#confirmed.set(id, index);
  }

  noteApplied(applied: LogIndex): void {
    for (const [id, index] of this.#confirmed) {
      if (index > applied) continue;
      this.#confirmed.delete(id);
      this.#waiters.resolve(id, undefined);
    }
  }

  refuse(id: number, error: OpError): void {
    this.#confirmed.delete(id);
    this.#waiters.reject(id, error);
  }

  /** Whoever was asked leads no more. What it had confirmed stays true. */
  refuseUnconfirmed(error: OpError): void {
    for (const id of this.#waiters.keys()) if (!this.#confirmed.has(id)) this.#waiters.reject(id, error);
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

/** A request that ends when the group shows that it has: a change of members, a transfer. One of a kind at a time. */
export class WaitingChange<Seen> {
  readonly #waiters: Waiters<'change', void>;
  #isDone: (seen: Seen) => boolean = () => false;

  constructor(what: string, limits: WaitingLimits) {
    this.#waiters = new Waiters(what, { ...limits, waitingMax: 1 });
  }

  /** Throws RAFT_OVERLOADED if another one waits. */
  add(isDone: (seen: Seen) => boolean): Promise<void> {
    const done = this.#waiters.add('change');
    this.#isDone = isDone;
    return done;
  }

  see(seen: Seen): void {
    if (this.#waiters.size > 0 && this.#isDone(seen)) this.#waiters.resolve('change', undefined);
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
