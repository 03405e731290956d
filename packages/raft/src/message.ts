// What members say to each other. `term` is always the sender's current term, so one rule serves all kinds; what a message
// is about stands in fields of its own (a pre-vote's term, a read's boot). The host may lose, double and reorder messages.
import type { ErrorCode, LogIndex, Term } from '@holdfast/base';
import type { Configuration } from './configuration.ts';
import type { Entry, ProposalId } from './entry.ts';
import type { GroupId, MemberId, Position } from './ids.ts';

export interface Envelope {
  readonly cluster: string;
  readonly group: GroupId;
  readonly from: MemberId;
  readonly to: MemberId;
  readonly term: Term;
}

/** A snapshot's identity and what it stands for. `id` tells two snapshots at one index apart: their bytes differ. */
export interface SnapshotMark {
  readonly id: string;
  readonly index: LogIndex;
  readonly term: Term;
  readonly configuration: Configuration;
  /** The cluster version in force at `index`. */
  readonly version: number;
}

/** What a client asks to be appended. */
export interface Proposal {
  readonly id: ProposalId;
  readonly data: Uint8Array;
  /** The cluster version that the command needs to be understood everywhere. */
  readonly version: number;
}

/** A proposal that was not taken, as it travels. */
export interface ProposalRefusal {
  readonly id: ProposalId;
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, string>>;
}

export type MessageBody =
  /** Would you vote for me in `candidacy`, if I stood? Changes nothing on either side. */
  | { readonly kind: 'pre-vote-request'; readonly candidacy: Term; readonly last: Position }
  | {
      readonly kind: 'pre-vote-response';
      readonly candidacy: Term;
      readonly isGranted: boolean;
      /** The log may have lost entries: it cannot grant, but it tells where its log ends. */
      readonly isSuspect: boolean;
      /** Of its start, if it is suspect; else 0. */
      readonly context: number;
      readonly last: Position;
      /** It votes in no term up to this one, because a vote in it may have been lost. */
      readonly voteFloor: Term;
    }
  | {
      readonly kind: 'vote-request';
      readonly last: Position;
      /** The leader asked for it: those who hear that leader answer all the same. */
      readonly isTransfer: boolean;
      /** Every voter answered the pre-vote, and none had more: suspect voters may grant. */
      readonly isRecovery: boolean;
      /** Of a recovery: what the receiver's answer to the pre-vote named, which proves that it answered since it started. */
      readonly context: number;
    }
  | { readonly kind: 'vote-response'; readonly isGranted: boolean }
  | {
      readonly kind: 'append';
      readonly previous: Position;
      readonly entries: readonly Entry[];
      readonly commit: LogIndex;
    }
  | { readonly kind: 'append-accepted'; readonly match: LogIndex; readonly version: number }
  | {
      readonly kind: 'append-rejected';
      readonly rejected: LogIndex;
      /** The last place where the logs may agree, as far as the follower can tell. */
      readonly hint: Position;
      readonly version: number;
      /** The slot is damaged, which is not the same as absent: start again at `hint`. */
      readonly isDamaged: boolean;
    }
  | { readonly kind: 'commit'; readonly commit: LogIndex }
  | {
      readonly kind: 'heartbeat';
      readonly commit: LogIndex;
      readonly context: number;
      /** The leader's last entry, if it asks to sleep: who has the same and nothing to do agrees. */
      readonly sleepAt: Position | null;
    }
  | {
      readonly kind: 'heartbeat-response';
      readonly context: number;
      readonly isAsleep: boolean;
      readonly version: number;
    }
  /** Your term has passed: mine is higher. */
  | { readonly kind: 'term-notice' }
  | { readonly kind: 'timeout-now' }
  | { readonly kind: 'read-request'; readonly id: number; readonly boot: number }
  | { readonly kind: 'read-response'; readonly id: number; readonly boot: number; readonly index: LogIndex | null }
  | { readonly kind: 'propose'; readonly proposals: readonly Proposal[] }
  | { readonly kind: 'propose-refused'; readonly refusals: readonly ProposalRefusal[] }
  | {
      readonly kind: 'snapshot-chunk';
      readonly mark: SnapshotMark;
      readonly offset: number;
      readonly data: Uint8Array;
      readonly isLast: boolean;
    }
  | { readonly kind: 'snapshot-response'; readonly id: string; readonly nextOffset: number }
  /** A replica whose log may have lost entries asks its leader up to where it must catch up. */
  | { readonly kind: 'catch-up-request'; readonly context: number; readonly lastIndex: LogIndex }
  | { readonly kind: 'catch-up-response'; readonly context: number; readonly lastIndex: LogIndex }
  /** `last` is the last place of that log whose entry, whole or damaged, is known. */
  | {
      readonly kind: 'repair-request';
      readonly slots: readonly LogIndex[];
      readonly last: Position;
      /** What it wants next of a snapshot, of whichever if `id` is null, should the slots be gone; null: it asks somebody else. */
      readonly part: { readonly id: string | null; readonly offset: number } | null;
    }
  /** Entries for damaged slots that stand in each log which leads through `place`; if it is null, they are committed. */
  | { readonly kind: 'repair-response'; readonly entries: readonly Entry[]; readonly place: Position | null }
  /** A part of a snapshot for slots that are gone; each log that leads through `place` leads through its mark, if it is not null. */
  | {
      readonly kind: 'repair-snapshot';
      readonly mark: SnapshotMark;
      readonly offset: number;
      readonly data: Uint8Array;
      readonly isLast: boolean;
      readonly place: Position | null;
    };

export type MessageKind = MessageBody['kind'];
export type Message = Envelope & MessageBody;
export type MessageOf<Kind extends MessageKind> = Envelope & Extract<MessageBody, { readonly kind: Kind }>;
