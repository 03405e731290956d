// Batches that lost their heads, several in a row or behind other damage: nothing counts them any more, so what is left of some must
// not pass for all that there was.
import { expect, test } from '@jest/globals';
import type { VirtualDisk } from '@holdfast/base/internal';
import { listLog, readChunk } from './chunk-files.ts';
import { scanChunk, type FoundBatch } from './chunk-scan.ts';
import type { RaftLog } from './raft-log.ts';
import { directory, entries, newDisk, openDisk } from './testing.ts';

const chunkPath = `${directory}/0000000000000001.chunk`;
const payloadOffset = 32;
const everythingBehind = (from: number) => ({ ambiguity: { from, to: null, term: null } });

/** A group with one entry in its log, in which `rest` has come last. */
async function makeLog(rest: (log: RaftLog) => Promise<void>): Promise<VirtualDisk> {
  const disk = newDisk();
  const log = await openDisk(disk);
  await log.createGroup(1);
  await log.append(1, entries(1, 0, 'one'));
  await rest(log);
  crash(disk);
  return disk;
}

function crash(disk: VirtualDisk): void {
  disk.halt();
  disk.restart('process');
}

function lastBatches(disk: VirtualDisk, count: number): FoundBatch[] {
  const [chunk] = listLog(disk.files, directory).chunks;
  if (chunk?.reading === undefined || chunk.reading === null) throw new Error('the log has no chunk');
  return [...scanChunk(readChunk(disk.files, chunk.path, chunk.reading.header), { isFollowed: false })].slice(-count);
}

function loseHead(disk: VirtualDisk, batch: FoundBatch | undefined): void {
  disk.rot(chunkPath, batch?.position ?? 0, 0);
}

function lose(disk: VirtualDisk, { position, endPosition }: { position: number; endPosition: number }): void {
  for (let at = position; at < endPosition; at += 16) disk.rot(chunkPath, at, 0);
}

test('the second copy of a vote is of no batch whose table stands before something that is lost', async () => {
  const disk = await makeLog(async (log) => {
    await log.saveVote(1, { term: 1, vote: 3 });
    await log.append(1, entries(2, 1, 'two'));
    await log.saveVote(1, { term: 2, vote: 1 });
  });
  const [first, second, third] = lastBatches(disk, 3);
  const copy = third?.records.find(({ header }) => header.isCopy);
  loseHead(disk, first);
  lose(disk, { position: second?.position ?? 0, endPosition: copy?.position ?? 0 });
  expect((await openDisk(disk)).state(1)).toMatchObject({ term: 2, vote: 1, ...everythingBehind(2) });
});

test.each([
  { before: 'an append', first: async (log: RaftLog) => log.append(2, entries(1, 0, 'eins')), from: 2 },
  { before: 'another vote', first: async (log: RaftLog) => log.saveVote(2, { term: 1, vote: 3 }), from: 1 },
])(
  'a vote of which nothing is left behind $before is missed, though what followed it is told to its end',
  async (row) => {
    const disk = await makeLog(async (log) => {
      await log.createGroup(2);
      await row.first(log);
      await log.saveVote(2, { term: 2, vote: 1 });
      await log.append(1, entries(2, 0, 'behind it'));
    });
    const [vote, append] = lastBatches(disk, 2);
    if (vote !== undefined) lose(disk, vote);
    loseHead(disk, append);
    const log = await openDisk(disk);
    expect(log.state(2)).toMatchObject(everythingBehind(row.from));

    // The batch behind the cut says that there was one. Its head may rot as well.
    await log.append(1, entries(2, 0, 'behind the cut'));
    await log.commit(1, 2);
    crash(disk);
    const [behind] = lastBatches(disk, 2);
    loseHead(disk, behind);
    expect((await openDisk(disk)).state(2)).toMatchObject({ isVoteLost: true, ...everythingBehind(row.from) });
  },
);

test('a cut is missed of which only the batch is left that it cut', async () => {
  const disk = await makeLog(async (log) => {
    await log.append(1, entries(2, 0, 'two', 'three'));
  });
  const third = lastBatches(disk, 1)[0]?.records.find(({ header }) => header.index === 3);
  disk.rot(chunkPath, (third?.position ?? 0) + payloadOffset, 0);
  const log = await openDisk(disk);
  expect(log.state(1)?.ambiguity).toEqual({ from: 3, to: 3, term: 0 });
  await log.saveVote(1, { term: 5, vote: 2 });
  await log.commit(1, 2);
  crash(disk);
  const [vote] = lastBatches(disk, 2);
  if (vote !== undefined) lose(disk, vote);
  expect((await openDisk(disk)).state(1)).toMatchObject({ isVoteLost: true, ...everythingBehind(3) });
});

test('what a batch held that lost its head and its table is missed where the next one lost what it repeats', async () => {
  const disk = await makeLog(async (log) => {
    await log.saveVote(1, { term: 1, vote: 3 });
    await log.append(1, entries(2, 1, 'two'));
    await log.append(1, entries(3, 1, 'three'));
    await log.append(1, entries(4, 1, 'four'));
  });
  const [lost, next] = lastBatches(disk, 3);
  if (lost !== undefined) lose(disk, lost);
  const table = next?.records.find(({ header }) => header.kind === 'table');
  disk.rot(chunkPath, table?.position ?? 0, 0);
  expect((await openDisk(disk)).state(1)).toMatchObject({ isVoteLost: true, lastIndex: 4, ...everythingBehind(2) });
});

test('a vote is missed that is lost with its table, where the next batch stands behind a cut and repeats nothing', async () => {
  const disk = await makeLog(async (log) => {
    await log.saveVote(1, { term: 1, vote: 3 });
    await log.append(1, entries(2, 1, 'two'));
  });
  const [vote, append] = lastBatches(disk, 2);
  if (append !== undefined) lose(disk, append);
  const log = await openDisk(disk);
  await log.append(1, entries(2, 1, 'behind the cut'));
  crash(disk);
  for (const { header, position } of vote?.records ?? []) if (header.kind !== 'gap') disk.rot(chunkPath, position, 0);
  expect((await openDisk(disk)).state(1)).toMatchObject({ isVoteLost: true });
});

test('a batch of which a cut left the head alone is missed at each later start, as nothing behind it repeats what it held', async () => {
  const disk = await makeLog(async (log) => {
    await log.createGroup(2);
    await log.append(1, entries(2, 0, 'two'));
  });
  const [append] = lastBatches(disk, 1);
  const [first] = append?.records ?? [];
  lose(disk, { position: first?.position ?? 0, endPosition: append?.endPosition ?? 0 });
  for (let start = 0; start < 3; start++) {
    const log = await openDisk(disk);
    expect(log.state(1)?.ambiguity).toMatchObject({ from: 2 });
    await log.append(2, entries(start + 1, 0, 'behind the cut'));
    crash(disk);
  }
});
