// flock(2) without native code. A flock belongs to the open file description, not to the process that asked for it: the
// flock(1) program, started with our descriptor as its own, takes the lock on *our* description and ends; the kernel
// keeps the lock until the description's last descriptor closes. That is when we release it or when this process ends,
// kill -9 included, so nothing is ever left behind and nobody has to guess whether a holder is alive. It holds between
// containers too, where process ids and abstract sockets would not tell.
//
// The file's text only says who holds it. It is read when the lock is refused, and may for an instant name nobody or
// the holder before.
import { hostname } from 'node:os';
import { execOnDescriptor } from './exec.ts';
import { isFileError } from './file-errors.ts';
import type { FileLock } from './files.ts';
import { OpError } from './op-error.ts';
import type { RealFile, RealFiles } from './real-files.ts';

/** Takes flock(2)'s exclusive lock without waiting; false if another description holds it. */
export type Flock = (descriptor: number, path: string) => boolean;

export const flockByUtility: Flock = (descriptor, path) => {
  const { exitCode, reason } = execOnDescriptor(['flock', '-x', '-n', '3'], descriptor);
  if (exitCode === 0) return true;
  // Held: util-linux and busybox say it by this exit code alone. Any failure comes with words.
  if (exitCode === 1 && reason === '') return false;
  throw new OpError('FILE_LOCK_UNAVAILABLE', { path, reason: reason === '' ? 'flock(1) was killed' : reason });
};

/** A fixed length: on a full disk a holder's text can replace the one before. */
const holderBytes = 128;

export function lockFile(files: RealFiles, path: string, flock: Flock): FileLock {
  const file = files.open(path, 'create');
  let isHeld = false;
  try {
    isHeld = flock(file.descriptor, path);
    if (!isHeld) throw new OpError('FILE_LOCKED', { path, holder: readHolder(file) });
    writeHolder(file, `process ${process.pid} on ${hostname()}`);
    return new RealFileLock(file);
  } catch (error) {
    file.close();
    throw error;
  }
}

class RealFileLock implements FileLock {
  readonly #file: RealFile;

  constructor(file: RealFile) {
    this.#file = file;
  }
  get path(): string {
    return this.#file.path;
  }
  /** The file stays: whoever removed it could remove one that a third process has just locked. */
  release(): void {
    writeHolder(this.#file, '');
    this.#file.close();
  }
}

function readHolder(file: RealFile): string {
  const bytes = Buffer.alloc(holderBytes);
  const text = bytes.toString('utf8', 0, file.pread(bytes, 0)).trim();
  return text === '' ? 'another process' : text;
}

function writeHolder(file: RealFile, text: string): void {
  try {
    file.pwrite(Buffer.from(`${text.slice(0, holderBytes - 1).padEnd(holderBytes - 1)}\n`), 0);
  } catch (error) {
    // A log must open on a full disk; the lock is held, only its holder's name is not told.
    if (!isFileError(error, 'DISK_FULL')) throw error;
  }
}
