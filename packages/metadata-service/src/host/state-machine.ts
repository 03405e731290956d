// What a group replicates, as its host sees it. The host owns the log and the files of the snapshots; the machine owns the
// state, and in it the ledger of the proposals that it has applied (raft's `ProposalLedger`), so that a retry gets the
// first answer.
//
// A machine may keep its state durably or not at all. At a start the host gives one that has less than the latest snapshot
// that snapshot, and then the log behind what it has.
import type { LogIndex } from '@holdfast/base';
import type { Entry } from '@holdfast/raft';

export interface StateMachine {
  /** The last entry that is in the state. At a start: the last one that is in it durably; 0 for a machine in memory. */
  readonly applied: LogIndex;
  /**
   * Applies committed entries, which follow `applied` without a gap. Deterministic (no clock, no luck, nothing that only one
   * replica knows) and bounded in time: everything of the process waits for it. Entries of every kind come here, and only
   * those of kind `command` are the machine's own. Answers for each entry, in their order, what its proposer is told; null
   * for an entry that nobody proposed. STATE_DISK_FULL: none of them was applied, and the same ones come again when there may be room.
   */
  apply(entries: readonly Entry[]): readonly (Uint8Array | null)[];
  /**
   * Keeps what was applied, as far as a process that is killed keeps anything. Called about once a tick, so that a machine need not
   * pay for it with each batch: what a process that ends forgets is applied again from the log. STATE_DISK_FULL: everything that was
   * applied is in the state still, and is kept when there is room.
   */
  keep?(): void;
  /** The state as it is at this moment, while `apply` goes on. The host reads it in parts and closes it. */
  snapshot(): SnapshotSource;
  /**
   * Replaces the state by what a snapshot of another replica, or of an earlier life, says: all or nothing, and durably if the
   * machine keeps anything durably. `applied` is then the snapshot's. Nothing is applied meanwhile. Throws for what it
   * cannot read, and keeps the old state then.
   */
  install(source: SnapshotSource): Promise<void>;
}

export interface SnapshotSource {
  /** The next bytes, at most `limitBytes` of them; null behind the last. */
  read(limitBytes: number): Uint8Array | null;
  /** After the last read, or before if the rest is not wanted. */
  close(): void;
}
