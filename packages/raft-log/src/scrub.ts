// Reads a sealed chunk again as a whole, to find rot while the peers still have what it took. Runs in a thread of its own
// (scrub-worker.ts), because a chunk is a quarter of a second of checksums; under the simulator in the same one.
import type { Files } from '@holdfast/base';
import { readInto, readTrailer, withFile } from './chunk-files.ts';
import { scanChunk, type Damage, type Range } from './chunk-scan.ts';
import type { FileHeader } from './file-header.ts';
import { trailerPosition } from './footer.ts';
import { isSoundChunk, sliceBytes, type SealedFile } from './sound-chunk.ts';

export interface ScrubTask {
  readonly path: string;
  readonly header: FileHeader;
  readonly bytesPerSecond: number;
}

/** What of the chunk does not verify. `pause` is called after each slice with the time that it may have cost. */
export function scrubChunk(files: Files, task: ScrubTask, pause: (pauseMs: number) => void): Damage[] {
  const { path, header, bytesPerSecond } = task;
  const trailer = readTrailer(files, path, header);
  const onRead = (lengthBytes: number): void => pause((lengthBytes / bytesPerSecond) * 1000);
  const isSound = trailer !== null && withFile(files, path, (file) => isSoundChunk({ file, header, trailer, onRead }));
  return isSound ? [] : damagesOf(files, task, onRead);
}

/** From the whole chunk, which is in memory then. */
function damagesOf(files: Files, { path, header }: ScrubTask, onRead: SealedFile['onRead']): Damage[] {
  const bytes = new Uint8Array(header.chunkBytes);
  const unreadable: Range[] = [];
  withFile(files, path, (file) => {
    for (let position = 0; position < bytes.length; position += sliceBytes) {
      const slice = bytes.subarray(position, position + sliceBytes);
      unreadable.push(...readInto(file, position, slice));
      onRead(slice.length);
    }
  });
  const damages: Damage[] = [];
  for (const batch of scanChunk({ header, bytes, unreadable }, { isFollowed: true })) {
    if (batch.standing !== 'abandoned') damages.push(...batch.damages);
  }
  if (readTrailer(files, path, header) === null) damages.push(lostTrailer(header));
  return damages;
}

function lostTrailer({ chunkBytes, blockBytes }: FileHeader): Damage {
  const position = trailerPosition(chunkBytes, blockBytes);
  return { position, lengthBytes: blockBytes, reason: 'the trailer does not verify' };
}
