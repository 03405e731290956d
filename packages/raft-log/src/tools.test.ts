// What the tools see of a directory, beside what `holdfast log` makes of it in its own tests.
import { expect, test } from '@jest/globals';
import type { VirtualDisk } from '@holdfast/base/internal';
import { inspectLog, type SeenChunk } from './inspect.ts';
import { directory, entries, newDisk, openDisk } from './testing.ts';
import { logFacts, predictOpen, repairHeaders } from './tools.ts';

const chunkPath = (sequence: number): string => `${directory}/000000000000000${sequence}.chunk`;

async function makeDisk(): Promise<VirtualDisk> {
  const disk = newDisk();
  const log = await openDisk(disk);
  await log.createGroup(1);
  await log.saveVote(1, { term: 1, vote: 3 });
  for (let index = 1; log.stat().chunks < 3; index++) await log.append(1, entries(index, 1, 'x'.repeat(700)));
  await log.close();
  return disk;
}

function see(disk: VirtualDisk): SeenChunk[] {
  return [...inspectLog(disk.files, directory)];
}

function damagesOf(chunks: readonly SeenChunk[]): string[] {
  return chunks.flatMap(({ sequence, damages, batches }) => {
    const inBatches = [...batches].flatMap((batch) =>
      batch.damages.map(({ reason }) => `${batch.standing}: ${reason}`),
    );
    return [...damages.map(({ reason }) => reason), ...inBatches].map((text) => `${sequence}: ${text}`);
  });
}

test('of a sound log every chunk is seen, sealed but for the newest, without damage', async () => {
  const chunks = see(await makeDisk());
  expect(chunks.map(({ sequence, isSealed }) => [sequence, isSealed])).toEqual([
    [1, true],
    [2, true],
    [3, false],
  ]);
  expect(damagesOf(chunks)).toEqual([]);
});

test('damage is seen where it is, and only a chunk without one behind it may end torn', async () => {
  const disk = await makeDisk();
  const trailer = (disk.files.stat(chunkPath(1))?.sizeBytes ?? 0) - 512;
  disk.rot(chunkPath(1), trailer, 0);
  disk.rot(chunkPath(2), 20, 0);
  const batches = see(disk).map((chunk) => [...chunk.batches]);
  for (const at of [1, 2]) disk.rot(chunkPath(at + 1), (batches[at]?.at(-1)?.position ?? 0) + 40, 0);
  expect(damagesOf(see(disk))).toEqual([
    '1: the trailer does not verify',
    "2: copy 1 of the file's header does not verify",
    '2: damaged: the payload of a batch record does not verify',
    '2: damaged: no record verifies here',
    '3: tail: the payload of a batch record does not verify',
    '3: tail: no record verifies here',
  ]);
  // An open looks at sealed chunks by their footers.
  expect(predictOpen(disk.files, directory, { isInUse: false }).damages).toHaveLength(3);
});

test('a sealed chunk without the next one is told, and of a chunk without a header that nothing can be read', async () => {
  const disk = await makeDisk();
  disk.files.unlink(chunkPath(3));
  for (const position of [20, 512 + 20]) disk.rot(chunkPath(1), position, 0);
  expect(damagesOf(see(disk))).toEqual([
    '1: neither copy of its header verifies',
    '2: it is sealed, and chunk 3 is not there',
  ]);
  expect(() => predictOpen(disk.files, directory, { mode: 'tolerate-tail', isInUse: false })).toThrow(
    expect.objectContaining({ code: 'RAFT_LOG_CORRUPT' }),
  );
});

test('headers are repaired when nobody has the log', async () => {
  const disk = await makeDisk();
  disk.rot(chunkPath(2), 512 + 20, 0);
  const log = await openDisk(disk);
  expect(() => repairHeaders(disk.files, directory)).toThrow(expect.objectContaining({ code: 'FILE_LOCKED' }));
  await log.close();
  expect(repairHeaders(disk.files, directory)).toBe(1);
  expect(repairHeaders(disk.files, directory)).toBe(0);
  expect(damagesOf(see(disk))).toEqual([]);
});

test('the facts of a log tell what its replica must know', async () => {
  const disk = await makeDisk();
  const { groups, ...facts } = logFacts(disk.files, directory, { isInUse: false });
  expect(facts).toMatchObject({ chunks: 3, firstSequence: 1, lastSequence: 3, isClean: true, damages: 0 });
  expect(groups).toMatchObject([{ group: 1, term: 1, vote: 3, commit: 0, firstIndex: 1, faultySlots: 0, remark: '' }]);
  const last = see(disk)
    .flatMap((chunk) => [...chunk.batches])
    .at(-1);
  for (let at = last?.position ?? 0; at < (last?.endPosition ?? 0); at += 16) disk.rot(chunkPath(3), at, 0);
  const [group] = logFacts(disk.files, directory, { isInUse: false }).groups;
  expect(group?.remark).toBe(`ambiguous from ${(group?.lastIndex ?? 0) + 1}`);
});
