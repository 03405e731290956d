// The hash of a running member's state (`holdfast metadata hash`): some rows, and then everything else has its turn.
import { isOpError, OpError, sleep, type LogIndex, type Timers } from '@holdfast/base';
import type { CallContext } from '@holdfast/rpc';
import type { MetadataMachine } from './state/machine.ts';

export interface HashedState {
  readonly applied: LogIndex;
  readonly hash: string;
}

type Waited = Pick<CallContext, 'signal' | 'remainingMs'>;

/** Two milliseconds or so. */
export const hashedRowsPerTurn = 1_024;
/** Twice as long: a third of the time is the hash's. */
const restMs = 3;
/** While an image is read, or another hash. */
const busyRetryMs = 100;

export async function hashBeside(
  machine: Pick<MetadataMachine, 'hashing'>,
  timers: Timers,
  call: Waited,
): Promise<HashedState> {
  for (;;) {
    try {
      return await hashOnce(machine, timers, call);
    } catch (error) {
      if (!isOpError(error) || error.code !== 'STATE_IMAGE_BUSY') throw error;
    }
    await rest(timers, call, busyRetryMs);
  }
}

async function hashOnce(machine: Pick<MetadataMachine, 'hashing'>, timers: Timers, call: Waited): Promise<HashedState> {
  const hashing = machine.hashing();
  try {
    for (;;) {
      const hash = hashing.next(hashedRowsPerTurn);
      if (hash !== null) return { applied: hashing.applied, hash };
      await rest(timers, call, restMs);
    }
  } finally {
    hashing.close();
  }
}

/** Nobody waits any more for what would come behind the call's time. */
async function rest(timers: Timers, call: Waited, delayMs: number): Promise<void> {
  if (call.remainingMs() === 0)
    throw new OpError('TIMED_OUT', { what: 'a hash of the state', limit: "the call's time" });
  await sleep(timers, delayMs, call.signal);
}
