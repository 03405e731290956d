// The edge of what a log may be given: smaller limits are refused with the reason, and the smallest ones work to the end.
import { describe, expect, test } from '@jest/globals';
import type { VirtualDisk } from '@holdfast/base/internal';
import { readTrailer } from './chunk-files.ts';
import { Group } from './group.ts';
import { checkedLimits, type LogLimits } from './log-limits.ts';
import type { NewEntry } from './operation.ts';
import { newDisk, openDisk, smallLimits, SyncLog } from './testing.ts';

test.each<[Partial<LogLimits>, string]>([
  [{ blockBytes: 1024 }, 'blockBytes is 1024, and neither of 512 and 4096'],
  [
    { chunkBytes: 31 * 4096 },
    'chunkBytes is 126976; a checkpoint, a batch and a vote behind it need 32 blocks of 4096',
  ],
  [{ blockBytes: 512, chunkBytes: 31 * 512 }, 'a checkpoint, a batch and a vote behind it need 32 blocks of 512'],
  [{ chunkBytes: 64 * 4096 + 512 }, 'chunkBytes is 262656, which is no number of blocks of 4096'],
  [{ chunkBytes: 2 ** 32 + 4096 }, 'chunkBytes is 4294971392; positions reach to 4294967296'],
  [{ chunkBytes: Number.NaN }, 'chunkBytes is NaN, and no count from 1 on'],
  [{ batchBytes: 4095 }, 'batchBytes is 4095, and less than a block'],
  [{ prepareBytes: 0 }, 'prepareBytes is 0, and no count from 1 on'],
  [{ waitingCalls: 0.5 }, 'waitingCalls is 0.5, and no count from 1 on'],
  [{ cacheBytes: -1 }, 'cacheBytes is -1, and no count from 0 on'],
])('the limits %j are refused, with the reason', (limits, reason) => {
  expect(() => checkedLimits(limits)).toThrow(reason);
});

const smallest = [512, 4096].map((blockBytes): [number, LogLimits] => {
  return [blockBytes, checkedLimits({ ...smallLimits, blockBytes, chunkBytes: 32 * blockBytes, batchBytes: 2 ** 30 })];
});

describe.each(smallest)('in chunks of 32 blocks of %i bytes', (_blockBytes, limits) => {
  /** With as many groups as it takes, the first of them in term 1. */
  function makeLog(disk: VirtualDisk): SyncLog {
    const log = new SyncLog(disk.files, 'edge', limits);
    const create = (): void => {
      for (let group = 1; ; group++) log.do({ kind: 'create', group: new Group(group) });
    };
    expect(create).toThrow(expect.objectContaining({ code: 'RAFT_LOG_STATES_TOO_LARGE' }));
    log.do({ kind: 'vote', group: log.group(1), term: 1, vote: 3 });
    return log;
  }

  test.each([
    ['one entry', 1],
    ['the most entries', limits.batchBytes / 32],
  ])('the largest batch, of %s, fits behind the largest checkpoint, and a vote behind them', (_what, count) => {
    const disk = newDisk();
    const log = makeLog(disk);
    const payload = new Uint8Array(limits.batchBytes / count - 32);
    const entriesFrom = (from: number): NewEntry[] =>
      Array.from({ length: count }, (_, at) => ({ index: from + at, term: 1, payload }));
    const stage = (): boolean => {
      const entries = entriesFrom(log.group(1).staged.lastIndex + 1);
      return log.core.stage({ kind: 'append', group: log.group(1), entries });
    };
    const append = (): void => {
      log.do({ kind: 'append', group: log.group(1), entries: entriesFrom(log.group(1).staged.lastIndex + 1) });
    };
    const sequence = (): number => log.core.chunks.at(-1)?.header.sequence ?? 0;
    // The next chunk begins with the whole checkpoint.
    const last = sequence();
    while (sequence() === last) append();
    while (stage()) log.do();
    expect(sequence()).toBe(last + 1);
    expect(log.group(1).index.locate(log.group(1).staged.lastIndex)?.chunk).toBe(log.core.chunks.at(-1));
    expect(log.core.stage({ kind: 'vote', group: log.group(1), term: 2, vote: 4 })).toBe(true);
    append();
    const sealed = log.core.chunks.filter(({ isSealed }) => isSealed);
    expect(sealed.map(({ path, header }) => readTrailer(disk.files, path, header))).not.toContain(null);
  });
});

test('user data never make the states of all groups larger than what the head of a chunk holds', async () => {
  const disk = newDisk();
  const log = await openDisk(disk);
  for (let group = 1; group <= 12; group++) await log.createGroup(group);
  const refused: number[] = [];
  for (let group = 1; group <= 12; group++) {
    await log.saveUserData(group, new Uint8Array(400).fill(group)).catch((error: unknown) => {
      expect(error).toEqual(expect.objectContaining({ code: 'RAFT_LOG_STATES_TOO_LARGE' }));
      refused.push(group);
    });
  }
  expect(refused).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  // What makes room goes on, and is room.
  await log.saveUserData(1, new Uint8Array());
  await log.saveUserData(12, new Uint8Array(400).fill(12));
  await log.destroyGroup(2);
  await log.saveUserData(11, new Uint8Array(400).fill(11));
  await log.saveVote(1, { term: 1, vote: null });
  for (let index = 1; log.stat().chunks < 3; index++) {
    await log.append(1, [{ index, term: 1, payload: new Uint8Array(700) }]);
  }
  await log.close();
  const opened = await openDisk(disk);
  expect(opened.report.damages).toEqual([]);
  expect(opened.groups()).toEqual([1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  expect([10, 11, 12].map((group) => opened.state(group)?.userData.at(-1))).toEqual([undefined, 11, 12]);
});

test('a log whose states do not fit into smaller chunks is not opened with them', async () => {
  const disk = newDisk();
  const large = { ...smallLimits, chunkBytes: 64 * 1024 };
  const log = await openDisk(disk, { limits: large });
  for (let group = 1; group <= 30; group++) await log.createGroup(group);
  await log.close();
  await expect(openDisk(disk)).rejects.toEqual(expect.objectContaining({ code: 'RAFT_LOG_STATES_TOO_LARGE' }));
  expect((await openDisk(disk, { limits: large })).groups()).toHaveLength(30);
});
