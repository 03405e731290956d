// What a step asks of its host, all of it optional. The order that matters: messages go at once; the write goes to storage,
// and what must not be said before it is durable stays inside the core until `stored` names its ticket. Committed entries
// are durable here and are applied in order; nothing else is promised about time.
import type { LogIndex, OpError, Term } from '@holdfast/base';
import type { Configuration } from './configuration.ts';
import type { Entry, ProposalId } from './entry.ts';
import type { MemberId, Position } from './ids.ts';
import type { Message, SnapshotMark } from './message.ts';

export type Role = 'follower' | 'pre-candidate' | 'candidate' | 'leader';

export interface Vote {
  readonly term: Term;
  readonly votedFor: MemberId | null;
}

/** One write, made durable as a whole and in this order; the names are those of the write-ahead log's records. */
export interface StorageWrite {
  /** Grows by one with each write; acknowledged by `stored`. */
  readonly ticket: number;
  readonly vote: Vote | null;
  /** Replaces everything before it: the log begins behind this snapshot. */
  readonly snapshot: SnapshotMark | null;
  /** Entries behind this index are cut off before `entries` are appended. */
  readonly truncateAfter: LogIndex | null;
  readonly entries: readonly Entry[];
  /** Entries that replace damaged slots in their places. */
  readonly repairs: readonly Entry[];
  /** A hint for the next start, never waited for. */
  readonly commit: LogIndex | null;
  readonly purgeTo: LogIndex | null;
  /** What the log reported as ambiguous at its opening is settled: the replica caught up. */
  readonly isSettled: boolean;
}

export interface ReadState {
  readonly id: number;
  /** The read is linearizable once everything up to here is applied. */
  readonly index: LogIndex;
}

export type SnapshotEffect =
  /**
   * Read a part of a snapshot that reaches at least `leastIndex`, and no further than `mostIndex`: of the one with `id`, or of the latest
   * if that is null. `repairs` is for the core, which wants it back: the place by which a log with holes asked, null for a follower.
   */
  | {
      readonly kind: 'snapshot-read';
      readonly to: MemberId;
      readonly id: string | null;
      readonly leastIndex: LogIndex;
      readonly mostIndex: LogIndex;
      readonly offset: number;
      readonly repairs: Position | null;
    }
  /** Write a received part; offset 0 begins the snapshot anew. */
  | { readonly kind: 'snapshot-write'; readonly mark: SnapshotMark; readonly offset: number; readonly data: Uint8Array }
  /** All parts are there: verify, make it the state, answer `snapshot-installed`. */
  | { readonly kind: 'snapshot-install'; readonly mark: SnapshotMark };

export interface RoleChange {
  readonly role: Role;
  readonly term: Term;
  readonly leader: MemberId | null;
}

export interface RefusedProposal {
  readonly id: ProposalId;
  readonly error: OpError;
}

export interface RefusedRead {
  readonly id: number;
  readonly error: OpError;
}

export interface Effects {
  readonly messages: Message[];
  write: StorageWrite | null;
  readonly committed: Entry[];
  readonly reads: ReadState[];
  readonly snapshots: SnapshotEffect[];
  role: RoleChange | null;
  /** The members changed: by an append, a cut or a snapshot. */
  configuration: Configuration | null;
  readonly refusedProposals: RefusedProposal[];
  readonly refusedReads: RefusedRead[];
  /** The event was not taken, and changed nothing. */
  refused: OpError | null;
}

export function noEffects(): Effects {
  return {
    messages: [],
    write: null,
    committed: [],
    reads: [],
    snapshots: [],
    role: null,
    configuration: null,
    refusedProposals: [],
    refusedReads: [],
    refused: null,
  };
}
