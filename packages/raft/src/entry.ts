// A log entry, and the id by which a proposal that is sent twice is recognised.
import type { LogIndex, Term } from '@holdfast/base';

/** `empty` is what a leader begins its term with; `version` raises the cluster version to the number in its data. */
export type EntryKind = 'empty' | 'command' | 'configuration' | 'version';

/** The session is a client's, as the log gave it out; the sequence grows by one with each of its commands. */
export interface ProposalId {
  readonly session: number;
  readonly sequence: number;
}

export interface Entry {
  readonly index: LogIndex;
  readonly term: Term;
  readonly kind: EntryKind;
  readonly data: Uint8Array;
  /** Null for what the leader itself appends. */
  readonly proposal: ProposalId | null;
}

/** What an entry costs besides its data, in a message and in memory, roughly: an empty one must not look free. */
export const entryOverheadBytes = 64;

export function entryBytes(entry: { readonly data: Uint8Array }): number {
  return entry.data.length + entryOverheadBytes;
}

export const noData = new Uint8Array(0);
