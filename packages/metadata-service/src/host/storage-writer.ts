// The core's writes on their way into the write-ahead log. One write is under way at a time; what comes meanwhile goes out
// together when it is durable, which is when the log's own thread would take it up anyway.
//
// The story of a full disk: the log refuses entries while votes, cuts and purges go on in its reserve. If writes were handed
// over as they come, a cut could overtake the refused entries that it was to follow. So nothing overtakes anything here: what is
// left of the refused write and of all that follow becomes one write (net-write.ts), which is tried again from time to
// time, its vote and its purge first; the purge is what makes room.
import { invariant, isOpError, type OpError, type Timer, type Timers } from '@holdfast/base';
import type { Entry, GroupId, StorageWrite } from '@holdfast/raft';
import type { NewEntry, RaftLog } from '@holdfast/raft-log';
import { toLogEntry } from './log-entry.ts';
import { netOf } from './net-write.ts';

export interface StorageWriterOptions {
  readonly log: RaftLog;
  readonly group: GroupId;
  readonly timers: Timers;
  /** The log's limit for one append. */
  readonly appendBytesMax: number;
  /** Everything up to this ticket is durable. */
  readonly onStored: (ticket: number) => void;
  /** The log takes no entries (true, at each attempt), or takes them again. */
  readonly onFull: (isFull: boolean) => void;
  /** The write that is under way does not come back; said at each tick as long as that lasts. */
  readonly onStuck: () => void;
  /** The log is over. */
  readonly onFailed: (error: OpError) => void;
}

/** How long a full disk is left alone; the log itself asks it as often. */
const retryMs = 1_000;
/** More than any disk takes that is well: two election timeouts, as they are set unless somebody sets them. */
const stuckTicks = 20;
/** What the log adds to an entry's payload, at most. */
const recordBytes = 64;

export class StorageWriter {
  readonly #options: StorageWriterOptions;
  #waiting: StorageWrite[] = [];
  #isUnderWay = false;
  #ticksUnderWay = 0;
  #retry: Timer | null = null;
  #full: OpError | null = null;
  #isStopped = false;

  constructor(options: StorageWriterOptions) {
    this.#options = options;
  }

  /** Writes that are not durable. */
  get isIdle(): boolean {
    return !this.#isUnderWay && this.#waiting.length === 0;
  }
  /** With what the log refused entries, which it is asked to take again; null while it takes them. */
  get full(): OpError | null {
    return this.#full;
  }

  write(write: StorageWrite): void {
    this.#waiting.push(write);
    if (!this.#isUnderWay && this.#retry === null) this.#start();
  }

  tick(): void {
    if (this.#isUnderWay && ++this.#ticksUnderWay >= stuckTicks) this.#options.onStuck();
  }

  /** Tries nothing any more; what is under way ends by itself. */
  stop(): void {
    this.#isStopped = true;
    this.#retry?.cancel();
  }

  #start(): void {
    const [first, ...others] = this.#waiting;
    if (first === undefined || this.#isStopped) return;
    const write = netOf([first, ...others]);
    this.#waiting = [];
    this.#isUnderWay = true;
    this.#ticksUnderWay = 0;
    void this.#carryOut(write).then((error) => {
      this.#isUnderWay = false;
      if (error === null) this.#stored(write);
      else if (error.code === 'RAFT_LOG_FULL' || error.code === 'QUEUE_FULL') this.#hold(write, error);
      else if (!this.#isStopped) this.#options.onFailed(error);
    });
  }

  #stored(write: StorageWrite): void {
    if (this.#retry !== null) {
      this.#retry = null;
      this.#full = null;
      this.#options.onFull(false);
    }
    this.#options.onStored(write.ticket);
    if (!this.#isUnderWay) this.#start();
  }

  /** What of the write is durable by now is not written again. */
  #hold(write: StorageWrite, error: OpError): void {
    const { log, group, timers, onFull } = this.#options;
    const state = log.state(group);
    invariant(state !== null, `the log lost group ${group}`);
    const isFaulty = (index: number): boolean => state.faulty.some(({ from, to }) => from <= index && index <= to);
    this.#waiting.unshift({
      ...write,
      snapshot: null,
      truncateAfter: null,
      entries: write.entries.filter(({ index }) => index > state.lastIndex),
      repairs: write.repairs.filter(({ index }) => isFaulty(index)),
    });
    this.#retry = timers.after(retryMs, () => this.#start());
    this.#full = error;
    onFull(true);
  }

  /** The first error of its parts; none of them is waited for before the next is handed over. */
  async #carryOut(write: StorageWrite): Promise<OpError | null> {
    const { log, group } = this.#options;
    const outcomes = await Promise.allSettled(this.#handOver(write));
    for (const outcome of outcomes) if (outcome.status === 'rejected') return asOpError(outcome.reason);
    if (!write.isSettled) return null;
    // Only now: what settles it is among what was written.
    return log.settle(group).then(() => null, asOpError);
  }

  #handOver(write: StorageWrite): Promise<void>[] {
    const { log, group } = this.#options;
    const state = log.state(group);
    invariant(state !== null, `the log lost group ${group}`);
    const { vote, snapshot, truncateAfter, entries, repairs, commit, purgeTo } = write;
    const parts: Promise<void>[] = [];
    if (vote !== null) parts.push(log.saveVote(group, { term: vote.term, vote: vote.votedFor }));
    if (snapshot !== null) parts.push(log.installSnapshot(group, snapshot));
    else if (truncateAfter !== null && truncateAfter < state.lastIndex) parts.push(log.truncate(group, truncateAfter));
    const begin = snapshot?.index ?? state.purgedIndex;
    let committed = Math.max(state.commit, begin);
    if (purgeTo !== null && purgeTo > begin) {
      // It was applied, so it is durable and committed whatever becomes of this write's entries.
      if (purgeTo > committed) parts.push(log.commit(group, purgeTo));
      parts.push(log.purge(group, purgeTo));
      committed = Math.max(committed, purgeTo);
    }
    for (const part of this.#inParts(entries)) parts.push(log.append(group, part));
    for (const entry of repairs) parts.push(log.repair(group, toLogEntry(entry)));
    if ((commit ?? 0) > committed) parts.push(log.commit(group, commit ?? 0));
    return parts;
  }

  #inParts(entries: readonly Entry[]): NewEntry[][] {
    const parts: NewEntry[][] = [];
    let leftBytes = 0;
    for (const entry of entries) {
      const logEntry = toLogEntry(entry);
      const bytes = logEntry.payload.length + recordBytes;
      const part = parts.at(-1);
      if (part === undefined || bytes > leftBytes) {
        parts.push([logEntry]);
        leftBytes = this.#options.appendBytesMax - bytes;
      } else {
        part.push(logEntry);
        leftBytes -= bytes;
      }
    }
    return parts;
  }
}

function asOpError(reason: unknown): OpError {
  if (isOpError(reason)) return reason;
  throw reason;
}
