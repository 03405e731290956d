// Whether all of a sealed chunk verifies, read from its beginning to its trailer with no more of it in memory than one batch: most
// chunks are sound at most times, and a scrub of one costs a mebibyte. What is wrong with one that is not, and what that
// means, the decoder of whole chunks says (chunk-scan.ts).
import type { OpenFile } from '@holdfast/base';
import { batchHeadBytes, decodeLoneHead, type BatchHead } from './batch-head.ts';
import { fileSeed } from './checksum.ts';
import { readInto } from './chunk-files.ts';
import { firstBatchPosition, type FileHeader } from './file-header.ts';
import { trailerPosition, type Trailer } from './footer.ts';
import { alignBlock, isZero, recordBytes, viewOf } from './format.ts';
import { decodeRecordHeader, isPayloadIntact, type Region } from './record-header.ts';

/** The unit in which a chunk is read. */
export const sliceBytes = 1024 * 1024;

export interface SealedFile {
  readonly file: OpenFile;
  readonly header: FileHeader;
  readonly trailer: Trailer;
  /** Called with the number of bytes after each slice. */
  readonly onRead: (lengthBytes: number) => void;
}

/**
 * true: the decoder of whole chunks would find no damage. Each batch follows the one before up to the end of the footer's,
 * which the trailer says, and behind that the log ends.
 */
export function isSoundChunk(sealed: SealedFile): boolean {
  const { header, trailer } = sealed;
  const { blockBytes, chunkBytes } = header;
  const window = new Window(sealed);
  const endPosition = trailerPosition(chunkBytes, blockBytes);
  let position = firstBatchPosition(blockBytes);
  while (position < alignBlock(trailer.position + trailer.lengthBytes, blockBytes)) {
    const head = headAt(window, position, header);
    if (head === null || position + head.batchBytes > endPosition) return false;
    const region = window.at(position, head.batchBytes);
    if (region === null || !isSoundBatch(region, head)) return false;
    position = alignBlock(position + head.batchBytes, blockBytes);
  }
  return position === endPosition || isEnd(window, position, blockBytes);
}

function headAt(window: Window, position: number, { salt, blockBytes }: FileHeader): BatchHead | null {
  const region = window.at(position, blockBytes);
  return region === null ? null : decodeLoneHead(region, position - region.position, salt);
}

function isSoundBatch(region: Region, { position, batchBytes, recordCount }: BatchHead): boolean {
  const end = position - region.position + batchBytes;
  let records = 0;
  for (let offset = position - region.position + batchHeadBytes; offset < end; records++) {
    const header = decodeRecordHeader(region, offset, end);
    if (header === null || !isPayloadIntact(region, offset, header)) return false;
    offset += recordBytes(header.payloadBytes);
  }
  return records === recordCount;
}

/** The footer is followed by zeroes; an earlier life of the file may lie behind them. */
function isEnd(window: Window, position: number, blockBytes: number): boolean {
  const region = window.at(position, blockBytes);
  if (region === null) return false;
  const offset = position - region.position;
  return isZero(region.bytes, offset, offset + blockBytes);
}

/** A part of the file that moves on; as long as a slice, or as what was asked for last when that is longer. */
class Window {
  readonly #sealed: SealedFile;
  readonly #seed: number;
  #bytes: Uint8Array;
  /** Of the first byte. */
  #position = 0;
  /** How many bytes have been read. */
  #length = 0;

  constructor(sealed: SealedFile) {
    this.#sealed = sealed;
    this.#seed = fileSeed(sealed.header.salt);
    this.#bytes = new Uint8Array(Math.min(sliceBytes, sealed.header.chunkBytes));
  }

  /** A region with these bytes of the file; null when the disk does not give them. Never back to what lay before. */
  at(position: number, lengthBytes: number): Region | null {
    while (position + lengthBytes > this.#position + this.#length) {
      if (this.#length < this.#bytes.length) {
        if (!this.#readOn()) return null;
      } else this.#moveTo(position, lengthBytes);
    }
    const bytes = this.#bytes.subarray(0, this.#length);
    return { bytes, view: viewOf(bytes), position: this.#position, seed: this.#seed };
  }

  #moveTo(position: number, lengthBytes: number): void {
    const rest = this.#bytes.subarray(position - this.#position);
    const bytes = lengthBytes > this.#bytes.length ? new Uint8Array(lengthBytes) : this.#bytes;
    bytes.set(rest);
    this.#bytes = bytes;
    this.#position = position;
    this.#length = rest.length;
  }

  #readOn(): boolean {
    const { file, header } = this.#sealed;
    const position = this.#position + this.#length;
    const lengthBytes = Math.min(sliceBytes, header.chunkBytes - position);
    const slice = this.#bytes.subarray(this.#length, this.#length + lengthBytes);
    const unreadable = readInto(file, position, slice);
    this.#length += slice.length;
    this.#sealed.onRead(slice.length);
    return unreadable.length === 0;
  }
}
