// The sizes that an open log is given, and what follows from them.
import { invariant, kib, mib } from '@holdfast/base';
import { blockSizes } from './file-header.ts';
import { chunkBytesMax } from './format.ts';

export interface LogLimits {
  /** Of one file. */
  readonly chunkBytes: number;
  /** The unit that the disk writes as a whole: 4096, or 512. */
  readonly blockBytes: number;
  /** What one fdatasync takes at most; also the most that one call may append. */
  readonly batchBytes: number;
  /** Payloads that are kept in memory for readers. */
  readonly cacheBytes: number;
  /** Calls that wait for room in a batch. */
  readonly waitingCalls: number;
  /** What a file grows by in one step while it is prepared; nobody waits longer than for this. */
  readonly prepareBytes: number;
}

export const limitsDefault: LogLimits = {
  chunkBytes: 64 * mib,
  blockBytes: 4096,
  batchBytes: 4 * mib,
  cacheBytes: 64 * mib,
  waitingCalls: 16_384,
  prepareBytes: mib,
};

/** Smaller files could not hold a checkpoint and a batch. */
const blocksMin = 16;
/** Batches that fit into a chunk, at least. */
const batchesMin = 2;

export function checkedLimits(given: Partial<LogLimits>): LogLimits {
  const limits = { ...limitsDefault, ...given };
  const { chunkBytes, blockBytes } = limits;
  invariant(
    blockSizes.some((size) => size === blockBytes),
    `blocks of ${blockBytes} bytes`,
  );
  invariant(chunkBytes % blockBytes === 0 && chunkBytes <= chunkBytesMax, `chunks of ${chunkBytes} bytes`);
  invariant(chunkBytes >= blocksMin * blockBytes, `chunks of ${chunkBytes} bytes are too small`);
  return { ...limits, batchBytes: Math.min(limits.batchBytes, Math.floor(chunkBytes / batchesMin)) };
}

/** Room that is kept in each chunk for votes, truncations and purges when entries find none any more. */
export function headroomBytes({ chunkBytes, blockBytes }: LogLimits): number {
  return Math.min(256 * kib, Math.floor(chunkBytes / 16 / blockBytes) * blockBytes);
}
