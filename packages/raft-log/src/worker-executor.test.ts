import { expect, test } from '@jest/globals';
import { RealClock } from '@holdfast/base';
import type { JobOutcome } from './executor.ts';
import { WorkerExecutor } from './worker-executor.ts';

/** Longer than the thread takes to answer and to end. */
const standstillMs = 300;

test.each([true, false])(
  'who stands still while the thread fails and ends hears why it failed, whether it looks out (%s) or sleeps',
  async (looksOut) => {
    for (let at = 0; at < 3; at++) {
      const executor = new WorkerExecutor({ clock: new RealClock(), looksOut });
      const outcome = new Promise<JobOutcome>((resolve) => {
        executor.submit({ kind: 'prepare', path: '/nowhere/at/all', sizeBytes: 1 }, resolve);
      });
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, standstillMs);
      expect(await outcome).toMatchObject({
        isOk: false,
        error: { message: expect.stringContaining('/nowhere/at/all') },
      });
      const next = new Promise<JobOutcome>((resolve) => {
        executor.submit({ kind: 'prepare', path: '/nowhere/at/all', sizeBytes: 1 }, resolve);
      });
      await executor.stop();
      expect(await next).toMatchObject({ isOk: false });
    }
  },
);
