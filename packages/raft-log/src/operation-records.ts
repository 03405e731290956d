// An accepted operation as records of a batch.
import type { BatchBuilder } from './batch-builder.ts';
import { recordBytes, recordFlags } from './format.ts';
import type { GroupState } from './group-state.ts';
import type { GroupOperation, NewEntry, Operation } from './operation.ts';
import type { TermRuns } from './term-runs.ts';
import { encodeVote, votePayloadBytes } from './vote-record.ts';

export interface OperationSize {
  readonly bytes: number;
  /** Of these, what is written a second time. */
  readonly twiceBytes: number;
}

export function sizeOf(operation: Operation): OperationSize {
  switch (operation.kind) {
    case 'append':
      return once(operation.entries.reduce((sum, { payload }) => sum + recordBytes(payload.length), 0));
    case 'repair':
      return once(recordBytes(operation.entry.payload.length));
    case 'userData':
      return once(recordBytes(operation.data.length));
    case 'vote':
      return { bytes: recordBytes(votePayloadBytes), twiceBytes: recordBytes(votePayloadBytes) };
    default:
      return once(recordBytes(0));
  }
}

function once(bytes: number): OperationSize {
  return { bytes, twiceBytes: 0 };
}

const empty = new Uint8Array();

/** Returns the positions of the entries. */
export function encodeOperation(
  operation: GroupOperation,
  builder: BatchBuilder,
  state: GroupState,
  terms: TermRuns,
): number[] {
  const { kind } = operation;
  const group = operation.group.id;
  const simple = { kind, group, index: 0, term: 0, flags: 0, payload: empty } as const;
  switch (kind) {
    case 'append':
      return operation.entries.map((entry) => builder.add(entryRecord(group, entry, 0)));
    case 'repair':
      return [builder.add(entryRecord(group, operation.entry, recordFlags.isRepair))];
    case 'vote':
      builder.addTwice({ ...simple, kind, term: operation.term, payload: encodeVote(operation.vote) });
      return [];
    case 'commit':
    case 'truncate':
      builder.add({ ...simple, kind, index: operation.index });
      return [];
    case 'purge':
      builder.add({ ...simple, kind, index: operation.index, term: purgedTerm(operation.index, state, terms) });
      return [];
    case 'snapshot':
      builder.add({ ...simple, kind, index: operation.index, term: operation.term });
      return [];
    case 'userData':
      builder.add({ ...simple, kind, payload: operation.data });
      return [];
    case 'settle':
    case 'create':
    case 'destroy':
      builder.add({ ...simple, kind });
      return [];
  }
}

function purgedTerm(index: number, state: GroupState, terms: TermRuns): number {
  return index <= state.purgedIndex ? state.purgedTerm : terms.at(index);
}

function entryRecord(
  group: number,
  { index, term, payload }: NewEntry,
  flags: number,
): Parameters<BatchBuilder['add']>[0] {
  return { kind: 'entry', group, index, term, flags, payload };
}
