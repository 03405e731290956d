// What a recovery cuts is kept for whoever wants to know what happened. The cut itself destroys nothing: the log writes on
// behind it. The copy outlives the chunk.
import { basename, join } from 'node:path';
import { isOpError, replaceContent, type Files } from '@holdfast/base';
import { damagedName, readRange, withFile } from './chunk-files.ts';
import type { Chunk } from './chunk.ts';
import type { Range } from './chunk-scan.ts';

export interface CutTail extends Range {
  readonly chunk: Chunk;
}

/** The copy's path; null when the disk had no room for it. */
export function copyAside(files: Files, directory: string, tail: CutTail): string | null {
  const folder = join(directory, damagedName);
  const path = join(folder, `${basename(tail.chunk.path)}.${tail.position}`);
  const { bytes } = withFile(files, tail.chunk.path, (file) => readRange(file, tail.position, tail.lengthBytes));
  try {
    // Its own name is durable before the log goes on: each recovery ends with a sync of the log's directory.
    if (files.stat(folder) === null) files.mkdir(folder);
    replaceContent(files, path, bytes);
    return path;
  } catch (error) {
    // A log opens on a full disk; the tail stays in its chunk.
    if (isOpError(error) && error.code === 'DISK_FULL') return null;
    throw error;
  }
}
