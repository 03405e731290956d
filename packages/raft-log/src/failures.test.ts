import { describe, expect, test } from '@jest/globals';
import { SeededRandom, type VirtualDisk } from '@holdfast/base/internal';
import type { RaftLog } from './raft-log.ts';
import { recover } from './recovery.ts';
import { directory, entries, newDisk, openDisk, readAll, smallLimits } from './testing.ts';

const code = (name: string): unknown => expect.objectContaining({ code: name });

async function openWithGroup(disk: VirtualDisk): Promise<RaftLog> {
  const log = await openDisk(disk);
  await log.createGroup(1);
  await log.saveVote(1, { term: 1, vote: 3 });
  return log;
}

describe('an error of the disk', () => {
  test.each([
    ['pwrite', 'EIO'],
    ['fdatasync', 'EIO'],
    ['pwrite', 'ENOSPC'],
  ] as const)(
    '%s with %s ends the log: every waiter hears the same error, and nothing is tried again',
    async (operation, errno) => {
      const disk = newDisk();
      const log = await openWithGroup(disk);
      await log.append(1, entries(1, 1, 'before'));
      disk.failNext({ operation, errno, pathPart: '.chunk' });
      const first = log.append(1, entries(2, 1, 'lost'));
      await Promise.resolve();
      const second = log.append(1, entries(3, 1, 'behind it'));
      const errors = await Promise.all([first, second].map((call) => call.catch((error: unknown) => error)));
      expect(errors[0]).toEqual(code('RAFT_LOG_POISONED'));
      expect(errors[1]).toBe(errors[0]);
      const calls = disk.calls;
      await expect(log.append(1, entries(4, 1, 'later'))).rejects.toBe(errors[0]);
      await expect(log.saveVote(1, { term: 2, vote: null })).rejects.toBe(errors[0]);
      expect(disk.calls).toBe(calls);
      expect(readAll(log, 1)).toEqual(['1:1:before']);
      expect(log.state(1)?.lastIndex).toBe(1);
      await log.close();
    },
  );

  test('nothing is visible before its fdatasync returned', async () => {
    const disk = newDisk();
    const log = await openWithGroup(disk);
    const call = log.append(1, entries(1, 1, 'a'));
    expect(log.state(1)?.lastIndex).toBe(0);
    expect(log.read(1, { from: 1, to: 9, budgetBytes: 1000 })).toEqual([]);
    await call;
    expect(readAll(log, 1)).toEqual(['1:1:a']);
  });

  test('a log that could not sync what it found does not open', async () => {
    const disk = newDisk();
    const log = await openWithGroup(disk);
    await log.close();
    disk.failNext({ operation: 'fdatasync', errno: 'EIO' });
    await expect(openDisk(disk)).rejects.toEqual(code('IO_ERROR'));
  });

  test.each(Array.from({ length: 40 }, (_, seed) => seed))(
    'what a sync that failed left in the page cache is on the disk before anybody reads it (seed %i)',
    async (seed) => {
      const disk = newDisk(seed);
      const log = await openWithGroup(disk);
      await log.append(1, entries(1, 1, 'before'));
      disk.failNext({ operation: 'fdatasync', errno: 'EIO' });
      const payloads = ['a', 'b', 'c'].map((letter) => letter.repeat(700));
      await expect(log.append(1, entries(2, 1, ...payloads))).rejects.toEqual(code('RAFT_LOG_POISONED'));
      disk.restart('process');
      const found = await openDisk(disk);
      const told = [readAll(found, 1), found.state(1)?.ambiguity];
      disk.restart('power');
      const later = await openDisk(disk);
      expect([readAll(later, 1), later.state(1)?.ambiguity]).toEqual(told);
    },
  );

  test('a block that cannot be read makes its entry faulty, and a peer repairs it', async () => {
    const disk = newDisk();
    const log = await openDisk(disk, { limits: { ...smallLimits, cacheBytes: 0 } });
    await log.createGroup(1);
    await log.saveVote(1, { term: 1, vote: 3 });
    await log.append(1, entries(1, 1, 'a'));
    await log.append(1, entries(2, 1, 'b'));
    await log.append(1, entries(3, 1, 'c'));
    disk.setFaultRates({ readError: 1 });
    expect(() => log.read(1, { from: 2, to: 3, budgetBytes: 100 })).toThrow(code('RAFT_LOG_ENTRY_FAULTY'));
    disk.setFaultRates({ readError: 0 });
    expect(log.state(1)?.faulty).toEqual([{ from: 2, to: 2 }]);
    expect(log.stat().faultySlots).toBe(1);
    await expect(log.repair(1, { index: 3, term: 1, payload: Buffer.from('c') })).rejects.toEqual(
      code('RAFT_LOG_REFUSED'),
    );
    await expect(log.repair(1, { index: 2, term: 7, payload: Buffer.from('b') })).rejects.toEqual(
      code('RAFT_LOG_REFUSED'),
    );
    await log.repair(1, { index: 2, term: 1, payload: Buffer.from('B') });
    expect(readAll(log, 1)).toEqual(['1:1:a', '2:1:B', '3:1:c']);
    await log.close();
    expect(readAll(await openDisk(disk), 1)).toEqual(['1:1:a', '2:1:B', '3:1:c']);
  });

  test.each([
    { times: 'once', refusals: 1, faulty: false },
    { times: 'twice', refusals: 2, faulty: true },
  ])('a block that the disk refuses $times when the active chunk is read in pieces: faulty is $faulty', async (row) => {
    const disk = newDisk();
    const log = await openWithGroup(disk);
    for (let index = 1; index <= 5; index++) await log.append(1, entries(index, 1, `entry ${index}`.padEnd(900)));
    await log.close();
    refusePiece(disk, row.refusals);
    const opened = await openDisk(disk);
    expect(opened.report.damages.map(({ standing }) => standing).includes('damaged')).toBe(row.faulty);
    expect(opened.report.faulty.length > 0).toBe(row.faulty);
    expect(opened.state(1)).toMatchObject({ term: 1, vote: 3, lastIndex: 5 });
  });
});

/** The chunk as a whole is refused at the next open, and then the second of its pieces, that many times in a row. */
function refusePiece(disk: VirtualDisk, times: number): void {
  disk.failNext({ operation: 'pread', errno: 'EIO', pathPart: '.chunk', skip: 2 });
  for (let time = 1; time <= times; time++) {
    disk.failNext({ operation: 'pread', errno: 'EIO', pathPart: '.chunk', skip: 3 });
  }
}

test('an end that the disk refuses to read is not cut: the log goes on from there when it is read', async () => {
  const disk = newDisk();
  const log = await openWithGroup(disk);
  await log.append(1, entries(1, 1, 'one'));
  await log.append(1, entries(2, 1, 'two'));
  disk.halt();
  disk.restart('process');
  const chunk = disk.files.readdir(directory).find((name) => name.endsWith('.chunk')) ?? '';
  const found = new Uint8Array(512);
  disk.files.open(`${directory}/${chunk}`, 'read').pread(found, 4096);
  expect(Buffer.from(found).includes('two')).toBe(true);
  const before = disk.usedBytes;
  refusePiece(disk, 2);
  await expect(openDisk(disk)).rejects.toEqual(code('RAFT_LOG_UNREADABLE'));
  expect(disk.usedBytes).toBe(before);
  refusePiece(disk, 2);
  const salvaged = recover({ files: disk.files, directory, mode: 'salvage', isReadOnly: false });
  expect(salvaged?.groups.get(1)?.durable).toMatchObject({ lastIndex: 1, ambiguity: { from: 2, to: null } });
  expect(readAll(await openDisk(disk), 1)).toEqual(['1:1:one', '2:1:two']);
});

describe('a full disk', () => {
  /** Room for the first chunk, the spare and the reserve, and for nothing else. */
  async function openOnSmallDisk(): Promise<{ disk: VirtualDisk; log: RaftLog }> {
    const disk = newDisk();
    const log = await openWithGroup(disk);
    await turns();
    disk.setCapacityBytes(disk.usedBytes);
    return { disk, log };
  }

  async function turns(): Promise<void> {
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Appends until the log says that it is full; returns the last index that was acknowledged. */
  async function fill(log: RaftLog): Promise<number> {
    for (let index = (log.state(1)?.lastIndex ?? 0) + 1; ; index++) {
      const error = await log.append(1, entries(index, 1, 'x'.repeat(1000))).catch((thrown: unknown) => thrown);
      if (error === undefined) continue;
      expect(error).toEqual(code('RAFT_LOG_FULL'));
      return index - 1;
    }
  }

  test('entries are refused, votes, truncation and purge go on in the reserve, and entries follow once there is room', async () => {
    const { log } = await openOnSmallDisk();
    const lastIndex = await fill(log);
    expect(log.stat()).toMatchObject({ isFull: true, hasSpare: false, hasReserve: true });
    const chunks = log.stat().chunks;
    for (let term = 2; log.stat().chunks === chunks; term++) await log.saveVote(1, { term, vote: term % 3 });
    expect(log.stat()).toMatchObject({ isFull: true, hasReserve: false });
    await log.truncate(1, lastIndex - 1);
    await log.commit(1, lastIndex - 1);
    await expect(log.append(1, entries(lastIndex, 2, 'still'))).rejects.toEqual(code('RAFT_LOG_FULL'));
    await log.purge(1, lastIndex - 1);
    await turns();
    // The chunks that the purge set free are the spare and the reserve.
    expect(log.stat()).toMatchObject({ isFull: false, hasSpare: true, hasReserve: true });
    await log.append(1, entries(lastIndex, 2, 'again'));
    expect(readAll(log, 1)).toEqual([`${lastIndex}:2:again`]);
    await log.close();
  });

  test('when the reserve is used up, too, a vote is refused and does not wait', async () => {
    const { log } = await openOnSmallDisk();
    await fill(log);
    const voteOn = async (): Promise<never> => {
      for (let term = 2; ; term++) await log.saveVote(1, { term, vote: null });
    };
    await expect(voteOn()).rejects.toEqual(code('RAFT_LOG_FULL'));
    expect(log.stat()).toMatchObject({ isFull: true, hasSpare: false, hasReserve: false });
    await log.close();
  });

  test('a log whose chunk somebody cut goes on where there is room for its batches only', async () => {
    const disk = newDisk();
    const log = await openWithGroup(disk);
    await log.append(1, entries(1, 1, 'one'));
    await log.close();
    const name = disk.files.readdir(directory).find((each) => each.endsWith('.chunk')) ?? '';
    const file = disk.files.open(`${directory}/${name}`, 'write');
    file.ftruncate(6144);
    file.fsync();
    file.close();
    disk.setCapacityBytes(disk.usedBytes + 2048);
    const opened = await openDisk(disk);
    await opened.saveVote(1, { term: 2, vote: 1 });
    expect(opened.state(1)).toMatchObject({ term: 2, vote: 1 });
  });

  test('space that somebody else gives back is found without a purge', async () => {
    const { disk, log } = await openOnSmallDisk();
    await fill(log);
    disk.setCapacityBytes(2 ** 30);
    expect(log.stat().isFull).toBe(true);
    await log.close();
    const again = await openDisk(disk);
    await turns();
    expect(again.stat()).toMatchObject({ isFull: false, hasSpare: true, hasReserve: true });
  });

  test('a log opens on a full disk, after a crash too, and takes votes', async () => {
    const { disk, log } = await openOnSmallDisk();
    const lastIndex = await fill(log);
    disk.setCapacityBytes(disk.usedBytes);
    disk.halt();
    disk.restart('power');
    const opened = await openDisk(disk);
    expect(opened.state(1)?.lastIndex).toBe(lastIndex);
    await opened.saveVote(1, { term: 9, vote: 1 });
    expect(opened.state(1)).toMatchObject({ term: 9, vote: 1 });
  });

  test('a reserve that an earlier process gave up is kept for votes by the next one', async () => {
    const { disk, log } = await openOnSmallDisk();
    const lastIndex = await fill(log);
    const { chunks } = log.stat();
    for (let term = 2; log.stat().chunks === chunks; term++) await log.saveVote(1, { term, vote: null });
    await log.close();
    disk.setCapacityBytes(disk.usedBytes);
    const again = await openDisk(disk);
    expect(await fill(again)).toBe(lastIndex);
    await again.saveVote(1, { term: 100, vote: 1 });
    await again.close();
    disk.setCapacityBytes(2 ** 30);
    const third = await openDisk(disk);
    await third.append(1, entries(lastIndex + 1, 100, 'entries wait for the spare and are not refused'));
    expect(third.state(1)?.lastIndex).toBe(lastIndex + 1);
  });

  test('a new log on a full disk does not open, and leaves nothing that a later open trips over', async () => {
    const disk = newDisk();
    disk.setCapacityBytes(0);
    await expect(openDisk(disk)).rejects.toEqual(code('RAFT_LOG_FULL'));
    disk.setCapacityBytes(2 ** 30);
    const log = await openWithGroup(disk);
    await log.append(1, entries(1, 1, 'a'));
    expect(readAll(log, 1)).toEqual(['1:1:a']);
  });
});

describe('names that are lost', () => {
  async function makeChunks(disk: VirtualDisk, salts = 'one'): Promise<string[]> {
    const log = await openDisk(disk, { random: new SeededRandom(salts) });
    await log.createGroup(1);
    await log.saveVote(1, { term: 1, vote: 3 });
    for (let index = 1; log.stat().chunks < 4; index++) await log.append(1, entries(index, 1, 'x'.repeat(1000)));
    await log.close();
    return disk.files.readdir(directory).filter((name) => name.endsWith('.chunk'));
  }

  test.each([
    ['the newest chunk', 3, /is sealed, and chunk 4 is not there/],
    ['a chunk in the middle', 1, /no chunk is there between it and chunk 1/],
  ])('%s: the log is refused, and salvage opens what is left', async (_what, gone, reason) => {
    const disk = newDisk();
    const names = await makeChunks(disk);
    disk.files.unlink(`${directory}/${names[gone] ?? ''}`);
    await expect(openDisk(disk)).rejects.toThrow(reason);
    const salvaged = await openDisk(disk, { mode: 'salvage' });
    expect(salvaged.state(1)).toMatchObject({ term: 1, vote: 3 });
    expect(salvaged.report.damages.map(({ standing }) => standing)).toContain('structure');
    expect(readAll(salvaged, 1).length).toBeGreaterThan(10);
  });

  test('all of them: a reserve without chunks is not a new log', async () => {
    const disk = newDisk();
    for (const name of await makeChunks(disk)) disk.files.unlink(`${directory}/${name}`);
    await expect(openDisk(disk)).rejects.toThrow('its chunks are gone');
  });

  test('who knows that there was a log does not get a new one', async () => {
    await expect(openDisk(newDisk(), { create: false })).rejects.toEqual(code('FILE_NOT_FOUND'));
  });

  test('a chunk of another log is not taken for one of this log', async () => {
    const disk = newDisk();
    const names = await makeChunks(disk);
    const other = newDisk('other');
    await makeChunks(other, 'other');
    const path = `${directory}/${names[1] ?? ''}`;
    const foreign = new Uint8Array(other.files.stat(path)?.sizeBytes ?? 0);
    other.files.open(path, 'read').pread(foreign, 0);
    disk.files.open(path, 'write').pwrite(foreign, 0);
    await expect(openDisk(disk)).rejects.toThrow(/is not the one that it followed|belongs to another log/);
  });
});

test('a second opener hears who has the log', async () => {
  const disk = newDisk();
  const log = await openWithGroup(disk);
  await expect(openDisk(disk)).rejects.toEqual(code('FILE_LOCKED'));
  await log.close();
  await expect(openDisk(disk)).resolves.toBeDefined();
});
