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
  /** Of the batches that were written last, kept in memory for readers. */
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

/**
 * Of a chunk, 2 blocks are its header and 1 its trailer; a quarter and 2 blocks go to the checkpoint, a quarter and 1 block to
 * the largest batch, an eighth of that and 2 blocks to the footer of what is in it, and a sixteenth is headroom. That is less
 * than a chunk from 20 blocks on; from 32 on the headroom holds a vote with its second copy.
 */
const blocksMin = 32;
const checkpointShare = 4;
const batchShare = 4;
const headroomShare = 16;

/** What an open refuses: with such limits a log would get stuck, or refuse what it should take. */
export function checkedLimits(given: Partial<LogLimits>): LogLimits {
  const limits = { ...limitsDefault, ...given };
  const { chunkBytes, blockBytes } = limits;
  for (const [name, value] of Object.entries(limits)) {
    const least = name === 'cacheBytes' ? 0 : 1;
    invariant(Number.isSafeInteger(value) && value >= least, `${name} is ${value}, and no count from ${least} on`);
  }
  invariant(
    blockSizes.some((size) => size === blockBytes),
    `blockBytes is ${blockBytes}, and neither of ${blockSizes.join(' and ')}`,
  );
  invariant(
    chunkBytes % blockBytes === 0,
    `chunkBytes is ${chunkBytes}, which is no number of blocks of ${blockBytes}`,
  );
  invariant(chunkBytes <= chunkBytesMax, `chunkBytes is ${chunkBytes}; positions reach to ${chunkBytesMax}`);
  invariant(
    chunkBytes >= blocksMin * blockBytes,
    `chunkBytes is ${chunkBytes}; a checkpoint, a batch and a vote behind it need ${blocksMin} blocks of ${blockBytes}`,
  );
  invariant(limits.batchBytes >= blockBytes, `batchBytes is ${limits.batchBytes}, and less than a block`);
  return { ...limits, batchBytes: Math.min(limits.batchBytes, chunkBytes / batchShare) };
}

/** What the states of all groups may take of a chunk. */
export function checkpointLimitBytes({ chunkBytes }: LogLimits): number {
  return chunkBytes / checkpointShare;
}

/** Room that is kept in each chunk for votes, truncations and purges when entries find none any more. */
export function headroomBytes({ chunkBytes, blockBytes }: LogLimits): number {
  return Math.min(256 * kib, Math.floor(chunkBytes / headroomShare / blockBytes) * blockBytes);
}
