// A snapshot as a file, which is also the stream of bytes that members send to each other:
//
//   head   mark (8 bytes), length and checksum of what follows (4 each), then cluster, group and the snapshot's mark
//   part   length and checksum (4 each), then that many bytes of the state machine; as many parts as it takes
//   end    a part of length 0, whose checksum is over the number of parts and of bytes before it
//
// A part's checksum also covers its number, so that parts cannot stand in for each other. Whoever has a beginning of the file can
// tell how far it is whole; only a file with its end is a snapshot.
import { crc32 } from 'node:zlib';
import { isOpError, OpError, type Files, type OpenFile } from '@holdfast/base';
import type { GroupId, SnapshotMark } from '@holdfast/raft';
import { ByteReader, ByteWriter } from './bytes.ts';
import { mark as markField } from './fields.ts';
import type { SnapshotSource } from './state-machine.ts';

const fileMark = Buffer.from('HFsnap1\n');
const lengthsBytes = 8;
export const snapshotEndBytes = lengthsBytes;
/** A longer head or part is damage: nobody writes one. */
const partBytesMax = 64 * 1024 * 1024;

export interface SnapshotHead {
  readonly cluster: string;
  readonly group: GroupId;
  readonly mark: SnapshotMark;
}

/** Writes a file part by part; nothing of it counts before `finish`. */
export class SnapshotFileWriter {
  readonly #file: OpenFile;
  #position = 0;
  #parts = 0;
  #bytes = 0;

  constructor(files: Files, path: string, head: SnapshotHead) {
    this.#file = files.open(path, 'create');
    this.#file.ftruncate(0);
    const encoded = encodeHead(head);
    this.#write([fileMark, lengthsOf(encoded, 0), encoded]);
  }

  /** A part, with as many bytes as the source has at once. */
  add(bytes: Uint8Array): void {
    this.#parts++;
    this.#bytes += bytes.length;
    this.#write([lengthsOf(bytes, this.#parts), bytes]);
    // Bit by bit: one sync of everything at the end would hold up whoever writes to the same disk.
    this.#file.fdatasync();
  }

  finish(): void {
    this.#write([endOf(this.#parts, this.#bytes)]);
    this.#file.fsync();
  }

  close(): void {
    this.#file.close();
  }

  #write(pieces: readonly Uint8Array[]): void {
    this.#file.pwrite(pieces, this.#position);
    for (const { length } of pieces) this.#position += length;
  }
}

/** Reads a file from its beginning and checks what it reads. Throws RAFT_SNAPSHOT_DAMAGED. */
export class SnapshotFileReader implements SnapshotSource {
  readonly head: SnapshotHead;
  readonly #file: OpenFile;
  /** Behind the last part that was whole. */
  #position: number;
  #parts = 0;
  #bytes = 0;
  #part: Uint8Array = new Uint8Array();
  #isAtEnd = false;

  constructor(files: Files, path: string) {
    this.#file = files.open(path, 'read');
    try {
      const start = this.#bytesAt(0, fileMark.length);
      if (!fileMark.equals(start)) throw this.#damaged('it does not begin like one');
      const encoded = this.#checked(fileMark.length, 0);
      this.#position = fileMark.length + lengthsBytes + encoded.length;
      this.head = decodeHead(encoded, this.#file.path);
    } catch (error) {
      this.#file.close();
      throw error;
    }
  }

  get position(): number {
    return this.#position;
  }

  read(limitBytes: number): Uint8Array | null {
    if (this.#part.length === 0) {
      const part = this.readPart();
      if (part === null) return null;
      this.#part = part;
    }
    const bytes = this.#part.subarray(0, limitBytes);
    this.#part = this.#part.subarray(bytes.length);
    return bytes;
  }

  /** The next part as it was written; null at the end of a whole file. */
  readPart(): Uint8Array | null {
    if (this.#isAtEnd) return null;
    const lengths = this.#bytesAt(this.#position, lengthsBytes);
    if (lengths.length === lengthsBytes && lengths.readUInt32LE(0) === 0) {
      if (!lengths.equals(endOf(this.#parts, this.#bytes))) throw this.#damaged('its end is not that of its parts');
      this.#position += lengthsBytes;
      this.#isAtEnd = true;
      return null;
    }
    const part = this.#checked(this.#position, this.#parts + 1);
    this.#parts++;
    this.#bytes += part.length;
    this.#position += lengthsBytes + part.length;
    return part;
  }

  close(): void {
    this.#file.close();
  }

  #checked(position: number, number: number): Buffer {
    const lengths = this.#bytesAt(position, lengthsBytes);
    if (lengths.length < lengthsBytes) throw this.#damaged(`it ends at ${position}`);
    const length = lengths.readUInt32LE(0);
    if (length === 0 || length > partBytesMax) throw this.#damaged(`a part of ${length} bytes at ${position}`);
    const bytes = this.#bytesAt(position + lengthsBytes, length);
    if (bytes.length < length) throw this.#damaged(`it ends within the part at ${position}`);
    if (!lengths.equals(lengthsOf(bytes, number))) throw this.#damaged(`the part at ${position} does not verify`);
    return bytes;
  }

  #bytesAt(position: number, length: number): Buffer {
    // The file's size bounds what a length that rotted can ask for.
    const bytes = Buffer.alloc(Math.max(0, Math.min(length, this.#file.sizeBytes() - position)));
    return bytes.subarray(0, this.#file.pread(bytes, position));
  }

  #damaged(reason: string): OpError {
    return new OpError('RAFT_SNAPSHOT_DAMAGED', { path: this.#file.path, reason });
  }
}

function lengthsOf(bytes: Uint8Array, number: number): Buffer {
  const lengths = Buffer.alloc(lengthsBytes);
  lengths.writeUInt32LE(bytes.length, 0);
  lengths.writeUInt32LE(crc32(bytes, crc32(counters(number, bytes.length))), 4);
  return lengths;
}

function endOf(parts: number, bytes: number): Buffer {
  const end = Buffer.alloc(lengthsBytes);
  end.writeUInt32LE(crc32(counters(parts, bytes)), 4);
  return end;
}

function counters(first: number, second: number): Uint8Array {
  const both = Buffer.alloc(16);
  both.writeDoubleLE(first, 0);
  both.writeDoubleLE(second, 8);
  return both;
}

function encodeHead({ cluster, group, mark }: SnapshotHead): Uint8Array {
  const out = new ByteWriter(512);
  out.text(cluster);
  out.counter(group);
  markField.write(out, mark);
  return out.finish();
}

function decodeHead(bytes: Uint8Array, path: string): SnapshotHead {
  const from = new ByteReader(bytes);
  try {
    const head = { cluster: from.text(), group: from.counter() as GroupId, mark: markField.read(from) };
    from.expectEnd();
    return head;
  } catch (error) {
    if (!isOpError(error)) throw error;
    throw new OpError('RAFT_SNAPSHOT_DAMAGED', { path, reason: error.message }, { cause: error });
  }
}
