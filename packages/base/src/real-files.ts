// Files on the operating system, by Node's synchronous calls. One call is one system call wherever the kernel does it in
// one; no call goes through the thread pool.
import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  readSync,
  readdirSync,
  renameSync,
  rmdirSync,
  statSync,
  statfsSync,
  unlinkSync,
  writeSync,
  writevSync,
} from 'node:fs';
import { withFileErrors } from './file-errors.ts';
import type { FileLock, FileOperation, FileStat, Files, FreeSpace, OpenFile, OpenMode, OpenOptions } from './files.ts';
import { invariant } from './invariant.ts';
import { OpError } from './op-error.ts';
import { flockByUtility, lockFile, type Flock } from './real-file-lock.ts';

export interface NativeFileCalls {
  /** fallocate(2) without flags; zeroes are written when it is null. */
  readonly fallocate: ((descriptor: number, position: number, length: number) => void) | null;
  /** flock(2) with LOCK_EX | LOCK_NB: false if somebody else holds it. */
  readonly flock: Flock;
}

const openFlags = {
  read: constants.O_RDONLY,
  write: constants.O_RDWR,
  create: constants.O_RDWR | constants.O_CREAT,
  'create-new': constants.O_RDWR | constants.O_CREAT | constants.O_EXCL,
} as const satisfies Record<OpenMode, number>;

const directoryPermissions = 0o700;

export class RealFiles implements Files {
  readonly #native: NativeFileCalls;

  /** `kernel` hands in native calls; each has a substitute here. */
  constructor(native: Partial<NativeFileCalls> = {}) {
    this.#native = { fallocate: native.fallocate ?? null, flock: native.flock ?? flockByUtility };
  }

  open(path: string, mode: OpenMode, options: OpenOptions = {}): RealFile {
    const flags = openFlags[mode] | (options.direct === true ? constants.O_DIRECT : 0);
    const descriptor = named('open', path, () => openSync(path, flags, options.permissions ?? 0o600));
    return options.direct === true
      ? new DirectFile(path, descriptor, this.#native)
      : new RealFile(path, descriptor, this.#native);
  }

  rename(from: string, to: string): void {
    named('rename', from, () => renameSync(from, to));
  }
  link(from: string, to: string): void {
    named('link', from, () => linkSync(from, to));
  }
  unlink(path: string): void {
    named('unlink', path, () => unlinkSync(path));
  }
  mkdir(path: string): void {
    named('mkdir', path, () => mkdirSync(path, { mode: directoryPermissions }));
  }
  rmdir(path: string): void {
    named('rmdir', path, () => rmdirSync(path));
  }
  readdir(path: string): string[] {
    return named('readdir', path, () => readdirSync(path)).sort(compareNames);
  }

  stat(path: string): FileStat | null {
    const stat = named('stat', path, () => statSync(path, { throwIfNoEntry: false }));
    if (stat === undefined) return null;
    return { kind: stat.isFile() ? 'file' : stat.isDirectory() ? 'directory' : 'other', sizeBytes: stat.size };
  }

  fsyncDirectory(path: string): void {
    named('fsync directory', path, () => {
      const descriptor = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
      try {
        fsyncSync(descriptor);
      } finally {
        closeSync(descriptor);
      }
    });
  }

  lock(path: string): FileLock {
    return lockFile(this, path, this.#native.flock);
  }

  freeSpace(path: string): FreeSpace {
    const { bavail, blocks, bsize } = named('statfs', path, () => statfsSync(path));
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  }
}

/** Zeroes are written in pieces of this size. */
const zeroes = Buffer.alloc(1024 * 1024);

export class RealFile implements OpenFile {
  readonly path: string;
  readonly #native: NativeFileCalls;
  /** -1 once closed: the number may be another file's by then. */
  #descriptor: number;

  constructor(path: string, descriptor: number, native: NativeFileCalls) {
    this.path = path;
    this.#descriptor = descriptor;
    this.#native = native;
  }

  get descriptor(): number {
    invariant(this.#descriptor !== -1, `${this.path} is used after it was closed`);
    return this.#descriptor;
  }

  pread(into: Uint8Array, position: number): number {
    const descriptor = this.descriptor;
    return named('pread', this.path, () => {
      let done = 0;
      while (done < into.length) {
        const count = readSync(descriptor, into, done, into.length - done, position + done);
        if (count === 0) break;
        done += count;
      }
      return done;
    });
  }

  pwrite(bytes: Uint8Array | readonly Uint8Array[], position: number): void {
    const descriptor = this.descriptor;
    named('pwrite', this.path, () => {
      if (bytes instanceof Uint8Array) writeAll(descriptor, bytes, position);
      else writeAllOf(descriptor, bytes, position);
    });
  }

  fdatasync(): void {
    named('fdatasync', this.path, () => fdatasyncSync(this.descriptor));
  }
  fsync(): void {
    named('fsync', this.path, () => fsyncSync(this.descriptor));
  }
  ftruncate(sizeBytes: number): void {
    named('ftruncate', this.path, () => ftruncateSync(this.descriptor, sizeBytes));
  }
  sizeBytes(): number {
    return named('fstat', this.path, () => fstatSync(this.descriptor).size);
  }

  /**
   * Zeroes unless a native fallocate is there. They cost their writing once; extents that fallocate left "unwritten" cost
   * a commit of the file system's journal at the first fdatasync over each of them, in the log's hot path.
   */
  preallocate(sizeBytes: number): void {
    const descriptor = this.descriptor;
    const before = this.sizeBytes();
    if (sizeBytes <= before) return;
    named('preallocate', this.path, () => {
      try {
        if (this.#native.fallocate !== null) this.#native.fallocate(descriptor, before, sizeBytes - before);
        else writeZeroes(descriptor, before, sizeBytes);
      } catch (error) {
        ftruncateSync(descriptor, before);
        throw error;
      }
    });
  }

  close(): void {
    const descriptor = this.descriptor;
    this.#descriptor = -1;
    named('close', this.path, () => closeSync(descriptor));
  }
}

/** Whole sectors only, on every file system: one in memory would take anything, and the code would fail on its first disk. */
class DirectFile extends RealFile {
  override pread(into: Uint8Array, position: number): number {
    this.#check('pread', into.length, position);
    return super.pread(into, position);
  }

  override pwrite(bytes: Uint8Array | readonly Uint8Array[], position: number): void {
    const pieces = bytes instanceof Uint8Array ? [bytes] : bytes;
    for (const piece of pieces) this.#check('pwrite', piece.length, position);
    super.pwrite(bytes, position);
  }

  #check(operation: FileOperation, lengthBytes: number, position: number): void {
    if (lengthBytes % sectorBytes === 0 && position % sectorBytes === 0) return;
    throw new OpError('FILE_UNSUITABLE', { operation, path: this.path, errno: 'EINVAL' });
  }
}

/** The smallest sector; a device with larger ones refuses the rest itself. */
const sectorBytes = 512;

/** The kernel may take less than it was given (a signal, a full disk); the rest follows, and its error with it. */
function writeAll(descriptor: number, bytes: Uint8Array, position: number): void {
  let done = 0;
  while (done < bytes.length)
    done += progress(writeSync(descriptor, bytes, done, bytes.length - done, position + done));
}

function writeAllOf(descriptor: number, pieces: readonly Uint8Array[], position: number): void {
  const lengthBytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
  if (lengthBytes === 0) return;
  let done = progress(writevSync(descriptor, pieces, position));
  if (done === lengthBytes) return;
  let startBytes = 0;
  for (const piece of pieces) {
    const endBytes = startBytes + piece.length;
    if (endBytes > done) {
      writeAll(descriptor, piece.subarray(done - startBytes), position + done);
      done = endBytes;
    }
    startBytes = endBytes;
  }
}

function progress(written: number): number {
  invariant(written > 0, 'a write of some bytes wrote none and said no error');
  return written;
}

function writeZeroes(descriptor: number, fromBytes: number, toBytes: number): void {
  for (let position = fromBytes; position < toBytes; position += zeroes.length) {
    writeAll(descriptor, zeroes.subarray(0, Math.min(zeroes.length, toBytes - position)), position);
  }
}

function named<Value>(operation: FileOperation, path: string, run: () => Value): Value {
  return withFileErrors({ operation, path }, run);
}

export function compareNames(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/** The part of the global that is used here: the es2024 library does not know it, and the one of browsers brings all of theirs. */
declare const WebAssembly: { readonly Memory: new (options: { initial: number }) => { readonly buffer: ArrayBuffer } };

const wasmPageBytes = 65_536;
/** Nothing asks for more at once; a typing error would reserve gigabytes. */
const alignedLimitBytes = 1024 * 1024 * 1024;

/**
 * Zeroed memory that begins at a page's boundary, as O_DIRECT wants it. Buffers begin 16 bytes past one; a WebAssembly
 * memory is mapped by pages of its own.
 */
export function alignedBytes(lengthBytes: number): Uint8Array {
  invariant(lengthBytes > 0 && lengthBytes <= alignedLimitBytes, `${lengthBytes} bytes of aligned memory`);
  const memory = new WebAssembly.Memory({ initial: Math.ceil(lengthBytes / wasmPageBytes) });
  return new Uint8Array(memory.buffer, 0, lengthBytes);
}
