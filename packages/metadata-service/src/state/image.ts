// The stream of a state's image: the bytes of the database, then how many they were and their checksum. Behind them, because only
// who has read it all knows. A leaf.
import { crc32 } from 'node:zlib';
import { invariant, OpError, type OpenFile } from '@holdfast/base';
import type { SnapshotSource } from '../host/state-machine.ts';

const magic = Buffer.from('hfstate1');
/** The magic, the length in 8 bytes, the checksum in 4. */
const trailerBytes = magic.length + 12;
const receiveBytes = 1024 * 1024;

/** Bytes at a position, at most as many as asked for; none behind the end. */
export type ReadAt = (position: number, limitBytes: number) => Uint8Array;

export function readBuffer(bytes: Uint8Array): ReadAt {
  return (position, limitBytes) => bytes.subarray(position, position + limitBytes);
}

/** A file that holds still. */
export function readFile(file: OpenFile): ReadAt {
  const sizeBytes = file.sizeBytes();
  return (position, limitBytes) => {
    const into = Buffer.allocUnsafe(Math.max(0, Math.min(limitBytes, sizeBytes - position)));
    const length = file.pread(into, position);
    invariant(length === into.length, `the image ends at ${position + length}, before ${sizeBytes}`);
    return into;
  };
}

export class ImageSource implements SnapshotSource {
  readonly #readAt: ReadAt;
  readonly #onClose: () => void;
  #position = 0;
  #checksum = 0;
  #trailer: Uint8Array | null = null;
  #isOpen = true;

  constructor(readAt: ReadAt, onClose: () => void) {
    this.#readAt = readAt;
    this.#onClose = onClose;
  }

  read(limitBytes: number): Uint8Array | null {
    if (!this.#isOpen) throw new OpError('STATE_IMAGE_BUSY', { reason: 'the state was replaced while it was read' });
    if (this.#trailer === null) {
      const part = this.#readAt(this.#position, limitBytes);
      this.#position += part.length;
      this.#checksum = crc32(part, this.#checksum);
      if (part.length > 0) return part;
      this.#trailer = trailerOf(this.#position, this.#checksum);
    }
    const part = this.#trailer.subarray(0, limitBytes);
    this.#trailer = this.#trailer.subarray(part.length);
    return part.length > 0 ? part : null;
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#onClose();
  }
}

/** Hands the database's bytes over as they come; throws behind the last if they are not what was sent. */
export function receiveImage(source: SnapshotSource, take: (part: Uint8Array) => void): void {
  let held: Buffer = Buffer.alloc(0);
  let length = 0;
  let checksum = 0;
  for (let part = source.read(receiveBytes); part !== null; part = source.read(receiveBytes)) {
    held = Buffer.concat([held, part]);
    const certain = held.subarray(0, Math.max(0, held.length - trailerBytes));
    take(certain);
    length += certain.length;
    checksum = crc32(certain, checksum);
    held = Buffer.from(held.subarray(certain.length));
  }
  if (!held.equals(trailerOf(length, checksum))) {
    throw new OpError('STATE_IMAGE_DAMAGED', { reason: 'its length or its checksum is not what was sent' });
  }
}

function trailerOf(length: number, checksum: number): Buffer {
  const trailer = Buffer.alloc(trailerBytes);
  magic.copy(trailer);
  trailer.writeBigUInt64LE(BigInt(length), magic.length);
  trailer.writeUInt32LE(checksum, magic.length + 8);
  return trailer;
}
