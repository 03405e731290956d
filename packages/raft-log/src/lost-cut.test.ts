// A batch that cut entries away and wrote others in their place, and of which records are lost: what was there before must never
// pass for what took its place, and what followed must not follow that.
import { describe, expect, test } from '@jest/globals';
import type { VirtualDisk } from '@holdfast/base/internal';
import { listLog, readChunk } from './chunk-files.ts';
import { scanChunk, type FoundRecord } from './chunk-scan.ts';
import { directory, entries, newDisk, openDisk, readAll } from './testing.ts';

const chunkPath = `${directory}/0000000000000001.chunk`;

function recordsOf(disk: VirtualDisk): FoundRecord[] {
  const [chunk] = listLog(disk.files, directory).chunks;
  if (chunk?.reading === undefined || chunk.reading === null) throw new Error('the log has no chunk');
  return [...scanChunk(readChunk(disk.files, chunk.path, chunk.reading.header), { isFollowed: false })].flatMap(
    ({ records }) => records,
  );
}

/** Five entries of term 1, of which the batch that matters cuts 4 and 5 away; it writes `texts` in their place, of term 2. */
async function makeLog({ texts, isFollowed }: { texts: string[]; isFollowed: boolean }): Promise<VirtualDisk> {
  const disk = newDisk();
  const log = await openDisk(disk);
  await log.createGroup(1);
  await log.saveVote(1, { term: 2, vote: 3 });
  await log.append(1, entries(1, 1, 'one', 'two', 'three', 'four', 'five'));
  await log.commit(1, 3);
  // What is asked for while the log writes goes into one batch.
  const busy = log.commit(1, 3);
  await Promise.all([busy, log.truncate(1, 3), log.append(1, entries(4, 2, ...texts)), log.commit(1, 4)]);
  if (isFollowed) {
    await log.saveVote(1, { term: 3, vote: null });
    await log.saveVote(1, { term: 4, vote: null });
  }
  disk.halt();
  disk.restart('process');
  return disk;
}

function lose(disk: VirtualDisk, isLost: (record: FoundRecord) => boolean): void {
  const lost = recordsOf(disk).filter(isLost);
  for (const { position } of lost) disk.rot(chunkPath, position, 0);
}

const isCut = ({ header }: FoundRecord): boolean => header.kind === 'truncate';
const isNew =
  (...indexes: number[]) =>
  ({ header }: FoundRecord): boolean =>
    header.kind === 'entry' && header.term === 2 && indexes.includes(header.index);
const old = ['1:1:one', '2:1:two', '3:1:three', '4:1:four', '5:1:five'];

describe('in the last batch', () => {
  test('an entry that is left does not follow entries whose place was taken', async () => {
    const disk = await makeLog({ texts: ['4', '5', '6'], isFollowed: false });
    lose(disk, (record) => isCut(record) || isNew(4, 5)(record));
    const log = await openDisk(disk);
    expect(readAll(log, 1)).toEqual(old);
    expect(log.report.ambiguous).toEqual([{ group: 1, from: 4, to: 6, term: 2 }]);
    expect(log.state(1)).toMatchObject({ commit: 3 });
  });

  test('entries of the same number in the place of others are missed', async () => {
    const disk = await makeLog({ texts: ['4', '5'], isFollowed: false });
    lose(disk, (record) => isCut(record) || isNew(4, 5)(record));
    const log = await openDisk(disk);
    expect(readAll(log, 1)).toEqual(old);
    expect(log.report.ambiguous).toEqual([{ group: 1, from: 4, to: 5, term: 2 }]);
  });

  test('a payload that is lost is known for what it was: what went before it counts, and its group ends there', async () => {
    const disk = await makeLog({ texts: ['4', '5', '6'], isFollowed: false });
    const [fifth] = recordsOf(disk).filter(isNew(5));
    disk.rot(chunkPath, (fifth?.position ?? 0) + 32, 0);
    const log = await openDisk(disk);
    expect(readAll(log, 1)).toEqual([...old.slice(0, 3), '4:2:4']);
    expect(log.report.ambiguous).toEqual([{ group: 1, from: 5, to: 6, term: 2 }]);
    expect(log.state(1)).toMatchObject({ commit: 3 });
  });
});

describe('in a batch that was durable', () => {
  test.each([
    { left: 'an entry behind them', texts: ['4', '5', '6'], read: ['4:faulty', '5:faulty', '6:2:6'] },
    { left: 'nothing behind them', texts: ['4', '5'], read: ['4:faulty', '5:faulty'] },
  ])('the slots of lost entries are faulty, whatever was there before, with $left', async ({ texts, read }) => {
    const disk = await makeLog({ texts, isFollowed: true });
    lose(disk, (record) => isCut(record) || isNew(4, 5)(record));
    const log = await openDisk(disk);
    expect(log.report.faulty).toEqual([{ group: 1, from: 4, to: 5 }]);
    expect(readAll(log, 1)).toEqual([...old.slice(0, 3), ...read]);
    expect(log.state(1)).toMatchObject({ lastIndex: 3 + texts.length, lastTerm: 2 });
  });

  test.each([
    { left: 'nothing of it', isLost: () => true },
    // It speaks of what took their place.
    { left: 'its commit', isLost: ({ header }: FoundRecord) => header.kind !== 'commit' },
  ])(
    'without a table nothing that was not committed before is believed any more, with $left left',
    async ({ isLost }) => {
      const disk = await makeLog({ texts: ['4', '5', '6'], isFollowed: true });
      const all = recordsOf(disk);
      const from = all.findIndex(isCut);
      const tables = all.flatMap(({ header }, at) => (header.kind === 'table' && at > from ? [at] : []));
      // The batch and the one behind it, which repeats its table.
      for (const record of all.slice(from, (tables[1] ?? 0) + 1))
        if (isLost(record)) disk.rot(chunkPath, record.position, 0);
      const log = await openDisk(disk);
      expect(readAll(log, 1)).toEqual([...old.slice(0, 3), '4:faulty', '5:faulty', '6:faulty']);
      expect(log.report.ambiguous).toMatchObject([{ group: 1, to: null, term: null }]);
    },
  );
});
