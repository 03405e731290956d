import { describe, expect, test } from '@jest/globals';
import type { VirtualDisk } from '@holdfast/base/internal';
import { listLog, readChunk } from './chunk-files.ts';
import { encodeFileHeader, readFileHeader, type FileHeader } from './file-header.ts';
import { scanChunk, type FoundBatch } from './chunk-scan.ts';
import type { RaftLog } from './raft-log.ts';
import { recover } from './recovery.ts';
import { directory, entries, newDisk, openDisk, readAll } from './testing.ts';

const chunkPath = `${directory}/0000000000000001.chunk`;

/** A log of two groups that ended by a crash; its last batch appends to group 1. */
async function makeLog(): Promise<VirtualDisk> {
  const disk = newDisk();
  const log = await openDisk(disk);
  await Promise.all([log.createGroup(1), log.createGroup(2)]);
  await Promise.all([log.saveVote(1, { term: 1, vote: 3 }), log.saveVote(2, { term: 5, vote: null })]);
  await log.append(1, entries(1, 1, 'one'));
  await log.append(2, entries(1, 5, 'eins'));
  await log.append(1, entries(2, 1, 'two', 'x'.repeat(600), 'four'));
  disk.halt();
  disk.restart('process');
  return disk;
}

function batches(disk: VirtualDisk): FoundBatch[] {
  const [chunk] = listLog(disk.files, directory).chunks;
  if (chunk?.reading === undefined || chunk.reading === null) throw new Error('the log has no chunk');
  return [...scanChunk(readChunk(disk.files, chunk.path, chunk.reading.header), { isFollowed: false })];
}

function lastBatch(disk: VirtualDisk): FoundBatch {
  const last = batches(disk).at(-1);
  if (last === undefined) throw new Error('the log has no batch');
  return last;
}

function positionOf(disk: VirtualDisk, group: number, index: number): number {
  const record = batches(disk)
    .flatMap((batch) => batch.records)
    .find(({ header }) => header.kind === 'entry' && header.group === group && header.index === index);
  return record?.position ?? -1;
}

function zero(disk: VirtualDisk, position: number, lengthBytes: number): void {
  const file = disk.files.open(chunkPath, 'write');
  file.pwrite(new Uint8Array(lengthBytes), position);
  file.fdatasync();
  file.close();
}

const payloadOffset = 32;

test.each([
  { what: 'is damaged', isHeadless: false },
  { what: 'has no head', isHeadless: true },
])('a batch of which nothing is left, behind one that $what, is missed at every open', async ({ isHeadless }) => {
  const disk = newDisk();
  const log = await openDisk(disk);
  await log.createGroup(1);
  await log.append(1, entries(1, 0, 'one'));
  await log.saveVote(1, { term: 1, vote: 3 });
  await log.saveVote(1, { term: 2, vote: 1 });
  disk.halt();
  disk.restart('process');
  const [first, second] = batches(disk).slice(-2);
  const copy = first?.records.find(({ header }) => header.isCopy);
  disk.rot(chunkPath, (isHeadless ? first?.position : copy?.position) ?? 0, 0);
  for (let at = second?.position ?? 0; at < (second?.endPosition ?? 0); at += 16) disk.rot(chunkPath, at, 0);
  const opened = await openDisk(disk);
  const ambiguity = { from: 2, to: null, term: null };
  expect(opened.state(1)).toMatchObject({ term: 1, vote: 3, ambiguity });
  await opened.append(1, entries(2, 1, 'two'));
  disk.halt();
  disk.restart('process');
  const again = await openDisk(disk);
  expect([readAll(again, 1), again.state(1)?.ambiguity]).toEqual([['1:0:one', '2:1:two'], ambiguity]);
});

describe('damage in the last batch, which may be a torn write or rot', () => {
  test('makes nothing ambiguous where only its head is lost, at every open', async () => {
    const disk = await makeLog();
    disk.rot(chunkPath, lastBatch(disk).position, 0);
    const log = await openDisk(disk);
    expect(log.state(1)).toMatchObject({ lastIndex: 4, ambiguity: null });
    await log.append(1, entries(5, 1, 'five'));
    disk.halt();
    disk.restart('process');
    const again = await openDisk(disk);
    expect(again.state(1)).toMatchObject({ lastIndex: 5, ambiguity: null });
  });

  test('is cut at the first hole of its group, and its slots are ambiguous until the caller settles', async () => {
    const disk = await makeLog();
    disk.rot(chunkPath, positionOf(disk, 1, 3) + payloadOffset, 0);
    const log = await openDisk(disk);
    expect(readAll(log, 1)).toEqual(['1:1:one', '2:1:two']);
    const ambiguity = { from: 3, to: 4, term: 1 };
    expect(log.report.ambiguous).toEqual([{ group: 1, ...ambiguity }]);
    expect(log.report.damages).toMatchObject([
      { standing: 'tail', reason: expect.stringContaining('entry 3 of group 1') },
    ]);
    expect(log.state(1)).toMatchObject({ ambiguity, isVoteLost: false, term: 1, vote: 3 });
    expect(log.state(2)?.ambiguity).toBeNull();

    // What was cut stays in the file, and each later open comes to the same verdict.
    await log.append(1, entries(3, 1, 'three again'));
    disk.halt();
    disk.restart('power');
    const again = await openDisk(disk);
    expect(again.report.damages).toEqual([]);
    expect(readAll(again, 1)).toEqual(['1:1:one', '2:1:two', '3:1:three again']);
    expect(again.state(1)?.ambiguity).toEqual(ambiguity);
    await again.settle(1);
    await again.close();
    const settled = await openDisk(disk);
    expect(settled.state(1)?.ambiguity).toBeNull();
    expect(readAll(settled, 1)).toHaveLength(3);
  });

  test('is copied aside before the log goes on', async () => {
    const disk = await makeLog();
    const { position, endPosition } = lastBatch(disk);
    const before = new Uint8Array(endPosition - position);
    disk.rot(chunkPath, position + 600, 3);
    disk.files.open(chunkPath, 'read').pread(before, position);
    const log = await openDisk(disk);
    const path = `${directory}/damaged/0000000000000001.chunk.${position}`;
    expect(log.report.copiedAside).toBe(path);
    const copy = new Uint8Array(before.length);
    disk.files.open(path, 'read').pread(copy, 0);
    expect(copy).toEqual(before);
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8])('stays copied aside after a loss of power (disk %i)', async (seed) => {
    const disk = newDisk(seed);
    const log = await openDisk(disk);
    await log.createGroup(1);
    await log.saveVote(1, { term: 1, vote: 3 });
    disk.halt();
    disk.restart('process');
    disk.rot(chunkPath, lastBatch(disk).position + payloadOffset, 3);
    const found = recover({ files: disk.files, directory, mode: 'tolerate-tail', isReadOnly: false });
    disk.halt();
    expect(disk.restart('power').stat(found?.report.copiedAside ?? '/')).toMatchObject({ kind: 'file' });
  });

  test('makes every group ambiguous when neither head nor table is left', async () => {
    const disk = await makeLog();
    const { position, endPosition } = lastBatch(disk);
    for (let at = position; at < endPosition; at += 16) disk.rot(chunkPath, at, 1);
    const log = await openDisk(disk);
    expect(log.report.ambiguous).toEqual([
      { group: 1, from: 2, to: null, term: null },
      { group: 2, from: 2, to: null, term: null },
    ]);
    expect(readAll(log, 1)).toEqual(['1:1:one']);
  });

  test('is nothing where nothing of a batch reached the disk', async () => {
    const disk = await makeLog();
    const { position, endPosition } = lastBatch(disk);
    zero(disk, position, endPosition - position);
    const log = await openDisk(disk);
    expect(log.report).toMatchObject({ damages: [], ambiguous: [], copiedAside: null });
  });

  test('is seen by the blocks that did reach the disk when the first one did not', async () => {
    const disk = await makeLog();
    zero(disk, lastBatch(disk).position, 512);
    const log = await openDisk(disk);
    expect(log.report.ambiguous).toEqual([{ group: 1, from: 2, to: 4, term: 1 }]);
    await log.append(1, entries(2, 1, 'behind the cut'));
    await log.close();
    expect(readAll(await openDisk(disk), 1)).toEqual(['1:1:one', '2:1:behind the cut']);
  });

  test.each([
    ['within the last batch', 600],
    ['where the last batch began', 0],
  ])('is suspected where somebody cut the file %s', async (_where, offset) => {
    const disk = await makeLog();
    const file = disk.files.open(chunkPath, 'write');
    const sizeBytes = file.sizeBytes();
    file.ftruncate(lastBatch(disk).position + offset);
    file.fsync();
    file.close();
    const log = await openDisk(disk);
    expect(log.report.damages.map(({ standing }) => standing)).toContain('tail');
    expect(log.report.ambiguous.map(({ group }) => group)).toContain(1);
    expect(readAll(log, 1)[0]).toBe('1:1:one');
    disk.halt();
    disk.restart('power');
    const undecided = await openDisk(disk);
    expect(undecided.report.ambiguous.map(({ group }) => group)).toContain(1);

    // The batch behind the cut gives up what was there, and the file has its size again; the verdict stays until it is settled.
    await undecided.saveVote(1, { term: 9, vote: 1 });
    expect(disk.files.stat(chunkPath)?.sizeBytes).toBe(sizeBytes);
    await undecided.close();
    const again = await openDisk(disk);
    expect(again.report).toMatchObject({ damages: [], isClean: true });
    expect(again.state(1)).toMatchObject({ term: 9, vote: 1 });
    expect(again.state(1)?.ambiguity).not.toBeNull();
    await Promise.all([again.settle(1), again.settle(2)]);
    await again.close();
    expect((await openDisk(disk)).report).toMatchObject({ damages: [], ambiguous: [] });
  });

  test('is refused in the mode absolute, which changes nothing', async () => {
    const disk = await makeLog();
    disk.rot(chunkPath, positionOf(disk, 1, 3) + payloadOffset, 0);
    await expect(openDisk(disk, { mode: 'absolute' })).rejects.toEqual(
      expect.objectContaining({ code: 'RAFT_LOG_CORRUPT' }),
    );
    expect(disk.files.readdir(directory)).not.toContain('damaged');
  });

  test('is left alone by a reader of a live log, and named', async () => {
    const disk = await makeLog();
    disk.rot(chunkPath, positionOf(disk, 1, 3) + payloadOffset, 0);
    const calls = disk.calls;
    const seen = recover({ files: disk.files, directory, mode: 'tolerate-tail', isReadOnly: true, isInUse: true });
    expect(disk.calls).toBe(calls);
    expect(seen?.groups.get(1)?.durable).toMatchObject({ lastIndex: 1, ambiguity: null });
    expect(seen?.report.damages.map(({ standing }) => standing)).toEqual(['tail']);
  });

  test('a lost vote there is told: it may have been given', async () => {
    const disk = newDisk();
    const log = await openDisk(disk);
    await log.createGroup(1);
    await log.saveVote(1, { term: 8, vote: 2 });
    disk.halt();
    disk.restart('process');
    for (const { header, position } of lastBatch(disk).records)
      if (header.kind === 'vote') disk.rot(chunkPath, position, 0);
    const opened = await openDisk(disk);
    expect(opened.state(1)).toMatchObject({ term: 0, ambiguity: { from: 1, to: 0 } });
  });

  test('a vote of which one copy reached the disk counts, and is missed when that rots before the log goes on', async () => {
    const disk = newDisk();
    const log = await openDisk(disk);
    await log.createGroup(1);
    await log.saveVote(1, { term: 8, vote: 2 });
    disk.halt();
    disk.restart('process');
    const copy = lastBatch(disk).records.find(({ header }) => header.isCopy);
    zero(disk, lastBatch(disk).position, 512);
    expect((await openDisk(disk)).state(1)).toMatchObject({ term: 8, vote: 2 });
    disk.halt();
    disk.restart('power');
    disk.rot(chunkPath, copy?.position ?? 0, 0);
    const ambiguity = { from: 1, to: null, term: null };
    expect((await openDisk(disk)).state(1)).toMatchObject({ term: 0, ambiguity });
  });

  test.each<[string, 'userData' | 'purge', (log: RaftLog) => Promise<void>]>([
    ['user data', 'userData', (log) => log.saveUserData(1, Buffer.from('mine'))],
    ['a purge', 'purge', (log) => log.purge(1, 1)],
  ])('%s lost there: its group is suspected', async (_what, kind, write) => {
    const disk = newDisk();
    const log = await openDisk(disk);
    await log.createGroup(1);
    await log.saveVote(1, { term: 1, vote: 3 });
    await log.append(1, entries(1, 1, 'one', 'two'));
    await log.commit(1, 2);
    await write(log);
    disk.halt();
    disk.restart('process');
    for (const { header, position } of lastBatch(disk).records)
      if (header.kind === kind) disk.rot(chunkPath, position, 0);
    const opened = await openDisk(disk);
    expect(opened.report.ambiguous).toEqual([{ group: 1, from: 3, to: 2, term: 1 }]);
  });

  test('a log that went on after it was closed and then crashed did not end cleanly', async () => {
    const disk = await makeLog();
    await (await openDisk(disk)).close();
    const log = await openDisk(disk);
    expect(log.report.isClean).toBe(true);
    await log.saveVote(1, { term: 2, vote: 1 });
    disk.halt();
    disk.restart('process');
    expect((await openDisk(disk)).report).toMatchObject({ isClean: false, damages: [] });
  });
});

describe('damage below the durable mark', () => {
  async function damaged(damage: (disk: VirtualDisk) => void): Promise<RaftLog> {
    const disk = await makeLog();
    damage(disk);
    const log = await openDisk(disk);
    expect(log.report.damages.map(({ standing }) => standing)).toEqual(expect.arrayContaining(['damaged']));
    expect(log.report.ambiguous).toEqual([]);
    return log;
  }

  test('in a payload keeps the slot as faulty', async () => {
    const log = await damaged((disk) => disk.rot(chunkPath, positionOf(disk, 2, 1) + payloadOffset, 0));
    expect(readAll(log, 2)).toEqual(['1:faulty']);
    expect(log.report.faulty).toEqual([{ group: 2, from: 1, to: 1 }]);
  });

  test('in a length, too: the table says what is missing', async () => {
    const log = await damaged((disk) => disk.rot(chunkPath, positionOf(disk, 2, 1) + 5, 6));
    expect(readAll(log, 2)).toEqual(['1:faulty']);
    expect(log.term(2, 1)).toBe(5);
    await log.repair(2, { index: 1, term: 5, payload: Buffer.from('from a peer') });
    expect(readAll(log, 2)).toEqual(['1:5:from a peer']);
  });

  test('of a whole batch: the next batch says what is missing', async () => {
    const log = await damaged((disk) => {
      const batch = batches(disk).find(({ records }) =>
        records.some(({ header }) => header.kind === 'entry' && header.group === 2),
      );
      for (let at = batch?.position ?? 0; at < (batch?.endPosition ?? 0); at += 8) disk.rot(chunkPath, at, 0);
    });
    expect(readAll(log, 2)).toEqual(['1:faulty']);
    expect(readAll(log, 1)).toHaveLength(4);
  });

  test('in one place of a vote does not lose it; in both it is told', async () => {
    const votes = (disk: VirtualDisk): number[] =>
      batches(disk)
        .flatMap((batch) => batch.records)
        .filter(({ header }) => header.kind === 'vote' && header.group === 1)
        .map(({ position }) => position);
    const disk = await makeLog();
    const places = votes(disk);
    expect(places).toHaveLength(2);
    expect(Math.floor((places[0] ?? 0) / 512)).not.toBe(Math.floor((places[1] ?? 0) / 512));
    for (const place of places) {
      const log = await damaged((other) => other.rot(chunkPath, place, 2));
      expect(log.state(1)).toMatchObject({ term: 1, vote: 3, isVoteLost: false });
    }
    const log = await damaged((other) => votes(other).forEach((place) => other.rot(chunkPath, place, 2)));
    expect(log.state(1)).toMatchObject({ term: 0, vote: null, isVoteLost: true });
    expect(log.state(2)).toMatchObject({ term: 5, isVoteLost: false });
  });

  test('of one copy of the header is told; of both it refuses the log', async () => {
    const disk = await makeLog();
    disk.rot(chunkPath, 20, 0);
    expect((await openDisk(disk)).report.damages).toMatchObject([{ position: 0, standing: 'damaged' }]);
    const other = await makeLog();
    other.rot(chunkPath, 20, 0);
    other.rot(chunkPath, 512 + 20, 0);
    await expect(openDisk(other)).rejects.toThrow('no chunk has a header that verifies');
  });
});

test.each<[Partial<FileHeader>, string]>([
  [{ version: 2 }, 'its format has version 2, this release knows 1'],
  [{ blockBytes: 1024 }, 'its blocks have 1024 bytes'],
  [{ chunkBytes: 2 ** 32 + 512 }, 'it says to have 4294967808 bytes'],
])('a format that this release cannot read is refused, whatever the mode: %j', async (change, reason) => {
  const disk = newDisk();
  await openDisk(disk);
  const bytes = new Uint8Array(1024);
  const file = disk.files.open(chunkPath, 'write');
  file.pread(bytes, 0);
  const reading = readFileHeader(bytes);
  if (reading === null) throw new Error('the header does not verify');
  file.pwrite(encodeFileHeader({ ...reading.header, ...change }), 0);
  file.close();
  disk.halt();
  disk.restart('process');
  const error: unknown = await openDisk(disk, { mode: 'salvage' }).catch((thrown: unknown) => thrown);
  expect(error).toEqual(expect.objectContaining({ code: 'RAFT_LOG_FORMAT_UNKNOWN' }));
  expect(String(error)).toContain(reason);
});
