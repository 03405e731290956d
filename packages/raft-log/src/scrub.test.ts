import { expect, test } from '@jest/globals';
import { kib, mib } from '@holdfast/base';
import { VirtualTime, type VirtualDisk } from '@holdfast/base/internal';
import { listLog, readChunk, readTrailer } from './chunk-files.ts';
import { scanChunk } from './chunk-scan.ts';
import type { FileHeader } from './file-header.ts';
import { alignBlock } from './format.ts';
import type { RaftLog, RaftLogOptions } from './raft-log.ts';
import { scrubChunk } from './scrub.ts';
import { directory, entries, makeEveryKind, newDisk, openDisk, readAll } from './testing.ts';

const chunkPath = (sequence: number): string => `${directory}/000000000000000${sequence}.chunk`;

async function openWithChunks(
  disk: VirtualDisk,
  chunks: number,
  options: Partial<RaftLogOptions> = {},
): Promise<RaftLog> {
  const log = await openDisk(disk, options);
  await log.createGroup(1);
  await log.saveVote(1, { term: 1, vote: null });
  for (let index = 1; log.stat().chunks < chunks; index++) await log.append(1, entries(index, 1, 'x'.repeat(700)));
  return log;
}

test('scrubbing goes round the sealed chunks and finds nothing in sound ones', async () => {
  const log = await openWithChunks(newDisk(), 3);
  for (let round = 0; round < 4; round++) await log.scrubNext();
  expect(log.stat()).toMatchObject({ scrubbedChunks: 4, scrubDamages: 0, scrubFailure: null, faultySlots: 0 });
});

test('rot that nobody has read yet is found, its slot becomes faulty, and a repair makes it whole', async () => {
  const disk = newDisk();
  const log = await openWithChunks(disk, 3);
  const whole = readAll(log, 1);
  disk.rot(chunkPath(1), 6000, 4);
  await log.scrubNext();
  const [slot] = log.state(1)?.faulty ?? [];
  expect(log.stat()).toMatchObject({ scrubDamages: 1, faultySlots: 1 });
  const index = slot?.from ?? 0;
  await log.repair(1, { index, term: 1, payload: Buffer.from('x'.repeat(700)) });
  expect(readAll(log, 1)).toEqual(whole);
  expect(log.stat().faultySlots).toBe(0);
});

test('a trailer that rots is found, and a chunk that is gone is told and ends nothing', async () => {
  const disk = newDisk();
  const log = await openWithChunks(disk, 3);
  disk.rot(chunkPath(1), 16 * 1024 - 512, 0);
  await log.scrubNext();
  expect(log.stat().scrubDamages).toBe(1);
  disk.files.unlink(chunkPath(2));
  await log.scrubNext();
  expect(log.stat().scrubFailure).toContain('it is not there');
  await log.append(1, entries((log.state(1)?.lastIndex ?? 0) + 1, 1, 'goes on'));
});

test('a log that was just made is not read again faster than one that was opened', async () => {
  const time = new VirtualTime({ seed: 1 });
  const { timers } = time.node('log');
  const log = await openWithChunks(newDisk(), 3, { timers, scrubBytesPerSecond: 16 * 1024 });
  await time.runFor(10_500);
  expect(log.stat().scrubbedChunks).toBe(10);
  await log.close();
});

function headerOf({ files }: VirtualDisk, path: string): FileHeader {
  const header = listLog(files, directory).chunks.find((chunk) => chunk.path === path)?.reading?.header;
  if (header === undefined) throw new Error(`${path} has no header`);
  return header;
}

/** What a scrub tells, and how many bytes it read for that. */
function scrub(disk: VirtualDisk, path: string, header: FileHeader): { places: number[]; readBytes: number } {
  let readBytes = 0;
  const damages = scrubChunk(disk.files, { path, header, bytesPerSecond: 1000 }, (pauseMs) => (readBytes += pauseMs));
  return { places: damages.map(({ position }) => position), readBytes };
}

test('a scrub tells of a flipped bit wherever the decoder of whole chunks does, and reads a sound chunk once', () => {
  const disk = makeEveryKind(true);
  const path = chunkPath(1);
  const header = headerOf(disk, path);
  const trailer = header.chunkBytes - header.blockBytes;
  const decoded = (): number[] =>
    [...scanChunk(readChunk(disk.files, path, header), { isFollowed: true })].flatMap(({ damages }) =>
      damages.map(({ position }) => position),
    );
  expect(decoded()).toEqual([]);
  expect(scrub(disk, path, header).places).toEqual([]);
  let found = 0;
  for (let position = 2 * header.blockBytes; position < trailer; position += 3) {
    disk.rot(path, position, position % 8);
    const expected = decoded();
    expect({ position, places: scrub(disk, path, header).places }).toEqual({ position, places: expected });
    found += expected.length;
    disk.rot(path, position, position % 8);
  }
  expect(found).toBeGreaterThan(500);
  expect(scrub(disk, path, header).readBytes).toBeLessThanOrEqual(header.chunkBytes);
});

test('batches that are longer than what is read at a time are scrubbed as others are', async () => {
  const disk = newDisk();
  const log = await openDisk(disk, { limits: { chunkBytes: 8 * mib, batchBytes: 2 * mib, prepareBytes: mib } });
  await log.createGroup(1);
  await log.saveVote(1, { term: 1, vote: null });
  const lengths = [1900 * kib, 10, 900 * kib, 1100 * kib, 1900 * kib, 500, 1500 * kib, 1900 * kib];
  for (const [at, length] of lengths.entries()) await log.append(1, entries(at + 1, 1, 'x'.repeat(length)));
  expect(log.stat().chunks).toBe(2);
  const path = chunkPath(1);
  const header = headerOf(disk, path);
  expect(scrub(disk, path, header)).toEqual({ places: [], readBytes: expect.any(Number) });
  expect(scrub(disk, path, header).readBytes).toBeLessThan(header.chunkBytes);
  const trailer = readTrailer(disk.files, path, header);
  if (trailer === null) throw new Error(`${path} is not sealed`);
  const behind = alignBlock(trailer.position + trailer.lengthBytes, header.blockBytes);
  disk.rot(path, behind, 0);
  expect(scrub(disk, path, header).places).toEqual([behind]);
  disk.rot(path, 3 * mib, 0);
  expect(scrub(disk, path, header).places).toHaveLength(2);
});
