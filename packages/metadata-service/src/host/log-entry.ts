// An entry as the write-ahead log keeps it: index and term are the log's own, and kind, proposal id and data are its payload.
import { isOpError, OpError, type LogIndex, type Term } from '@holdfast/base';
import type { Entry } from '@holdfast/raft';
import type { NewEntry } from '@holdfast/raft-log';
import { ByteReader, ByteWriter } from './bytes.ts';
import { entryKind, nullableProposalId } from './fields.ts';

/** What kind and proposal take at most. */
export const entryHeadBytes = 18;

export function toLogEntry({ index, term, kind, proposal, data }: Entry): NewEntry {
  const out = new ByteWriter(entryHeadBytes + data.length);
  entryKind.write(out, kind);
  nullableProposalId.write(out, proposal);
  out.raw(data);
  return { index, term, payload: out.finish() };
}

/** The log has verified the bytes; what cannot be read all the same was written by another program. */
export function fromLogEntry({ index, term, payload }: NewEntry): Entry {
  const from = new ByteReader(payload);
  try {
    const kind = entryKind.read(from);
    const proposal = nullableProposalId.read(from);
    return { index: index as LogIndex, term: term as Term, kind, proposal, data: from.rest() };
  } catch (error) {
    if (!isOpError(error)) throw error;
    throw new OpError('RAFT_STATE_UNUSABLE', { reason: `entry ${index}: ${error.message}` }, { cause: error });
  }
}
