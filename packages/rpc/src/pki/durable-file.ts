// Replaces a file so that a reader, and a crash at any moment, sees the old contents or the new ones and nothing between.
import { mkdir, mkdtemp, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { messageOf, systemErrorCode } from '@holdfast/base';

/** Only the owner reads a private key; a certificate is no secret, but nobody else may write it. */
export type FileMode = 0o600 | 0o644;

export async function replaceFile(path: string, contents: string, mode: FileMode): Promise<void> {
  const workshop = await mkdtemp(join(dirname(path), '.write-'));
  try {
    const written = join(workshop, basename(path));
    await writeThrough(written, contents, mode);
    await rename(written, path);
  } finally {
    await rm(workshop, { recursive: true });
  }
  await syncDirectory(dirname(path));
}

/** Writes a file that must not exist yet. */
export async function createFile(path: string, contents: string, mode: FileMode): Promise<void> {
  await writeThrough(path, contents, mode);
  await syncDirectory(dirname(path));
}

/**
 * Adds a line. It starts with a line end of its own: what a crash left half-written would otherwise swallow this line too.
 * Readers skip empty lines.
 */
export async function appendLine(path: string, line: string): Promise<void> {
  const file = await open(path, 'a', 0o600);
  try {
    await file.appendFile(`\n${line}\n`);
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** A directory that only its owner may enter. */
export async function makePrivateDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
}

async function writeThrough(path: string, contents: string, mode: FileMode): Promise<void> {
  const file = await open(path, 'wx', mode);
  try {
    await file.writeFile(contents);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** What befalls a person who mistypes a path, or who is another user than Holdfast. */
const reasons: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'it is not there'],
  ['ENOTDIR', 'a part of its path is no directory'],
  ['EACCES', 'this user may not read or write it'],
]);

/** Why something outside of us failed, in a few words. */
export function reasonOf(error: unknown): string {
  const code = systemErrorCode(error);
  return code === null ? messageOf(error) : (reasons.get(code) ?? code);
}
