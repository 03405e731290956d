// Writes on their way to storage, and what must not be said before they are durable. A leaf. Storage completes writes in the
// order of their tickets; one `stored` may answer for several.
//
// The story that shapes `durableIndex`: an entry is written, cut off by a newer leader, and appended once more, same index,
// same term, by a third. The acknowledgement of the first write arrives now. Taking it for the third would count an entry
// that the disk may yet lose with the cut that is still under way. So an acknowledgement counts no further than the lowest
// cut among the writes behind it.
import { invariant, type LogIndex } from '@holdfast/base';
import type { StorageWrite } from './effects.ts';
import { lesser } from './ids.ts';
import type { Message } from './message.ts';

interface PendingWrite {
  readonly ticket: number;
  readonly lastIndex: LogIndex;
  readonly truncateAfter: LogIndex | null;
  readonly commit: LogIndex | null;
  readonly hasVote: boolean;
  readonly messages: Message[];
}

export class WriteQueue {
  #pending: PendingWrite[] = [];
  #lastTicket = 0;
  #durable: LogIndex;
  #durableCommit: LogIndex;

  constructor(durable: LogIndex, durableCommit: LogIndex) {
    this.#durable = durable;
    this.#durableCommit = durableCommit;
  }

  get length(): number {
    return this.#pending.length;
  }
  get nextTicket(): number {
    return this.#lastTicket + 1;
  }
  /** The last entry that storage stands behind. */
  get durableIndex(): LogIndex {
    return this.#durable;
  }
  /** What a start would find to be committed. */
  get durableCommit(): LogIndex {
    return this.#durableCommit;
  }
  /** A term or a vote is not durable yet. */
  get isVotePending(): boolean {
    return this.#pending.some(({ hasVote }) => hasVote);
  }
  isPending(ticket: number): boolean {
    return ticket > this.#lastTicket - this.#pending.length && ticket <= this.#lastTicket;
  }

  /** Hands over a write after which the log ends at `lastIndex`. */
  add(write: StorageWrite, lastIndex: LogIndex, messages: Message[]): void {
    invariant(write.ticket === this.nextTicket, `ticket ${write.ticket} behind ${this.#lastTicket}`);
    this.#lastTicket = write.ticket;
    const { ticket, truncateAfter, snapshot, vote, commit } = write;
    const cut = snapshot === null ? truncateAfter : lesser(snapshot.index, truncateAfter ?? snapshot.index);
    this.#pending.push({ ticket, lastIndex, truncateAfter: cut, commit, hasVote: vote !== null, messages });
    if (cut !== null) this.#durable = lesser(this.#durable, cut);
  }

  /** Messages that wait for everything handed over so far. False if nothing is under way, so they may go. */
  defer(messages: readonly Message[]): boolean {
    const last = this.#pending.at(-1);
    if (last === undefined) return false;
    last.messages.push(...messages);
    return true;
  }

  /** Everything up to `ticket` is durable: what may be said then. */
  acknowledge(ticket: number): Message[] {
    invariant(this.isPending(ticket), `ticket ${ticket} is not under way`);
    const count = this.#pending.findIndex((write) => write.ticket === ticket) + 1;
    const done = this.#pending.splice(0, count);
    let durable = done.at(-1)?.lastIndex ?? this.#durable;
    for (const { truncateAfter } of this.#pending) {
      if (truncateAfter !== null) durable = lesser(durable, truncateAfter);
    }
    this.#durable = durable;
    this.#durableCommit = done.findLast(({ commit }) => commit !== null)?.commit ?? this.#durableCommit;
    return done.flatMap(({ messages }) => messages);
  }
}
