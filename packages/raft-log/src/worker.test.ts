import { fork, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { kib, RealClock, RealRandom, RealTimers } from '@holdfast/base';
import { RaftLog, type RaftLogOptions } from './raft-log.ts';
import { entries, readAll } from './testing.ts';

const home = mkdtempSync(join(tmpdir(), 'holdfast-raft-log-'));
afterAll(() => rmSync(home, { recursive: true }));

function optionsOf(name: string): RaftLogOptions {
  return {
    directory: join(home, name),
    clock: new RealClock(),
    timers: new RealTimers(),
    random: new RealRandom(),
    limits: { chunkBytes: 256 * kib, prepareBytes: 256 * kib },
  };
}

test.each([
  ['which is looked out for', true],
  ['which is waited for asleep', false],
])(
  'a log with a thread, %s, takes calls in flight through many chunks, and has them when it is opened again',
  async (_how, looksOut) => {
    const options = { ...optionsOf(`many ${looksOut}`), looksOut };
    const log = await RaftLog.open(options);
    await Promise.all([log.createGroup(1), log.createGroup(2), log.saveVote(1, { term: 1, vote: 4 })]);
    const calls: Promise<void>[] = [];
    for (let index = 1; index <= 2000; index++)
      calls.push(log.append(1, entries(index, 1, `entry ${index}`.padEnd(500))));
    await Promise.all(calls);
    const told = readAll(log, 1);
    expect(told).toHaveLength(2000);
    expect(log.stat().chunks).toBeGreaterThan(3);
    expect(log.stat().batches).toBeLessThan(500);
    await log.commit(1, 1990);
    await log.purge(1, 1990);
    await log.close();

    const again = await RaftLog.open(options);
    expect(again.report).toMatchObject({ isClean: true, damages: [] });
    expect(readAll(again, 1)).toEqual(told.slice(1990));
    expect(again.state(1)).toMatchObject({ term: 1, vote: 4, commit: 1990, purgedIndex: 1990 });
    await again.close();
  },
);

test('an error in the thread reaches every caller, and the log closes', async () => {
  const log = await RaftLog.open(optionsOf('gone'));
  await log.createGroup(1);
  await log.saveVote(1, { term: 1, vote: null });
  rmSync(join(home, 'gone'), { recursive: true });
  // The active chunk is still open: the error comes when the next one is needed.
  const fill = async (): Promise<never> => {
    for (let index = 1; ; index++) await log.append(1, entries(index, 1, 'x'.repeat(20_000)));
  };
  const error: unknown = await fill().catch((thrown: unknown) => thrown);
  expect(error).toEqual(expect.objectContaining({ code: 'RAFT_LOG_POISONED' }));
  expect(String(error)).toContain('it is not there');
  await expect(log.flush()).rejects.toEqual(expect.objectContaining({ code: 'RAFT_LOG_POISONED' }));
  await log.close();
});

/** Another process that appends to a log until it is killed; it tells each index that was acknowledged. */
async function startWriter(name: string): Promise<{ child: ChildProcess; acknowledged: number[] }> {
  const child = fork(join(import.meta.dirname, 'writer-testing.ts'), [join(home, name)], { stdio: 'inherit' });
  const acknowledged: number[] = [];
  await new Promise<void>((resolve, reject) => {
    child.on('message', (index) => {
      acknowledged.push(index as number);
      if (acknowledged.length >= 20) resolve();
    });
    child.once('exit', (code) => reject(new Error(`the writer ended with exit code ${String(code)}`)));
  });
  return { child, acknowledged };
}

test('a second process hears which process has the log; after a kill -9 everything that was acknowledged is there', async () => {
  const { child, acknowledged } = await startWriter('killed');
  await expect(RaftLog.open(optionsOf('killed'))).rejects.toThrow(`is locked by process ${child.pid ?? 0} on`);
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await exited;
  const log = await RaftLog.open(optionsOf('killed'));
  const lastIndex = log.state(1)?.lastIndex ?? 0;
  expect(lastIndex).toBeGreaterThanOrEqual(acknowledged.at(-1) ?? 0);
  expect(readAll(log, 1)).toEqual(Array.from({ length: lastIndex }, (_, at) => `${at + 1}:1:entry ${at + 1}`));
  expect(log.report.damages.filter(({ standing }) => standing !== 'tail')).toEqual([]);
  await log.close();
  expect(readdirSync(join(home, 'killed'))).toContain('LOCK');
});

test('a thread of its own scrubs a chunk, and is ended when the log closes', async () => {
  const log = await RaftLog.open({ ...optionsOf('scrubbed'), scrubBytesPerSecond: 1024 ** 3 });
  await log.createGroup(1);
  await log.saveVote(1, { term: 1, vote: null });
  for (let index = 1; log.stat().chunks < 2; index++) await log.append(1, entries(index, 1, 'x'.repeat(30_000)));
  await log.scrubNext();
  expect(log.stat()).toMatchObject({ scrubDamages: 0, scrubFailure: null });
  expect(log.stat().scrubbedChunks).toBeGreaterThan(0);
  await log.close();
});
