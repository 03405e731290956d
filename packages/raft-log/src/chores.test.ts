// What a log does beside its batches: it makes a spare and a reserve, and gives back chunks that nobody needs.
import { expect, test } from '@jest/globals';
import { VirtualTime, type VirtualDisk } from '@holdfast/base/internal';
import { InlineExecutor, type Executor } from './executor.ts';
import type { Job } from './job.ts';
import { LogDisk } from './log-disk.ts';
import { entries, newDisk, openDisk, smallLimits } from './testing.ts';

/** Notes what the thread of the files is asked to do. */
class NotingExecutor implements Executor {
  readonly kinds: Job['kind'][] = [];
  readonly #executor: InlineExecutor;

  constructor(disk: VirtualDisk) {
    this.#executor = new InlineExecutor(new LogDisk(disk.files, new VirtualTime({ seed: 1 }).node('log').clock));
  }

  submit(...[job, done]: Parameters<Executor['submit']>): void {
    this.kinds.push(job.kind);
    this.#executor.submit(job, done);
  }

  async stop(): Promise<void> {
    return this.#executor.stop();
  }
}

test('a log that is never idle has its spare and its reserve, gives its chunks back, and nobody waits for many chores', async () => {
  const disk = newDisk();
  const executor = new NotingExecutor(disk);
  const log = await openDisk(disk, { limits: { ...smallLimits, prepareBytes: 512 }, executor });
  await log.createGroup(1);
  await log.saveVote(1, { term: 1, vote: 3 });
  for (let index = 1; index <= 200; index++) {
    await log.append(1, entries(index, 1, 'x'.repeat(800)));
    if (index % 10 !== 0 || index < 80) continue;
    await log.commit(1, index);
    await log.purge(1, index);
  }
  expect(log.stat()).toMatchObject({ hasReserve: true });
  expect(log.stat().chunks).toBeLessThan(3);
  expect(log.stat().lastSequence).toBeGreaterThan(12);
  const between = executor.kinds
    .join(' ')
    .split(/write|rotate/)
    // Without a chunk there was nothing else to do.
    .slice(1)
    .map((chores) => chores.trim().split(' ').length);
  expect(Math.max(...between)).toBeLessThan(10);
});
