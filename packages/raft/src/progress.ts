// What a leader knows of one follower, and what that allows it to send. A leaf: three states and the moves between them.
//
// - probe: where the logs agree is unknown; one append at a time until an answer tells.
// - replicate: appends follow one another without waiting, within the bounds of `Inflight`.
// - snapshot: the follower needs entries that are gone; nothing is appended until the snapshot stands there.
import type { LogIndex } from '@holdfast/base';
import { greater, lesser, noIndex, plus, type MemberId } from './ids.ts';
import { Inflight, type InflightLimits } from './inflight.ts';

export type ProgressState = 'probe' | 'replicate' | 'snapshot';

export class Progress {
  readonly member: MemberId;
  state: ProgressState = 'probe';
  /** The last entry that is known to be durable there. */
  match: LogIndex = noIndex;
  /** The entry to send next. */
  next: LogIndex;
  /** A probe is under way: nothing more goes before an answer, or before a heartbeat shows that it was lost. */
  isProbeSent = false;
  /** Heard from since the last check of the quorum; whoever has just got this book is given the time until the next as if it were. */
  isActive = false;
  /** It answered this leader at all. */
  hasAnswered = false;
  /** The highest heartbeat context that it answered: what reads are confirmed by. */
  context = 0;
  /** The commit index that it was told last. */
  toldCommit: LogIndex = noIndex;
  /** The highest cluster version that its program knows; null before it said so. */
  version: number | null = null;
  /** It agreed to sleep. */
  isAsleep = false;
  /** Where its log ends has to be asked, although there may be nothing to send. */
  mustProbe = false;
  /** The snapshot that is being sent: what becomes its last entry once installed. */
  snapshotIndex: LogIndex = noIndex;
  readonly inflight: Inflight;

  constructor(member: MemberId, next: LogIndex, limits: InflightLimits) {
    this.member = member;
    this.next = next;
    this.inflight = new Inflight(limits);
  }

  /** Whether an append may go to it at this moment. */
  get isPaused(): boolean {
    if (this.state === 'probe') return this.isProbeSent;
    return this.state === 'snapshot' || this.inflight.isFull;
  }

  becomeProbe(): void {
    // After a snapshot the log goes on behind it even if the answer to it was lost.
    const from = this.state === 'snapshot' ? greater(this.match, this.snapshotIndex) : this.match;
    this.state = 'probe';
    this.next = plus(from, 1);
    this.isProbeSent = false;
    this.snapshotIndex = noIndex;
    this.inflight.clear();
  }

  becomeReplicate(): void {
    this.state = 'replicate';
    this.next = plus(this.match, 1);
    this.isProbeSent = false;
    // Where its log ends is known: an append of nothing would be under way until its answer came, and nothing would ask for it again.
    this.mustProbe = false;
    this.inflight.clear();
  }

  becomeSnapshot(index: LogIndex): void {
    this.state = 'snapshot';
    this.snapshotIndex = index;
    this.isProbeSent = false;
    this.inflight.clear();
  }

  /** An append that ends with `lastIndex` went out. */
  noteSent(lastIndex: LogIndex, bytes: number): void {
    this.mustProbe = false;
    if (this.state === 'probe') {
      this.isProbeSent = true;
      return;
    }
    this.next = plus(lastIndex, 1);
    this.inflight.add(lastIndex, bytes);
  }

  /** Everything up to `index` is durable there. Answers whether that is more than was known. */
  noteMatch(index: LogIndex): boolean {
    this.inflight.acknowledge(index);
    this.next = greater(this.next, plus(index, 1));
    if (index <= this.match) return false;
    this.match = index;
    return true;
  }

  /**
   * The follower does not have `rejected`; `next` is where the leader would try again. False for an answer that was
   * overtaken: something later is known already, or another probe is under way.
   */
  noteRejection(rejected: LogIndex, next: LogIndex): boolean {
    if (this.state === 'snapshot' || rejected <= this.match) return false;
    if (this.state === 'probe') {
      if (plus(this.next, -1) !== rejected) return false;
    } else {
      this.becomeProbe();
    }
    this.next = greater(lesser(next, rejected), plus(this.match, 1));
    this.isProbeSent = false;
    return true;
  }

  /** The follower says itself that its log ends at `index`, or has a hole behind it: what it had there is not counted. */
  noteLoss(index: LogIndex): void {
    this.match = lesser(this.match, index);
    if (this.state === 'snapshot') return;
    this.becomeProbe();
    this.next = plus(index, 1);
    this.mustProbe = true;
  }
}

/** What one sees of a follower from outside. */
export interface ProgressStatus {
  readonly member: MemberId;
  readonly state: ProgressState;
  readonly match: LogIndex;
  readonly next: LogIndex;
  readonly inflightBytes: number;
  /** It answered this leader, and lately. */
  readonly isActive: boolean;
  readonly version: number | null;
}
