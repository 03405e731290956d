// Writes what verifies of a batch over itself, and into an empty first block that there is a batch. Nothing else: what a read got
// wrong must not become what the disk holds.
import type { OpenFile } from '@holdfast/base';
import { batchHeadBytes } from './batch-head.ts';
import type { ChunkBytes, FoundBatch, Range } from './chunk-scan.ts';
import { isZero, recordBytes } from './format.ts';

export function writeAgain(file: OpenFile, chunk: ChunkBytes, batch: FoundBatch): void {
  for (const { position, lengthBytes } of verifiedRanges(batch)) {
    file.pwrite(chunk.bytes.subarray(position, position + lengthBytes), position);
  }
  if (isBegunUnseen(chunk, batch)) file.pwrite(new Uint8Array(chunk.header.blockBytes).fill(traceByte), batch.position);
}

/** Verifies as nothing, whatever of it rots, and is not what an empty block holds. */
const traceByte = 0xff;

/**
 * That a batch was begun where nothing of its first block reached the disk, only records behind that block tell. A vote among them
 * counts from here on, and stands in one place: should it rot, the log would end before it, and nobody miss it.
 */
function isBegunUnseen({ header, bytes, unreadable }: ChunkBytes, { position }: FoundBatch): boolean {
  const end = position + header.blockBytes;
  const isRefused = unreadable.some((range) => range.position < end && range.position + range.lengthBytes > position);
  return !isRefused && isZero(bytes, position, end);
}

/** Neighbours as one: a batch that is sound is a single range. */
function verifiedRanges({ position, head, records }: FoundBatch): Range[] {
  const ranges: Range[] = head === null ? [] : [{ position, lengthBytes: batchHeadBytes }];
  for (const { position: start, header, payload } of records) {
    if (payload === null) continue;
    const lengthBytes = recordBytes(header.payloadBytes);
    const before = ranges.at(-1);
    if (before !== undefined && before.position + before.lengthBytes === start) {
      ranges[ranges.length - 1] = { position: before.position, lengthBytes: before.lengthBytes + lengthBytes };
    } else {
      ranges.push({ position: start, lengthBytes });
    }
  }
  return ranges;
}
