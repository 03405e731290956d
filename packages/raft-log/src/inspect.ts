// What lies in a log's directory, as it lies there, for the tools: chunk by chunk with every batch, record and damage. It
// only reads and takes no lock, so it works beside the log's owner; a chunk that the owner removes meanwhile is left out.
import { join } from 'node:path';
import { isOpError, OpError, type Files } from '@holdfast/base';
import { listLog, lockName, readChunk, readRange, readTrailer, withFile, type ChunkFile } from './chunk-files.ts';
import { scanChunk, type ChunkBytes, type Damage, type FoundBatch } from './chunk-scan.ts';
import type { FileHeader } from './file-header.ts';
import { trailerPosition } from './footer.ts';

export interface SeenChunk {
  readonly path: string;
  readonly sequence: number;
  /** null when neither copy verifies: then nothing in the file can be read. */
  readonly header: FileHeader | null;
  readonly isSealed: boolean;
  /** Of the header and the trailer; those of the records are told by their batches. */
  readonly damages: readonly Damage[];
  readonly batches: Iterable<FoundBatch>;
}

export function* inspectLog(files: Files, directory: string): Generator<SeenChunk, void, void> {
  const { chunks } = listLog(files, directory);
  if (chunks.length === 0) throw new OpError('RAFT_LOG_NOT_THERE', { directory });
  // One chunk ahead: whether anything was written later decides what damage in this one means.
  let current = read(files, chunks[0]);
  for (let at = 0; at < chunks.length; at++) {
    const next = read(files, chunks[at + 1]);
    if (current !== null) yield seen(current, { isFollowed: hasBatch(next), hasNext: next !== null });
    current = next;
  }
}

/** Who the log's lock names: its owner, or one that was killed; null when it was let go. */
export function lockHolder(files: Files, directory: string): string | null {
  const path = join(directory, lockName);
  if (files.stat(path) === null) return null;
  const { bytes } = withFile(files, path, (file) => readRange(file, 0, file.sizeBytes()));
  const text = Buffer.from(bytes).toString('utf8').trim();
  return text === '' ? null : text;
}

interface ReadChunk {
  readonly file: ChunkFile;
  readonly bytes: ChunkBytes | null;
  readonly isSealed: boolean;
}

/** null when there is none. */
function read(files: Files, file: ChunkFile | undefined): ReadChunk | null {
  if (file === undefined) return null;
  if (file.reading === null) return { file, bytes: null, isSealed: false };
  const { header } = file.reading;
  try {
    const isSealed = readTrailer(files, file.path, header) !== null;
    return { file, bytes: readChunk(files, file.path, header), isSealed };
  } catch (error) {
    if (isOpError(error) && error.code === 'FILE_NOT_FOUND') return null;
    throw error;
  }
}

function hasBatch(chunk: ReadChunk | null): boolean {
  const bytes = chunk?.bytes ?? null;
  if (bytes === null) return false;
  const [first] = scanChunk(bytes, { isFollowed: false });
  return first !== undefined;
}

function seen(chunk: ReadChunk, { isFollowed, hasNext }: { isFollowed: boolean; hasNext: boolean }): SeenChunk {
  const { file, bytes, isSealed } = chunk;
  const { path, sequence } = file;
  if (bytes === null || file.reading === null) {
    const damages = [{ position: 0, lengthBytes: 0, reason: 'neither copy of its header verifies' }];
    return { path, sequence, header: null, isSealed, damages, batches: [] };
  }
  const { header, damagedCopies } = file.reading;
  const { blockBytes, chunkBytes } = header;
  const damages = damagedCopies.map((copy): Damage => {
    const reason = `copy ${copy} of the file's header does not verify`;
    return { position: (copy - 1) * blockBytes, lengthBytes: blockBytes, reason };
  });
  if (isFollowed && !isSealed) {
    const position = trailerPosition(chunkBytes, blockBytes);
    damages.push({ position, lengthBytes: blockBytes, reason: 'the trailer does not verify' });
  } else if (isSealed && !hasNext) {
    const reason = `it is sealed, and chunk ${sequence + 1} is not there`;
    damages.push({ position: trailerPosition(chunkBytes, blockBytes), lengthBytes: blockBytes, reason });
  }
  return {
    path,
    sequence,
    header,
    isSealed,
    damages,
    batches: scanChunk(bytes, { isFollowed: isFollowed || isSealed }),
  };
}
