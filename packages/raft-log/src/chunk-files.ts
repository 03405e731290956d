// The files of a log's directory as a reader finds them. A block that the disk refuses to read is no end of the world: it is
// told as unreadable and stands as zeroes, which verify as nothing.
import { join } from 'node:path';
import { OpError, isOpError, type Files, type OpenFile } from '@holdfast/base';
import type { ChunkBytes, Range } from './chunk-scan.ts';
import { sequenceOf } from './chunk.ts';
import { fileSeed } from './checksum.ts';
import { headerObjection, readFileHeader, type FileHeader, type HeaderReading } from './file-header.ts';
import { decodeTrailer, trailerBytes, trailerPosition, type Trailer } from './footer.ts';

export const lockName = 'LOCK';
export const reserveName = 'reserve';
export const damagedName = 'damaged';
export const sparePattern = /^spare-\d+$/;

/** The unit in which a failed read is tried again, and how often: what a disk gives at the second attempt is not lost. */
const retryBytes = 4096;
const retriesMax = 2;
const headerReadBytes = 2 * 4096;

export interface ChunkFile {
  readonly path: string;
  readonly sequence: number;
  /** null when neither copy verifies. */
  readonly reading: HeaderReading | null;
}

export interface LogListing {
  /** By sequence. */
  readonly chunks: readonly ChunkFile[];
  readonly spares: readonly string[];
  readonly hasReserve: boolean;
}

export function listLog(files: Files, directory: string): LogListing {
  const names = files.readdir(directory);
  const chunks = names.flatMap((name) => {
    const sequence = sequenceOf(name);
    const path = join(directory, name);
    return sequence === null ? [] : [{ path, sequence, reading: readHeaderOf(files, path) }];
  });
  for (const chunk of chunks) checkReadable(chunk);
  return {
    chunks: chunks.sort((left, right) => left.sequence - right.sequence),
    spares: names.filter((name) => sparePattern.test(name)).map((name) => join(directory, name)),
    hasReserve: names.includes(reserveName),
  };
}

function checkReadable({ path, reading }: ChunkFile): void {
  const reason = reading === null ? null : headerObjection(reading.header);
  if (reason !== null) throw new OpError('RAFT_LOG_FORMAT_UNKNOWN', { path, reason });
}

function readHeaderOf(files: Files, path: string): HeaderReading | null {
  return withFile(files, path, (file) => readFileHeader(readRange(file, 0, headerReadBytes).bytes));
}

export function readChunk(files: Files, path: string, header: FileHeader): ChunkBytes {
  const read = withFile(files, path, (file) => readRange(file, 0, header.chunkBytes));
  return { header, ...withMissing(read, header.chunkBytes) };
}

/**
 * A chunk has its full size before its first batch. Of a file that somebody cut nobody knows what the missing part held: it
 * counts as unreadable, or a lost batch would look like the end of the log.
 */
function withMissing({ bytes, unreadable }: RangeBytes, chunkBytes: number): RangeBytes {
  const lengthBytes = chunkBytes - bytes.length;
  if (lengthBytes === 0) return { bytes, unreadable };
  const whole = new Uint8Array(chunkBytes);
  whole.set(bytes);
  return { bytes: whole, unreadable: [...unreadable, { position: bytes.length, lengthBytes }] };
}

/** null when the chunk is not sealed, or its trailer cannot be read. */
export function readTrailer(files: Files, path: string, header: FileHeader): Trailer | null {
  const position = trailerPosition(header.chunkBytes, header.blockBytes);
  const { bytes } = withFile(files, path, (file) => readRange(file, position, trailerBytes));
  return bytes.length < trailerBytes ? null : decodeTrailer(bytes, position, fileSeed(header.salt));
}

export function withFile<Value>(files: Files, path: string, use: (file: OpenFile) => Value): Value {
  const file = files.open(path, 'read');
  try {
    return use(file);
  } finally {
    file.close();
  }
}

export interface RangeBytes {
  readonly bytes: Uint8Array;
  readonly unreadable: readonly Range[];
}

export function readRange(file: OpenFile, position: number, lengthBytes: number): RangeBytes {
  const end = Math.max(position, Math.min(position + lengthBytes, file.sizeBytes()));
  const bytes = Buffer.allocUnsafeSlow(end - position);
  return { bytes, unreadable: readInto(file, position, bytes) };
}

/** Fills `bytes`, behind the end of the file with zeroes; what the disk refuses to give is returned. */
export function readInto(file: OpenFile, position: number, bytes: Uint8Array): Range[] {
  if (tryRead(file, bytes, position)) return [];
  const unreadable: Range[] = [];
  for (let offset = 0; offset < bytes.length; offset += retryBytes) {
    const block = bytes.subarray(offset, offset + retryBytes);
    if (tryReadAgain(file, block, position + offset)) continue;
    block.fill(0);
    unreadable.push({ position: position + offset, lengthBytes: block.length });
  }
  return unreadable;
}

function tryReadAgain(file: OpenFile, into: Uint8Array, position: number): boolean {
  for (let retry = 1; retry <= retriesMax; retry++) if (tryRead(file, into, position)) return true;
  return false;
}

/** false when the disk refused it. */
function tryRead(file: OpenFile, into: Uint8Array, position: number): boolean {
  try {
    const count = file.pread(into, position);
    into.fill(0, count);
    return true;
  } catch (error) {
    if (isOpError(error) && error.code === 'IO_ERROR') return false;
    throw error;
  }
}
