// Whole small files: read at once, and replaced so that a crash leaves the old content or the new one, never a mixture
// and never nothing. For identities, configuration and marks; a log has ways of its own.
import { dirname } from 'node:path';
import type { Files, OpenFile } from './files.ts';
import { OpError } from './op-error.ts';

/** The content of a file of at most `limitBytes`, null if there is none. */
export function readContent(files: Files, path: string, limitBytes: number): Uint8Array | null {
  if (files.stat(path) === null) return null;
  const file = files.open(path, 'read');
  try {
    const sizeBytes = file.sizeBytes();
    if (sizeBytes > limitBytes) throw new OpError('FILE_TOO_LARGE', { path, sizeBytes, limitBytes });
    const content = new Uint8Array(sizeBytes);
    return content.subarray(0, file.pread(content, 0));
  } finally {
    file.close();
  }
}

/**
 * When it returns, the content is durable under its name. The bytes are synced before the name leads to them: with the
 * rename first, a crash could leave the name on an empty file. An aborted attempt leaves PATH.partial, which the next one
 * overwrites; two writers at a time need a lock of their own.
 */
export function replaceContent(files: Files, path: string, content: Uint8Array): void {
  const partial = `${path}.partial`;
  const file = files.open(partial, 'create');
  try {
    rewrite(file, content);
  } finally {
    file.close();
  }
  files.rename(partial, path);
  files.fsyncDirectory(dirname(path));
}

function rewrite(file: OpenFile, content: Uint8Array): void {
  file.ftruncate(0);
  file.pwrite(content, 0);
  file.fsync();
}
