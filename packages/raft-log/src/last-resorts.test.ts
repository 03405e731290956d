// What is kept for the day on which the first line of defence is gone.
import { expect, test } from '@jest/globals';
import { VirtualTime } from '@holdfast/base/internal';
import { listLog, readChunk } from './chunk-files.ts';
import { scanChunk } from './chunk-scan.ts';
import { Group } from './group.ts';
import { recover } from './recovery.ts';
import { Scrubber } from './scrubber.ts';
import { directory, entries, makeEveryKind, newDisk, openDisk, SyncLog, tellGroups } from './testing.ts';

const chunkPath = (sequence: number): string => `${directory}/000000000000000${sequence}.chunk`;

test('a chunk that has no room left for entries has room for a vote', () => {
  const log = new SyncLog(newDisk().files, 'full', { chunkBytes: 64 * 1024 });
  log.do({ kind: 'create', group: new Group(1) });
  log.do({ kind: 'vote', group: log.group(1), term: 1, vote: 3 });
  for (
    let index = 1;
    log.core.stage({ kind: 'append', group: log.group(1), entries: entries(index, 1, 'x') });
    index++
  ) {
    log.do();
  }
  expect(log.core.chunks).toHaveLength(1);
  expect(log.core.stage({ kind: 'vote', group: log.group(1), term: 2, vote: 4 })).toBe(true);
});

test('a chunk without entries stays while the states of its groups stand nowhere else', () => {
  const log = new SyncLog(newDisk().files, 'states only');
  log.do({ kind: 'create', group: new Group(1) });
  log.do({ kind: 'vote', group: log.group(1), term: 1, vote: 3 });
  expect(log.core.chunks).toMatchObject([{ references: 0 }]);
  expect(log.core.nextJob(false)).toMatchObject({ kind: 'prepare' });
});

test('a checkpoint that lost one block is whole, though no older chunk is left', () => {
  const disk = makeEveryKind(true);
  const open = (): ReturnType<typeof recover> =>
    recover({ files: disk.files, directory, mode: 'tolerate-tail', isReadOnly: true });
  for (const sequence of [1, 2]) disk.files.unlink(chunkPath(sequence));
  const told = tellGroups(open()?.groups ?? new Map<number, Group>());
  const [chunk] = listLog(disk.files, directory).chunks;
  if (chunk?.reading === undefined || chunk.reading === null) throw new Error('the log has no chunk');
  const [checkpoint] = scanChunk(readChunk(disk.files, chunk.path, chunk.reading.header), { isFollowed: false });
  const states = (checkpoint?.records ?? []).filter(({ header }) => header.kind === 'state' && header.group === 1);
  expect(states).toHaveLength(2);
  for (const { position } of states) {
    disk.rot(chunk.path, position, 0);
    expect(tellGroups(open()?.groups ?? new Map<number, Group>())).toEqual(told);
    disk.rot(chunk.path, position, 0);
  }
});

test('user data are bounded by themselves, and not only by what a batch holds', async () => {
  const log = await openDisk(newDisk(), { limits: { blockBytes: 512, chunkBytes: 64 * 1024, batchBytes: 16 * 1024 } });
  await log.createGroup(1);
  await log.saveUserData(1, new Uint8Array(4096));
  await expect(log.saveUserData(1, new Uint8Array(4097))).rejects.toThrow('4097 bytes of user data; at most 4096');
});

test("what a scrub says of a chunk that went away meanwhile is nobody's damage", async () => {
  const log = new SyncLog(newDisk().files, 'scrubbed');
  log.do({ kind: 'create', group: new Group(1) });
  log.do({ kind: 'vote', group: log.group(1), term: 1, vote: null });
  while (log.core.chunks.length < 3) {
    const from = log.group(1).staged.lastIndex + 1;
    log.do({ kind: 'append', group: log.group(1), entries: entries(from, 1, 'x'.repeat(2500)) });
  }
  const index = log.group(1).staged.lastIndex;
  const scrubber = new Scrubber({
    core: log.core,
    timers: new VirtualTime({ seed: 1 }).node('log').timers,
    runner: async ({ header }) => {
      log.do({ kind: 'commit', group: log.group(1), index }, { kind: 'purge', group: log.group(1), index });
      log.settle();
      return Promise.resolve([{ position: 0, lengthBytes: header.chunkBytes, reason: 'it is another file by now' }]);
    },
    bytesPerSecond: 1,
    chunkBytes: 1,
  });
  await scrubber.scrubNext();
  expect(log.core.chunks.length).toBeLessThan(3);
  expect(scrubber.stat).toMatchObject({ scrubbedChunks: 0, scrubDamages: 0, scrubFailure: null });
  scrubber.stop();
});

test('a faulty slot that is truncated is sound when it is written again', () => {
  const log = new SyncLog(newDisk().files, 'faulty');
  log.do({ kind: 'create', group: new Group(1) });
  log.do({ kind: 'vote', group: log.group(1), term: 1, vote: null });
  log.do({ kind: 'append', group: log.group(1), entries: entries(1, 1, 'a', 'b', 'c') });
  log.group(1).faulty.add(3, 3);
  log.do({ kind: 'truncate', group: log.group(1), index: 2 });
  log.do({ kind: 'append', group: log.group(1), entries: entries(3, 1, 'c again') });
  expect(log.group(1).faulty.ranges).toEqual([]);
});

test.each([1, 2, 3, 4, 5, 6, 7, 8])('a chunk that was purged is gone after a loss of power, too (disk %i)', (seed) => {
  const disk = newDisk(seed);
  const log = new SyncLog(disk.files, 'purged');
  log.do({ kind: 'create', group: new Group(1) });
  log.do({ kind: 'vote', group: log.group(1), term: 1, vote: null });
  while (log.core.chunks.length < 3) {
    const from = log.group(1).staged.lastIndex + 1;
    log.do({ kind: 'append', group: log.group(1), entries: entries(from, 1, 'x'.repeat(2500)) });
  }
  log.settle();
  const index = log.group(1).staged.lastIndex;
  log.do({ kind: 'commit', group: log.group(1), index });
  log.do({ kind: 'purge', group: log.group(1), index });
  log.settle();
  const names = disk.files.readdir(directory);
  expect(names).not.toContain('0000000000000001.chunk');
  disk.halt();
  expect(disk.restart('power').readdir(directory)).toEqual(names);
});

test.each([1, 2, 3, 4, 5, 6, 7, 8])(
  'a log outlives a power cut whose directory a killed process had made and not named for good (disk %d)',
  async (seed) => {
    const disk = newDisk(seed);
    disk.files.mkdir(directory);
    const log = await openDisk(disk);
    await log.createGroup(1);
    await log.saveVote(1, { term: 1, vote: 3 });
    disk.halt();
    disk.restart('power');
    expect((await openDisk(disk)).state(1)).toMatchObject({ term: 1, vote: 3 });
  },
);
