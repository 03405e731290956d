// What a disk gives back that was written once, but not here or not in this life of the file: none of it passes.
import { expect, test } from '@jest/globals';
import { VirtualDisk } from '@holdfast/base/internal';
import { batchHeadBytes, decodeBatchHead, encodeHeadPayload, headPayloadBytes } from './batch-head.ts';
import { BatchBuilder } from './batch-builder.ts';
import { checksum, fileSeed, headerStart } from './checksum.ts';
import { listLog, readChunk } from './chunk-files.ts';
import { scanChunk, type ChunkBytes } from './chunk-scan.ts';
import { EntryCache } from './entry-cache.ts';
import { EntryReader } from './entry-reader.ts';
import { encodeFileHeader, firstBatchPosition, readFileHeader, type FileHeader } from './file-header.ts';
import { recordBytes, recordHeaderBytes, recordKinds, viewOf } from './format.ts';
import { Group } from './group.ts';
import { decodeRecordHeader, encodeRecordHeader } from './record-header.ts';
import { isSoundChunk } from './sound-chunk.ts';
import { directory, entries, SyncLog } from './testing.ts';

const chunkPath = `${directory}/0000000000000001.chunk`;
const blockBytes = 512;

/** One batch with eight entries of one block each, and one behind it. */
function makeDisk(salts: string, letter: string): { disk: VirtualDisk; log: SyncLog } {
  const disk = new VirtualDisk({ seed: 1 });
  const log = new SyncLog(disk.files, salts);
  log.do({ kind: 'create', group: new Group(1) });
  log.do({ kind: 'vote', group: log.group(1), term: 1, vote: null });
  const payloads = Array.from({ length: 7 }, () => letter.repeat(blockBytes - recordHeaderBytes));
  log.do({ kind: 'append', group: log.group(1), entries: entries(1, 1, ...payloads) });
  log.do({ kind: 'append', group: log.group(1), entries: entries(8, 1, letter) });
  return { disk, log };
}

function chunkOf(disk: VirtualDisk): ChunkBytes {
  const [chunk] = listLog(disk.files, directory).chunks;
  if (chunk?.reading === undefined || chunk.reading === null) throw new Error('the log has no chunk');
  return readChunk(disk.files, chunk.path, chunk.reading.header);
}

function foundIn(chunk: ChunkBytes): string[] {
  return [...scanChunk(chunk, { isFollowed: true })]
    .flatMap(({ records }) => records)
    .filter(({ header, payload }) => header.kind === 'entry' && payload !== null)
    .map(({ header, payload }) => `${header.index}${String.fromCharCode(payload?.[0] ?? 0)}`);
}

const whole = ['1n', '2n', '3n', '4n', '5n', '6n', '7n', '8n'];

test("blocks that an earlier life of the file left in the middle of a batch are not this life's entries", () => {
  const old = chunkOf(makeDisk('an earlier life', 'o').disk).bytes;
  const { header, bytes, unreadable } = chunkOf(makeDisk('this life', 'n').disk);
  expect(foundIn({ header, bytes, unreadable })).toEqual(whole);
  for (let from = firstBatchPosition(blockBytes); from < bytes.length; from += blockBytes) {
    const mixed = new Uint8Array(bytes);
    mixed.set(old.subarray(from, from + 4 * blockBytes), from);
    expect(foundIn({ header, bytes: mixed, unreadable }).filter((text) => !whole.includes(text))).toEqual([]);
  }
});

test('blocks that went to another place of the file are not the entries of that place', () => {
  const { header, bytes, unreadable } = chunkOf(makeDisk('one', 'n').disk);
  for (let shift = 1; shift <= 4; shift++) {
    const moved = new Uint8Array(bytes);
    const first = firstBatchPosition(blockBytes) + 4 * blockBytes;
    moved.set(bytes.subarray(first, first + 3 * blockBytes), first + shift * blockBytes);
    const found = foundIn({ header, bytes: moved, unreadable });
    expect(found.length).toBeLessThan(whole.length);
    expect(new Set(found).size).toBe(found.length);
  }
});

test("a copy of the file's header in the other one's place does not verify", () => {
  const { bytes } = chunkOf(makeDisk('one', 'n').disk);
  expect(readFileHeader(bytes)?.damagedCopies).toEqual([]);
  const moved = new Uint8Array(bytes);
  moved.copyWithin(blockBytes, 0, blockBytes);
  expect(readFileHeader(moved)?.damagedCopies).toEqual([2]);
});

/** A head at `position` of a file with this salt that says to be at `named`. */
function headBytes(salt: Uint8Array, position: number, named: number): Uint8Array {
  const bytes = new Uint8Array(batchHeadBytes);
  const head = { position: named, number: 1, batchBytes: batchHeadBytes, recordCount: 0, previousEnd: position };
  encodeHeadPayload(head, salt, bytes.subarray(recordHeaderBytes));
  const region = { bytes, view: viewOf(bytes), position, seed: fileSeed(salt) };
  const fields = { kind: 'batch', group: 0, index: named, term: 1, flags: 0 } as const;
  encodeRecordHeader(region, 0, fields, headPayloadBytes);
  return bytes;
}

/** Another salt with the same checksum: the polynomial of the checksum itself, added. */
function saltLike(salt: Uint8Array): Uint8Array {
  const other = new Uint8Array(salt);
  const view = viewOf(other);
  view.setBigUint64(0, view.getBigUint64(0, true) ^ (1n | (0xedb88320n << 1n)), true);
  return other;
}

test('a head of another life is told by its salt, even where the checksums of both salts are one', () => {
  const salt = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  const other = saltLike(salt);
  expect(fileSeed(other)).toBe(fileSeed(salt));
  const bytes = headBytes(salt, 4096, 4096);
  const region = { bytes, view: viewOf(bytes), position: 4096, seed: fileSeed(salt) };
  expect(decodeBatchHead(region, 0, salt)).not.toBeNull();
  expect(decodeBatchHead(region, 0, other)).toBeNull();
});

test('a head that names another place than its own is none', () => {
  const salt = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  const bytes = headBytes(salt, 4096, 8192);
  const region = { bytes, view: viewOf(bytes), position: 4096, seed: fileSeed(salt) };
  expect(decodeBatchHead(region, 0, salt)).toBeNull();
});

test('a head of a batch that does not end within its chunk is none', () => {
  const salt = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  const bytes = headBytes(salt, 4096, 4096);
  const whole = { bytes, view: viewOf(bytes), position: 4096, seed: fileSeed(salt) };
  expect(decodeBatchHead(whole, 0, salt)).not.toBeNull();
  const longer = new Uint8Array(bytes);
  const head = { position: 4096, number: 1, batchBytes: batchHeadBytes + 8, recordCount: 1, previousEnd: 4096 };
  encodeHeadPayload(head, salt, longer.subarray(recordHeaderBytes));
  const region = { ...whole, bytes: longer, view: viewOf(longer) };
  encodeRecordHeader(region, 0, { kind: 'batch', group: 0, index: 4096, term: 1, flags: 0 }, headPayloadBytes);
  expect(decodeBatchHead(region, 0, salt)).toBeNull();
});

test.each([
  ['kind', 99, 0],
  ['flag', recordKinds.entry, 8],
])('a record of a %s that nobody knows is none, though its checksums are right', (_what, kind, flags) => {
  const bytes = new Uint8Array(recordBytes(8));
  const region = { bytes, view: viewOf(bytes), position: 4096, seed: 7 };
  const fields = { kind: 'entry', group: 1, index: 1, term: 1 } as const;
  encodeRecordHeader(region, 0, { ...fields, flags: 0 }, 8);
  expect(decodeRecordHeader(region, 0, bytes.length)).not.toBeNull();
  bytes[0] = kind;
  bytes[1] = flags;
  const headerEnd = recordHeaderBytes - 4;
  region.view.setUint32(headerEnd, checksum(bytes, 0, headerEnd, headerStart(7, 4096)), true);
  expect(decodeRecordHeader(region, 0, bytes.length)).toBeNull();
});

test('a head of whose payload one bit is flipped is none', () => {
  const salt = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  for (let bit = 0; bit < headPayloadBytes * 8; bit++) {
    const bytes = headBytes(salt, 4096, 4096);
    const at = recordHeaderBytes + Math.floor(bit / 8);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit % 8));
    const region = { bytes, view: viewOf(bytes), position: 4096, seed: fileSeed(salt) };
    expect(decodeBatchHead(region, 0, salt)).toBeNull();
  }
});

function chunkWith(batch: (builder: BatchBuilder) => Uint8Array): ChunkBytes {
  const salt = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  const chunkBytes = 16 * blockBytes;
  const nothing = new Uint8Array(8);
  const header: FileHeader = {
    ...{ version: 1, sequence: 1, salt, logId: nothing, previousSalt: nothing, chunkBytes, blockBytes },
  };
  const position = firstBatchPosition(blockBytes);
  const builder = new BatchBuilder(new Uint8Array(chunkBytes));
  builder.begin({
    position,
    number: 1,
    previousEnd: position,
    seed: fileSeed(salt),
    salt,
    blockBytes,
    previousRows: [],
  });
  const bytes = new Uint8Array(chunkBytes);
  bytes.set(encodeFileHeader(header));
  bytes.set(batch(builder), position);
  return { header, bytes, unreadable: [] };
}

/** Of a chunk with one batch, which its trailer would call its footer. */
function isSound({ header, bytes }: ChunkBytes): boolean {
  const file = new VirtualDisk({ seed: 1 }).files.open('/chunk', 'create');
  file.pwrite(bytes, 0);
  const position = firstBatchPosition(blockBytes);
  const trailer = { position, lengthBytes: blockBytes, nextSalt: header.salt };
  return isSoundChunk({ file, header, trailer, onRead: () => undefined });
}

test('a batch with another number of records than its head says is not sound, though every record verifies', () => {
  const entry = (index: number, lengthBytes: number): Parameters<BatchBuilder['add']>[0] => ({
    ...({ kind: 'entry', group: 1, index, term: 1, flags: 0 } as const),
    payload: new Uint8Array(lengthBytes),
  });
  const two = chunkWith((builder) => {
    builder.add(entry(1, 8));
    builder.add(entry(2, 8));
    return builder.finish([], 0);
  });
  const one = chunkWith((builder) => {
    builder.add(entry(1, recordBytes(8) + 8));
    return builder.finish([], 0);
  });
  const standings = (chunk: ChunkBytes): string[] =>
    [...scanChunk(chunk, { isFollowed: true })].map(({ standing }) => standing);
  expect(standings(two)).toEqual(['sound']);
  const record = firstBatchPosition(blockBytes) + batchHeadBytes;
  expect(isSound(two)).toBe(true);
  two.bytes.set(one.bytes.subarray(record, record + 2 * recordBytes(8)), record);
  expect(standings(two)).toEqual(['damaged']);
  expect(isSound(two)).toBe(false);
});

test('a reader that is led to another entry than it was asked for gives none', () => {
  const { disk, log } = makeDisk('one', 'n');
  const reader = new EntryReader(disk.files, new EntryCache(0));
  const group = log.group(1);
  const place = group.index.locate(3);
  if (place === null) throw new Error('entry 3 lies nowhere');
  group.index.repair(place.chunk, 2, place.position);
  const read = (from: number): number[] =>
    reader.read({ group, from, to: 7, budgetBytes: 10_000 }).map(({ index }) => index);
  expect(read(1)).toEqual([1]);
  expect(() => read(2)).toThrow(expect.objectContaining({ code: 'RAFT_LOG_ENTRY_FAULTY' }));
  expect(read(3)).toEqual([3, 4, 5, 6, 7]);
  expect(chunkPath).toBe(place.chunk.path);
});
