// The operating system's files, of which one call that changes something is the process's last: the kill falls before it, or, for
// a write, in the middle of it. Calls are counted from 1; what only reads is not counted.
import { RealFiles } from '@holdfast/base';
import type { FileLock, Files, FileStat, FreeSpace, OpenFile, OpenMode, OpenOptions } from '@holdfast/base';

export interface KillPoint {
  readonly call: number;
  readonly moment: 'before' | 'within';
}

export class KillingFiles implements Files {
  /** The names of the calls so far. */
  readonly calls: string[] = [];
  readonly #files = new RealFiles();
  readonly #point: KillPoint | null;

  constructor(point: KillPoint | null) {
    this.#point = point;
  }

  /** Whether the call is to be begun and not ended. */
  enter(name: string): boolean {
    this.calls.push(name);
    if (this.calls.length !== this.#point?.call) return false;
    if (this.#point.moment === 'within') return true;
    return this.die();
  }

  die(): never {
    process.kill(process.pid, 'SIGKILL');
    throw new Error('the process outlived its kill');
  }

  open(path: string, mode: OpenMode, options?: OpenOptions): OpenFile {
    if (mode === 'create' || mode === 'create-new') this.enter('open');
    return new KillingFile(this, this.#files.open(path, mode, options));
  }
  rename(from: string, to: string): void {
    this.enter('rename');
    this.#files.rename(from, to);
  }
  link(from: string, to: string): void {
    this.enter('link');
    this.#files.link(from, to);
  }
  unlink(path: string): void {
    this.enter('unlink');
    this.#files.unlink(path);
  }
  mkdir(path: string): void {
    this.enter('mkdir');
    this.#files.mkdir(path);
  }
  rmdir(path: string): void {
    this.enter('rmdir');
    this.#files.rmdir(path);
  }
  fsyncDirectory(path: string): void {
    this.enter('fsync directory');
    this.#files.fsyncDirectory(path);
  }
  lock(path: string): FileLock {
    this.enter('lock');
    return this.#files.lock(path);
  }
  readdir(path: string): string[] {
    return this.#files.readdir(path);
  }
  stat(path: string): FileStat | null {
    return this.#files.stat(path);
  }
  freeSpace(path: string): FreeSpace {
    return this.#files.freeSpace(path);
  }
}

class KillingFile implements OpenFile {
  readonly #files: KillingFiles;
  readonly #file: OpenFile;

  constructor(files: KillingFiles, file: OpenFile) {
    this.#files = files;
    this.#file = file;
  }

  get path(): string {
    return this.#file.path;
  }

  pwrite(bytes: Uint8Array | readonly Uint8Array[], position: number): void {
    if (this.#files.enter('pwrite')) {
      const whole = bytes instanceof Uint8Array ? bytes : Buffer.concat(bytes);
      this.#file.pwrite(whole.subarray(0, Math.floor(whole.length / 2)), position);
      this.#files.die();
    }
    this.#file.pwrite(bytes, position);
  }
  fdatasync(): void {
    this.#files.enter('fdatasync');
    this.#file.fdatasync();
  }
  fsync(): void {
    this.#files.enter('fsync');
    this.#file.fsync();
  }
  ftruncate(sizeBytes: number): void {
    this.#files.enter('ftruncate');
    this.#file.ftruncate(sizeBytes);
  }
  preallocate(sizeBytes: number): void {
    this.#files.enter('preallocate');
    this.#file.preallocate(sizeBytes);
  }
  pread(into: Uint8Array, position: number): number {
    return this.#file.pread(into, position);
  }
  sizeBytes(): number {
    return this.#file.sizeBytes();
  }
  close(): void {
    this.#file.close();
  }
}
