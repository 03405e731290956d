// Files of many bytes that have to be trusted: a mark, a head, then parts of which each has its checksum, then an end:
//
//   mark   8 bytes
//   head   length and checksum of what follows (4 each), then the head
//   part   length and checksum (4 each), then that many bytes; as many parts as it takes
//   end    a part of length 0, whose checksum is over the number of parts and of bytes before it
//
// A part's checksum also covers its number, so that parts cannot stand in for each other. Whoever has a beginning of the file can
// tell how far it is whole; only with its end it is all of it.
import { crc32 } from 'node:zlib';
import type { OpenFile, OpError } from '@holdfast/base';

const lengthsBytes = 8;
export const endBytes = lengthsBytes;
/** A longer head or part is damage: nobody writes one. */
const partBytesMax = 64 * 1024 * 1024;

/** Gives the pieces of a file in their order. */
export class PartsEncoder {
  #parts = 0;
  #bytes = 0;

  begin(mark: Uint8Array, head: Uint8Array): readonly Uint8Array[] {
    return [mark, lengthsOf(head, 0), head];
  }

  /** Of at least one byte. */
  part(bytes: Uint8Array): readonly Uint8Array[] {
    this.#parts++;
    this.#bytes += bytes.length;
    return [lengthsOf(bytes, this.#parts), bytes];
  }

  end(): readonly Uint8Array[] {
    return [endOf(this.#parts, this.#bytes)];
  }
}

/** Reads a file from its beginning, and checks what it reads. */
export class PartsReader {
  readonly headBytes: Uint8Array;
  readonly #file: OpenFile;
  readonly #damaged: (reason: string) => OpError;
  /** Behind the last part that was whole. */
  #position: number;
  #parts = 0;
  #bytes = 0;
  #part: Uint8Array = new Uint8Array();
  #isAtEnd = false;

  /** Closes the file if it throws; `damaged` says what is thrown for bytes that are not what they should be. */
  constructor(file: OpenFile, mark: Buffer, damaged: (reason: string) => OpError) {
    this.#file = file;
    this.#damaged = damaged;
    try {
      if (!mark.equals(this.#bytesAt(0, mark.length))) throw damaged('it does not begin like one');
      this.headBytes = this.#checked(mark.length, 0);
      this.#position = mark.length + lengthsBytes + this.headBytes.length;
    } catch (error) {
      file.close();
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
