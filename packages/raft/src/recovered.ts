// What a replica finds of itself at its start: in the words of the write-ahead log, whose report of damage arrives here
// unsoftened, and of the state machine, which knows how far it applied.
import type { LogIndex, Term } from '@holdfast/base';
import { noConfiguration, type Configuration } from './configuration.ts';
import type { Vote } from './effects.ts';
import type { Entry } from './entry.ts';
import { noIndex, noTerm, type Position } from './ids.ts';
import type { SnapshotMark } from './message.ts';

export interface Recovered {
  readonly vote: Vote;
  readonly commit: LogIndex;
  /** Where the log begins: the snapshot that stands for everything before. */
  readonly snapshot: SnapshotMark;
  /** Every readable entry behind the snapshot, in order. */
  readonly entries: readonly Entry[];
  /** Slots among them, or behind them, whose bytes are damaged; the term may be 0 where nobody knows it. */
  readonly faulty: readonly Position[];
  /**
   * The end of the log, or a vote, may have been acknowledged and lost. The log reports it at each start until a write with
   * `isSettled` is durable. The term is that of the last entry which may be lost, or null where nobody knows.
   */
  readonly ambiguity: { readonly term: Term | null } | null;
  /**
   * The snapshot that the state machine was loaded from last. A crash between its installation and the log's next write leaves
   * a log that ends before it; the log is then replaced at the start.
   */
  readonly installed: SnapshotMark | null;
  /** What the state machine has applied, durably. */
  readonly applied: LogIndex;
  /** A snapshot that was being received. */
  readonly partialSnapshot: { readonly mark: SnapshotMark; readonly nextOffset: number } | null;
}

/** An empty replica: a founding member with the configuration that all founders share, or, without one, a newcomer. */
export function emptyReplica(configuration: Configuration = noConfiguration, version = 1): Recovered {
  return {
    vote: { term: noTerm, votedFor: null },
    commit: noIndex,
    snapshot: { id: '', index: noIndex, term: noTerm, configuration, version },
    entries: [],
    faulty: [],
    ambiguity: null,
    installed: null,
    applied: noIndex,
    partialSnapshot: null,
  };
}
