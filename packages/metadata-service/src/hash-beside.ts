// The hash of a running member's state (`holdfast metadata hash`): some rows, and then everything else has its turn.
import { isOpError, sleep, throwIfAborted, type LogIndex, type Timers } from '@holdfast/base';
import type { MetadataMachine } from './state/machine.ts';

export interface HashedState {
  readonly applied: LogIndex;
  readonly hash: string;
}

/** Two milliseconds or so. */
export const hashedRowsPerTurn = 1_024;
/** Twice as long: a third of the time is the hash's. */
const restMs = 3;
/** While an image is read, or another hash. */
const busyRetryMs = 100;

export async function hashBeside(
  machine: Pick<MetadataMachine, 'hashing'>,
  timers: Timers,
  signal: AbortSignal,
): Promise<HashedState> {
  for (;;) {
    throwIfAborted(signal);
    try {
      return await hashOnce(machine, timers, signal);
    } catch (error) {
      if (!isOpError(error) || error.code !== 'STATE_IMAGE_BUSY') throw error;
    }
    await sleep(timers, busyRetryMs, signal);
  }
}

async function hashOnce(
  machine: Pick<MetadataMachine, 'hashing'>,
  timers: Timers,
  signal: AbortSignal,
): Promise<HashedState> {
  const hashing = machine.hashing();
  try {
    for (;;) {
      const hash = hashing.next(hashedRowsPerTurn);
      if (hash !== null) return { applied: hashing.applied, hash };
      await sleep(timers, restMs, signal);
    }
  } finally {
    hashing.close();
  }
}
