// What the tools ask of a directory besides looking at its records: what an open would find, the state of its groups, and
// the one thing that can be made good without a peer, a damaged copy of a file's header.
import { join } from 'node:path';
import { OpError, type Files } from '@holdfast/base';
import { listLog, lockName } from './chunk-files.ts';
import { encodeFileHeader, type FileHeader } from './file-header.ts';
import type { Group } from './group.ts';
import { recover, type OpenMode, type OpenReport, type Recovered } from './recovery.ts';

export interface PredictOptions {
  readonly mode?: OpenMode;
  /** Somebody writes at this moment: the end that does not verify is not an end. */
  readonly isInUse: boolean;
}

/** The report that an open in `mode` would give, and the error with which it would refuse; nothing is written. */
export function predictOpen(files: Files, directory: string, options: PredictOptions): OpenReport {
  return recovered(files, directory, options).report;
}

export interface GroupFacts {
  readonly group: number;
  readonly term: number;
  readonly vote: number | null;
  readonly commit: number;
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly faultySlots: number;
  /** What its replica must know before it acts; empty mostly. */
  readonly remark: string;
}

export interface LogFacts {
  readonly chunks: number;
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly chunkBytes: number;
  readonly spares: number;
  readonly hasReserve: boolean;
  readonly isClean: boolean;
  readonly damages: number;
  readonly groups: readonly GroupFacts[];
}

export function logFacts(files: Files, directory: string, { isInUse }: PredictOptions): LogFacts {
  const { chunks, groups, spares, hasReserve, report } = recovered(files, directory, { isInUse });
  const newest = chunks.at(-1);
  return {
    chunks: chunks.length,
    firstSequence: chunks[0]?.header.sequence ?? 0,
    lastSequence: newest?.header.sequence ?? 0,
    chunkBytes: newest?.header.chunkBytes ?? 0,
    spares: spares.length,
    hasReserve,
    isClean: report.isClean,
    damages: report.damages.length,
    groups: [...groups.values()].map(groupFacts).sort((left, right) => left.group - right.group),
  };
}

function groupFacts({ id, durable, faulty }: Group): GroupFacts {
  const { term, vote, commit, purgedIndex, lastIndex, ambiguity, isVoteLost, isUserDataLost } = durable;
  const remarks = [
    ...(ambiguity === null ? [] : [`ambiguous from ${ambiguity.from}`]),
    ...(isVoteLost ? ['vote lost'] : []),
    ...(isUserDataLost ? ['user data lost'] : []),
  ];
  const faultySlots = faulty.ranges.reduce((sum, { from, to }) => sum + to - from + 1, 0);
  const [firstIndex, remark] = [purgedIndex + 1, remarks.join(', ')];
  return { group: id, term, vote, commit, firstIndex, lastIndex, faultySlots, remark };
}

/** Writes each damaged copy anew from the other one; how many there were. The log must not be in use. */
export function repairHeaders(files: Files, directory: string): number {
  const lock = files.lock(join(directory, lockName));
  try {
    let rewritten = 0;
    for (const { path, reading } of listLog(files, directory).chunks) {
      for (const copy of reading?.damagedCopies ?? []) {
        if (reading !== null) rewriteCopy(files, path, { header: reading.header, copy });
        rewritten += 1;
      }
    }
    return rewritten;
  } finally {
    lock.release();
  }
}

function rewriteCopy(files: Files, path: string, { header, copy }: { header: FileHeader; copy: number }): void {
  const position = (copy - 1) * header.blockBytes;
  const file = files.open(path, 'write');
  try {
    file.pwrite(encodeFileHeader(header).subarray(position, position + header.blockBytes), position);
    file.fdatasync();
  } finally {
    file.close();
  }
}

function recovered(files: Files, directory: string, { mode = 'salvage', isInUse }: PredictOptions): Recovered {
  const found = recover({ files, directory, mode, isReadOnly: true, isInUse });
  if (found === null) throw new OpError('RAFT_LOG_NOT_THERE', { directory });
  return found;
}
