// Damage that meets other damage, or a log that is short of something else at the same time.
import { describe, expect, test } from '@jest/globals';
import type { VirtualDisk } from '@holdfast/base/internal';
import { VirtualTime } from '@holdfast/base/internal';
import { listLog, readChunk } from './chunk-files.ts';
import { scanChunk, type FoundBatch } from './chunk-scan.ts';
import { encodeFileHeader, type FileHeader } from './file-header.ts';
import { LogDisk } from './log-disk.ts';
import type { RaftLog } from './raft-log.ts';
import { recover } from './recovery.ts';
import { directory, entries, makeEveryKind, newDisk, openDisk, readAll, smallLimits, tellGroups } from './testing.ts';

const chunkPath = (sequence: number): string => `${directory}/000000000000000${sequence}.chunk`;
const payloadOffset = 32;

function batches(disk: VirtualDisk, sequence = 1): FoundBatch[] {
  const chunk = listLog(disk.files, directory).chunks.find((each) => each.sequence === sequence);
  if (chunk?.reading === undefined || chunk.reading === null) throw new Error(`there is no chunk ${sequence}`);
  return [...scanChunk(readChunk(disk.files, chunk.path, chunk.reading.header), { isFollowed: false })];
}

function placesOf(
  disk: VirtualDisk,
  kind: string,
  { group, sequence = 1 }: { group: number; sequence?: number },
): number[] {
  return batches(disk, sequence)
    .flatMap(({ records }) => records)
    .filter(({ header }) => header.kind === kind && header.group === group)
    .map(({ position }) => position);
}

async function openWithGroup(disk: VirtualDisk): Promise<RaftLog> {
  const log = await openDisk(disk);
  await log.createGroup(1);
  await log.saveVote(1, { term: 1, vote: 3 });
  return log;
}

function crash(disk: VirtualDisk): void {
  disk.halt();
  disk.restart('process');
}

test('of two votes in one batch the later one counts, though of the earlier one only the second copy is left', async () => {
  const disk = newDisk();
  const log = await openWithGroup(disk);
  await Promise.all([log.saveVote(1, { term: 2, vote: 4 }), log.saveVote(1, { term: 3, vote: 5 })]);
  crash(disk);
  const places = placesOf(disk, 'vote', { group: 1 });
  expect(places).toHaveLength(6);
  disk.rot(chunkPath(1), places[2] ?? 0, 0);
  expect((await openDisk(disk)).state(1)).toMatchObject({ term: 3, vote: 5 });
});

test('a second torn tail does not make less of what the first one left ambiguous', async () => {
  const disk = newDisk();
  let log = await openWithGroup(disk);
  await log.append(1, entries(1, 1, 'one'));
  await log.append(1, entries(2, 1, 'two', 'three', 'four'));
  crash(disk);
  disk.rot(chunkPath(1), (placesOf(disk, 'entry', { group: 1 })[2] ?? 0) + payloadOffset, 0);
  log = await openDisk(disk);
  expect(log.report.ambiguous).toEqual([{ group: 1, from: 3, to: 4, term: 1 }]);
  await log.append(1, entries(3, 1, 'three again'));
  crash(disk);
  disk.rot(chunkPath(1), (placesOf(disk, 'entry', { group: 1 }).at(-1) ?? 0) + payloadOffset, 0);
  log = await openDisk(disk);
  expect(log.report.ambiguous).toEqual([{ group: 1, from: 3, to: 4, term: 1 }]);
  expect(readAll(log, 1)).toEqual(['1:1:one', '2:1:two']);
});

test('a log with a torn tail opens on a full disk; the tail stays where it is', async () => {
  const disk = newDisk();
  const log = await openWithGroup(disk);
  await log.append(1, entries(1, 1, 'one'));
  await log.append(1, entries(2, 1, 'two'));
  crash(disk);
  const place = placesOf(disk, 'entry', { group: 1 })[1] ?? 0;
  disk.rot(chunkPath(1), place + payloadOffset, 0);
  disk.setCapacityBytes(disk.usedBytes);
  const opened = await openDisk(disk);
  expect(opened.report).toMatchObject({ copiedAside: null, ambiguous: [{ group: 1, from: 2, to: 2, term: 1 }] });
  await opened.saveVote(1, { term: 9, vote: 1 });
  expect(opened.state(1)).toMatchObject({ term: 9, vote: 1 });
});

describe('a checkpoint of which both copies of a state are lost', () => {
  function damaged(): VirtualDisk {
    const disk = makeEveryKind(true);
    for (const place of placesOf(disk, 'state', { group: 2, sequence: 3 }))
      disk.rot(chunkPath(3), place + payloadOffset + 8, 1);
    return disk;
  }
  const opened = (disk: VirtualDisk, mode: 'tolerate-tail' | 'salvage'): ReturnType<typeof recover> =>
    recover({ files: disk.files, directory, mode, isReadOnly: true });

  test('is passed over for an older one, and nothing is missing', () => {
    const whole = opened(makeEveryKind(true), 'tolerate-tail');
    const found = opened(damaged(), 'tolerate-tail');
    expect(tellGroups(found?.groups ?? new Map())).toEqual(tellGroups(whole?.groups ?? new Map()));
    expect(found?.report.damages.map(({ standing }) => standing)).toContain('damaged');
  });

  test('without an older one is refused, and after a salvage no vote of it is trusted', () => {
    const disk = damaged();
    for (const sequence of [1, 2]) disk.files.unlink(chunkPath(sequence));
    expect(() => opened(disk, 'tolerate-tail')).toThrow('no chunk has a whole checkpoint');
    const groups = opened(disk, 'salvage')?.groups;
    expect(groups?.get(1)?.durable.isVoteLost).toBe(true);
  });
});

describe('a chunk that is not what it should be is refused:', () => {
  function rewrite(disk: VirtualDisk, sequence: number, change: Partial<FileHeader>): void {
    const chunk = listLog(disk.files, directory).chunks.find((each) => each.sequence === sequence);
    if (chunk?.reading === undefined || chunk.reading === null) throw new Error(`there is no chunk ${sequence}`);
    disk.files.open(chunk.path, 'write').pwrite(encodeFileHeader({ ...chunk.reading.header, ...change }), 0);
  }

  test.each<[string, number, Partial<FileHeader>, string]>([
    ['of another log', 3, { logId: new Uint8Array(8) }, 'it belongs to another log'],
    ['after another chunk', 2, { previousSalt: new Uint8Array(8) }, 'chunk 1 is not the one that it followed'],
    ['of another number', 2, { sequence: 9 }, 'it says to be chunk 9'],
  ])('%s', async (_what, sequence, change, reason) => {
    const disk = makeEveryKind(true);
    rewrite(disk, sequence, change);
    await expect(openDisk(disk)).rejects.toThrow(reason);
  });
});

test('a footer that rots is not used: the chunk is scanned, and every entry is found', async () => {
  const disk = newDisk();
  const log = await openWithGroup(disk);
  for (let index = 1; log.stat().chunks < 3; index++) await log.append(1, entries(index, 1, `${index}`.padEnd(700)));
  const told = readAll(log, 1);
  await log.close();
  const [footer] = placesOf(disk, 'footer', { group: 1 });
  // The place of the chunk's first entry, behind the counts and one run of terms.
  disk.rot(chunkPath(1), (footer ?? 0) + payloadOffset + 32, 3);
  const opened = await openDisk(disk);
  expect(readAll(opened, 1)).toEqual(told);
  expect(opened.report.damages.map(({ standing }) => standing)).toEqual(['damaged']);
});

test('a purge that is not durable yet takes nothing from readers', async () => {
  const disk = newDisk();
  const log = await openDisk(disk, { limits: { ...smallLimits, cacheBytes: 0 } });
  await log.createGroup(1);
  await log.saveVote(1, { term: 1, vote: 3 });
  await log.append(1, entries(1, 1, 'a', 'b', 'c'));
  await log.commit(1, 3);
  const purge = log.purge(1, 2);
  expect(readAll(log, 1)).toEqual(['1:1:a', '2:1:b', '3:1:c']);
  await purge;
  expect(readAll(log, 1)).toEqual(['3:1:c']);
});

test('files of which a write failed once are not touched again', () => {
  const disk = newDisk();
  disk.files.mkdir(directory);
  const path = `${directory}/file`;
  disk.files.open(path, 'create').close();
  const files = new LogDisk(disk.files, new VirtualTime({ seed: 1 }).node('log').clock);
  files.run({ kind: 'resume', path, sizeBytes: 0 });
  const write = { kind: 'write', bytes: new Uint8Array(8), position: 0 } as const;
  disk.failNext({ operation: 'fdatasync', errno: 'EIO', pathPart: 'file' });
  expect(() => files.run(write)).toThrow(expect.objectContaining({ code: 'IO_ERROR' }));
  const { calls } = disk;
  expect(() => files.run(write)).toThrow('the log is written to after an error');
  expect(disk.calls).toBe(calls);
});
