// A snapshot as a file of parts (parts.ts), which is also the stream of bytes that members send to each other. Its head names cluster,
// group and the snapshot's mark; its parts are the state machine's bytes, as its source gave them.
import { isOpError, OpError, type Files, type OpenFile } from '@holdfast/base';
import type { GroupId, SnapshotMark } from '@holdfast/raft';
import { ByteReader, ByteWriter } from './bytes.ts';
import { mark as markField } from './fields.ts';
import type { FileSyncer } from './file-syncer.ts';
import { endBytes, PartsEncoder, PartsReader } from './parts.ts';
import type { SnapshotSource } from './state-machine.ts';

const fileMark = Buffer.from('HFsnap1\n');
export const snapshotEndBytes = endBytes;

export interface SnapshotHead {
  readonly cluster: string;
  readonly group: GroupId;
  readonly mark: SnapshotMark;
}

/** Writes a file part by part; nothing of it counts before `finish`. */
export class SnapshotFileWriter {
  readonly #file: OpenFile;
  readonly #encoder = new PartsEncoder();
  #position = 0;

  constructor(files: Files, path: string, head: SnapshotHead) {
    this.#file = files.open(path, 'create');
    this.#file.ftruncate(0);
    this.#write(this.#encoder.begin(fileMark, encodeHead(head)));
  }

  /** A part, with as many bytes as the source has at once. */
  add(bytes: Uint8Array): void {
    this.#write(this.#encoder.part(bytes));
  }

  /** Bit by bit: one sync of everything at the end would hold up whoever writes to the same disk. */
  async sync(syncer: FileSyncer): Promise<void> {
    await syncer.sync(this.#file);
  }

  finish(): void {
    this.#write(this.#encoder.end());
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
export class SnapshotFileReader extends PartsReader implements SnapshotSource {
  readonly head: SnapshotHead;

  constructor(files: Files, path: string) {
    const damaged = (reason: string): OpError => new OpError('RAFT_SNAPSHOT_DAMAGED', { path, reason });
    super(files.open(path, 'read'), fileMark, damaged);
    try {
      this.head = decodeHead(this.headBytes, path);
    } catch (error) {
      this.close();
      throw error;
    }
  }
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
