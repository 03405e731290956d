// The first two blocks of a chunk: the same header twice, each copy bound to its own place by its checksum. It says which
// chunk of which log this is, and carries the salt that every checksum of the file starts from.
import { checksum, fileSeed, headerStart } from './checksum.ts';
import { chunkBytesMax, copyOf, formatVersion, readCounter, viewOf, writeCounter } from './format.ts';

export const saltBytes = 8;

export interface FileHeader {
  readonly version: number;
  readonly sequence: number;
  /** Random, another one in each life of a file. */
  readonly salt: Uint8Array;
  /** Random, one for all chunks of a log: a chunk of another log is not taken for ours. */
  readonly logId: Uint8Array;
  /** Of the chunk before; zeroes in the first one. */
  readonly previousSalt: Uint8Array;
  readonly chunkBytes: number;
  readonly blockBytes: number;
}

export const blockSizes = [512, 4096] as const;
const magic = Buffer.from('HFRAFTLG', 'latin1');
const at = {
  magic: 0,
  version: 8,
  blockBytes: 12,
  sequence: 16,
  chunkBytes: 24,
  salt: 32,
  logId: 40,
  previousSalt: 48,
  checksum: 56,
} as const;

/** Where the first batch of a chunk begins. */
export function firstBatchPosition(blockBytes: number): number {
  return 2 * blockBytes;
}

/** Both copies. */
export function encodeFileHeader(header: FileHeader): Uint8Array {
  const bytes = new Uint8Array(firstBatchPosition(header.blockBytes));
  for (const position of [0, header.blockBytes]) encodeCopy(header, bytes, position);
  return bytes;
}

function encodeCopy(header: FileHeader, into: Uint8Array, position: number): void {
  const block = into.subarray(position, position + header.blockBytes);
  const view = viewOf(block);
  block.set(magic, at.magic);
  view.setUint32(at.version, header.version, true);
  view.setUint32(at.blockBytes, header.blockBytes, true);
  writeCounter(view, at.sequence, header.sequence);
  writeCounter(view, at.chunkBytes, header.chunkBytes);
  block.set(header.salt, at.salt);
  block.set(header.logId, at.logId);
  block.set(header.previousSalt, at.previousSalt);
  view.setUint32(at.checksum, checksum(block, 0, at.checksum, copyStart(header.salt, position)), true);
}

function copyStart(salt: Uint8Array, position: number): number {
  return headerStart(fileSeed(salt), position);
}

export interface HeaderReading {
  readonly header: FileHeader;
  /** 1 or 2: a copy that did not verify. */
  readonly damagedCopies: readonly number[];
}

/** null when no copy verifies. `bytes` begins where the file does. */
export function readFileHeader(bytes: Uint8Array): HeaderReading | null {
  const first = decodeCopy(bytes, 0);
  for (const blockBytes of first === null ? blockSizes : [first.blockBytes]) {
    const second = decodeCopy(bytes, blockBytes);
    if (second !== null && second.blockBytes === blockBytes) {
      return { header: first ?? second, damagedCopies: first === null ? [1] : [] };
    }
  }
  return first === null ? null : { header: first, damagedCopies: [2] };
}

function decodeCopy(bytes: Uint8Array, position: number): FileHeader | null {
  if (position + at.checksum + 4 > bytes.length) return null;
  const block = bytes.subarray(position);
  const view = viewOf(block);
  if (!isMagicRight(block)) return null;
  const salt = copyOf(block, at.salt, at.salt + saltBytes);
  if (!isHeaderChecksumRight(block, salt, position)) return null;
  return {
    version: view.getUint32(at.version, true),
    sequence: readCounter(view, at.sequence),
    salt,
    logId: copyOf(block, at.logId, at.logId + saltBytes),
    previousSalt: copyOf(block, at.previousSalt, at.previousSalt + saltBytes),
    chunkBytes: readCounter(view, at.chunkBytes),
    blockBytes: view.getUint32(at.blockBytes, true),
  };
}

function isMagicRight(block: Uint8Array): boolean {
  return magic.every((byte, index) => block[at.magic + index] === byte);
}

function isHeaderChecksumRight(block: Uint8Array, salt: Uint8Array, position: number): boolean {
  return viewOf(block).getUint32(at.checksum, true) === checksum(block, 0, at.checksum, copyStart(salt, position));
}

/** null when this release can read the file, else why it cannot. */
export function headerObjection(header: FileHeader): string | null {
  if (header.version !== formatVersion)
    return `its format has version ${header.version}, this release knows ${formatVersion}`;
  if (!blockSizes.some((size) => size === header.blockBytes)) return `its blocks have ${header.blockBytes} bytes`;
  if (header.chunkBytes > chunkBytesMax) return `it says to have ${header.chunkBytes} bytes`;
  return null;
}

export function isSameSalt(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}
