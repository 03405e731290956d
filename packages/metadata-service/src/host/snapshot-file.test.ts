// The file of a snapshot: what was written is read, and whatever else happened to the bytes is noticed.
import { beforeEach, describe, expect, test } from '@jest/globals';
import { OpError, type Files, type LogIndex, type Term } from '@holdfast/base';
import { VirtualDisk } from '@holdfast/base/internal';
import { emptyReplica, toGroupId } from '@holdfast/raft';
import { SnapshotFileReader, SnapshotFileWriter, type SnapshotHead } from './snapshot-file.ts';

const path = '/snapshot';
const mark = { ...emptyReplica().snapshot, id: '1-abc', index: 7 as LogIndex, term: 3 as Term };
const head: SnapshotHead = { cluster: 'test', group: toGroupId(5), mark };
const parts = ['first part', 'second', 'the third one'].map((text) => Buffer.from(text));

let files: Files;

beforeEach(() => {
  ({ files } = new VirtualDisk({ seed: 1 }));
  const writer = new SnapshotFileWriter(files, path, head);
  for (const part of parts) writer.add(part);
  writer.finish();
  writer.close();
});

function content(): Uint8Array {
  const file = files.open(path, 'read');
  const bytes = new Uint8Array(file.sizeBytes());
  file.pread(bytes, 0);
  file.close();
  return bytes;
}

function replace(bytes: Uint8Array): void {
  const file = files.open(path, 'write');
  file.ftruncate(0);
  file.pwrite(bytes, 0);
  file.close();
}

/** The parts, as far as the file is whole. */
function readParts(): { readonly texts: string[]; readonly error: OpError | null } {
  const texts: string[] = [];
  let reader: SnapshotFileReader | null = null;
  try {
    reader = new SnapshotFileReader(files, path);
    for (let part = reader.readPart(); part !== null; part = reader.readPart())
      texts.push(Buffer.from(part).toString());
    return { texts, error: null };
  } catch (error) {
    if (!(error instanceof OpError)) throw error;
    return { texts, error };
  } finally {
    reader?.close();
  }
}

describe('a snapshot', () => {
  test('is read as it was written, in parts and in any portions', () => {
    expect(readParts()).toEqual({ texts: parts.map(String), error: null });
    const reader = new SnapshotFileReader(files, path);
    expect(reader.head).toEqual(head);
    const portions: Uint8Array[] = [];
    for (let bytes = reader.read(4); bytes !== null; bytes = reader.read(4)) portions.push(Uint8Array.from(bytes));
    expect(Math.max(...portions.map(({ length }) => length))).toBe(4);
    expect(Buffer.concat(portions).toString()).toBe(Buffer.concat(parts).toString());
    expect(reader.position).toBe(content().length);
    reader.close();
  });

  test('without any state is one, too', () => {
    const writer = new SnapshotFileWriter(files, path, head);
    writer.finish();
    writer.close();
    expect(readParts()).toEqual({ texts: [], error: null });
  });

  test('is noticed to be damaged whichever bit has turned', () => {
    const bytes = content();
    for (let position = 0; position < bytes.length; position++) {
      const changed = Uint8Array.from(bytes);
      changed[position] = (changed[position] ?? 0) ^ (1 << (position % 8));
      replace(changed);
      const { texts, error } = readParts();
      expect(error?.code).toBe('RAFT_SNAPSHOT_DAMAGED');
      expect(parts.map(String).slice(0, texts.length)).toEqual(texts);
    }
  });

  test('is noticed to be unfinished wherever it ends, and is whole up to there', () => {
    const bytes = content();
    for (let length = 0; length < bytes.length; length++) {
      replace(bytes.subarray(0, length));
      const { texts, error } = readParts();
      expect(error?.code).toBe('RAFT_SNAPSHOT_DAMAGED');
      expect(parts.map(String).slice(0, texts.length)).toEqual(texts);
    }
  });

  test('is noticed to be damaged when two parts of one length change places', () => {
    const writer = new SnapshotFileWriter(files, path, head);
    for (const text of ['aaaa', 'bbbb']) writer.add(Buffer.from(text));
    writer.finish();
    writer.close();
    const bytes = Buffer.from(content());
    const [first, second] = [bytes.indexOf('aaaa') - 8, bytes.indexOf('bbbb') - 8];
    const swapped = Buffer.from(bytes);
    bytes.copy(swapped, first, second, second + 12);
    bytes.copy(swapped, second, first, first + 12);
    replace(swapped);
    expect(readParts().error?.code).toBe('RAFT_SNAPSHOT_DAMAGED');
  });
});
