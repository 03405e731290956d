import { expect, test } from '@jest/globals';
import { VirtualTime, type VirtualDisk } from '@holdfast/base/internal';
import type { RaftLog, RaftLogOptions } from './raft-log.ts';
import { directory, entries, newDisk, openDisk, readAll } from './testing.ts';

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
