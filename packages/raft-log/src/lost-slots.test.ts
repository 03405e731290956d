// Slots that hold something else than they should, because what took its place is lost: they stay lost when the chunk is sealed that
// lost it, when it is read as a sealed one, and until a peer's entry or another one of the log stands there.
import { expect, test } from '@jest/globals';
import type { VirtualDisk } from '@holdfast/base/internal';
import { listLog, readChunk } from './chunk-files.ts';
import { scanChunk, type FoundBatch, type FoundRecord } from './chunk-scan.ts';
import { Group } from './group.ts';
import { emptyState } from './group-state.ts';
import { linkEntries } from './link-entries.ts';
import { directory, entries, newDisk, readAllOf, smallLimits, SyncLog } from './testing.ts';

const path = `${directory}/0000000000000002.chunk`;
const trailerAt = (smallLimits.chunkBytes ?? 0) - (smallLimits.blockBytes ?? 0);

/** In chunk 1 two entries of term 1 in group 1; chunk 2 has another one of term 2 in the place of the second, and something behind it. */
function makeLog(): { disk: VirtualDisk; log: SyncLog } {
  const disk = newDisk();
  const log = new SyncLog(disk.files, 'made');
  for (const id of [1, 2]) log.do({ kind: 'create', group: new Group(id) });
  for (const id of [1, 2]) log.do({ kind: 'vote', group: log.group(id), term: 1, vote: null });
  log.do({ kind: 'append', group: log.group(1), entries: entries(1, 1, 'one', 'two') });
  log.do({ kind: 'commit', group: log.group(1), index: 1 });
  fillUpTo(log, 2);
  log.do({ kind: 'vote', group: log.group(1), term: 2, vote: null });
  log.do(
    { kind: 'truncate', group: log.group(1), index: 1 },
    { kind: 'append', group: log.group(1), entries: entries(2, 2, 'another') },
  );
  log.do({ kind: 'commit', group: log.group(1), index: 2 });
  return { disk, log };
}

/** Entries of group 2 until the chunk of this number is active. */
function fillUpTo(log: SyncLog, sequence: number): void {
  while ((log.core.chunks.at(-1)?.header.sequence ?? 0) < sequence) {
    const { lastIndex, term } = log.group(2).staged;
    log.do({ kind: 'append', group: log.group(2), entries: entries(lastIndex + 1, term, 'x'.repeat(2500)) });
  }
}

function batchesOf(disk: VirtualDisk): FoundBatch[] {
  const chunk = listLog(disk.files, directory).chunks.find(({ sequence }) => sequence === 2);
  if (chunk?.reading === undefined || chunk.reading === null) throw new Error('the log has no chunk 2');
  return [...scanChunk(readChunk(disk.files, path, chunk.reading.header), { isFollowed: true })];
}

function lose(disk: VirtualDisk, isLost: (record: FoundRecord) => boolean): void {
  const lost = batchesOf(disk)
    .flatMap(({ records }) => records)
    .filter(isLost);
  expect(lost).not.toEqual([]);
  for (const { position } of lost) disk.rot(path, position, 0);
}

/** The batch, and everything behind it. */
function loseFrom(disk: VirtualDisk, batch: FoundBatch | undefined): void {
  const end = batchesOf(disk).at(-1)?.endPosition ?? 0;
  for (let at = batch?.position ?? end; at < end; at += 16) disk.rot(path, at, 0);
  disk.rot(path, trailerAt, 0);
}

function reopen(disk: VirtualDisk): { log: SyncLog; told: string[] } {
  const log = new SyncLog(disk.files, `opened after ${disk.calls}`);
  return { log, told: readAllOf(disk.files, new Map([[1, log.group(1)]])) };
}

const isSuccessor = ({ header }: FoundRecord): boolean => header.kind === 'entry' && header.group === 1;
const isState = ({ header }: FoundRecord): boolean => header.kind === 'state';

test('a slot whose entry is lost is lost also when the chunk was sealed since, until a peer fills it', () => {
  const { disk } = makeLog();
  lose(disk, isSuccessor);
  const found = reopen(disk);
  expect(found.told).toEqual(['1/1=one', '1/2=faulty']);
  fillUpTo(found.log, 3);
  const { log, told } = reopen(disk);
  expect(told).toEqual(['1/1=one', '1/2=faulty']);
  log.do({ kind: 'repair', group: log.group(1), entry: { index: 2, term: 2, payload: Buffer.from('of a peer') } });
  fillUpTo(log, 4);
  const filled = reopen(disk);
  expect(filled.told).toEqual(['1/1=one', '1/2=of a peer']);
  expect(filled.log.group(1).faulty.ranges).toEqual([]);
});

test('a slot is lost whose entry a recovery kept of a torn batch, where it rots when all was settled', () => {
  const { disk, log: made } = makeLog();
  const group = made.group(1);
  made.do({ kind: 'append', group, entries: entries(3, 2, 'three', 'four') });
  const [three, four] = [3, 4].map((index) => group.index.locate(index)?.position ?? 0);
  disk.rot(path, four ?? 0, 0);
  const { log, told } = reopen(disk);
  expect(told).toEqual(['1/1=one', '1/2=another', '1/3=three']);
  log.do({ kind: 'vote', group: log.group(1), term: 3, vote: null });
  log.do({ kind: 'settle', group: log.group(1) });
  disk.rot(path, three ?? 0, 0);
  expect(reopen(disk).told).toEqual(['1/1=one', '1/2=another', '1/3=faulty']);
});

test('a slot whose entry is lost from a sealed chunk is lost, though an older chunk holds what stood there before', () => {
  const { disk, log } = makeLog();
  fillUpTo(log, 3);
  lose(disk, isSuccessor);
  disk.rot(path, trailerAt, 0);
  const found = reopen(disk);
  expect(found.told).toEqual(['1/1=one', '1/2=faulty']);
  const group = found.log.group(1);
  found.log.do({ kind: 'repair', group, entry: { index: 2, term: 2, payload: Buffer.from('of a peer') } });
  expect(reopen(disk).told).toEqual(['1/1=one', '1/2=of a peer']);
});

test('the same where the chunk does not say any more what stood before it', () => {
  const { disk, log } = makeLog();
  fillUpTo(log, 3);
  lose(disk, (record) => isSuccessor(record) || isState(record));
  disk.rot(path, trailerAt, 0);
  expect(reopen(disk).told).toEqual(['1/1=one', '1/2=faulty']);
});

test('a sealed chunk whose end was given up, or held only its footer, lost nothing with it', () => {
  const { disk, log } = makeLog();
  log.do({ kind: 'append', group: log.group(1), entries: entries(3, 2, 'behind the commit') });
  fillUpTo(log, 3);
  const kept = reopen(disk).told;
  loseFrom(disk, batchesOf(disk).at(-1));
  expect(reopen(disk).told).toEqual(kept);
});

test('a slot is lost whose entry was lost with all that stood behind it in its chunk', () => {
  const { disk, log } = makeLog();
  log.do({ kind: 'append', group: log.group(1), entries: entries(3, 2, 'behind it') });
  fillUpTo(log, 3);
  loseFrom(
    disk,
    batchesOf(disk).find(({ records }) => records.some(isSuccessor)),
  );
  expect(reopen(disk).told).toEqual(['1/1=one', '1/2=faulty', '1/3=faulty']);
});

test('where a chunk has places without terms, the terms are unknown', () => {
  const [chunk] = makeLog().log.core.chunks;
  if (chunk === undefined) throw new Error('the log has no chunk');
  const group = new Group(1, { ...emptyState, lastIndex: 2, lastTerm: 3 });
  const block = { group: 1, firstIndex: 1, isRepair: false, places: Uint32Array.of(8, 16), starts: [2], terms: [3] };
  linkEntries(new Map([[1, group]]), [{ chunk, blocks: [block], lost: [] }]);
  expect([1, 2].map((index) => group.index.terms.at(index))).toEqual([0, 3]);
});

test('a lost slot is not read, also where the last term that the group had stands at its place', () => {
  const [chunk] = makeLog().log.core.chunks;
  if (chunk === undefined) throw new Error('the log has no chunk');
  const group = new Group(1, { ...emptyState, lastIndex: 2, lastTerm: 3 });
  const block = { group: 1, firstIndex: 1, isRepair: false, places: Uint32Array.of(8, 16), starts: [1], terms: [3] };
  linkEntries(new Map([[1, group]]), [{ chunk, blocks: [block], lost: [{ group: 1, from: 2, to: 2 }] }]);
  expect([1, 2].map((index) => group.index.terms.at(index))).toEqual([3, 0]);
  expect(group.faulty.ranges).toEqual([{ from: 2, to: 2 }]);
});
