// Writes what verifies of a batch over itself, and nothing else: what a read got wrong must not become what the disk holds.
import type { OpenFile } from '@holdfast/base';
import { batchHeadBytes } from './batch-head.ts';
import type { ChunkBytes, FoundBatch, Range } from './chunk-scan.ts';
import { recordBytes } from './format.ts';

export function writeAgain(file: OpenFile, { bytes }: ChunkBytes, batch: FoundBatch): void {
  for (const { position, lengthBytes } of verifiedRanges(batch)) {
    file.pwrite(bytes.subarray(position, position + lengthBytes), position);
  }
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
