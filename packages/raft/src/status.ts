// What a replica shows of itself: for `holdfast metadata status`, for tests and for the simulator's invariants. A copy.
import type { LogIndex, Term } from '@holdfast/base';
import type { Configuration } from './configuration.ts';
import type { Role } from './effects.ts';
import type { MemberId, Position } from './ids.ts';
import type { SnapshotMark } from './message.ts';
import type { ProgressStatus } from './progress.ts';
import { repairSlotsMax } from './repairs.ts';
import { configurationOf, versionOf, type State } from './state.ts';

export interface Status {
  readonly self: MemberId;
  readonly role: Role;
  readonly term: Term;
  readonly votedFor: MemberId | null;
  readonly leader: MemberId | null;
  readonly commit: LogIndex;
  readonly applied: LogIndex;
  readonly durable: LogIndex;
  /** Where the log begins: what stands before is gone. */
  readonly base: Position;
  readonly last: Position;
  readonly logBytes: number;
  readonly uncommittedBytes: number;
  /** Slots whose entries cannot be read, the first `repairSlotsMax` of them. */
  readonly damaged: readonly LogIndex[];
  /** Its log may have lost entries: it does not vote. */
  readonly isSuspect: boolean;
  readonly isAsleep: boolean;
  readonly configuration: Configuration;
  readonly version: number;
  /** The member that leadership is being handed to. */
  readonly transferTo: MemberId | null;
  /** A leader's followers; empty elsewhere. */
  readonly followers: readonly ProgressStatus[];
}

/** What is asked of a replica with every call. */
export type Standing = Pick<Status, 'self' | 'role' | 'term' | 'leader'>;

export function statusOf(state: State): Status {
  const { log, leading } = state;
  return {
    self: state.self,
    role: state.role,
    term: state.term,
    votedFor: state.votedFor,
    leader: state.leader,
    commit: state.commit,
    applied: state.applied,
    durable: state.writes.durableIndex,
    base: log.base,
    last: log.last,
    logBytes: log.bytes,
    uncommittedBytes: leading?.uncommittedBytes ?? 0,
    damaged: log.damagedIndices(repairSlotsMax),
    isSuspect: state.fault?.isSuspect ?? false,
    isAsleep: state.isAsleep,
    configuration: configurationOf(state),
    version: versionOf(state),
    transferTo: leading?.transfer?.to ?? null,
    followers: [...(leading?.progress.values() ?? [])].map((progress) => ({
      member: progress.member,
      state: progress.state,
      match: progress.match,
      next: progress.next,
      inflightBytes: progress.inflight.bytes,
      isActive: progress.isActive && progress.hasAnswered,
      version: progress.version,
    })),
  };
}

/** The mark of a snapshot of what is applied, under the name that the host gives it. */
export function markOf(state: State, id: string): SnapshotMark {
  const index = state.applied;
  return {
    id,
    index,
    term: state.log.termAt(index) ?? state.log.base.term,
    configuration: state.configurations[0]?.configuration ?? configurationOf(state),
    version: versionOf(state),
  };
}
