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
      return once(entriesBytes(operation.entries));
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

function entriesBytes(entries: readonly NewEntry[]): number {
  let bytes = 0;
  for (const { payload } of entries) bytes += recordBytes(payload.length);
  return bytes;
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
  if (kind === 'append') return encodeEntries(operation.entries, group, builder);
  const simple = { kind, group, index: 0, term: 0, flags: 0, payload: empty } as const;
  switch (kind) {
    case 'repair': {
      const { index, term, payload } = operation.entry;
      return [builder.add({ kind: 'entry', group, index, term, flags: recordFlags.isRepair, payload })];
    }
    case 'vote': {
      const flags = state.isVoteLost ? recordFlags.isInDoubt : 0;
      builder.addTwice({ ...simple, kind, term: operation.term, flags, payload: encodeVote(operation.vote) });
      return [];
    }
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

function encodeEntries(entries: readonly NewEntry[], group: number, builder: BatchBuilder): number[] {
  const positions: number[] = [];
  for (const { index, term, payload } of entries) {
    positions.push(builder.add({ kind: 'entry', group, index, term, flags: 0, payload }));
  }
  return positions;
}
