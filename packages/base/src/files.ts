// What a log or a database file needs from a file system, as synchronous calls (packages/tooling/adr/0007-synchronous-files.md):
// the thread that owns the files blocks on purpose. `RealFiles` is the operating system, `VirtualDisk` a disk that fails
// as disks do. Every failure is an OpError with the path and the operation; paths are absolute.
//
// What is durable when: a file's bytes and size after fdatasync or fsync of it; a name that was created, renamed or
// removed after fsyncDirectory of the directory. Nothing before, and in no promised order. A failed fdatasync or fsync
// may have dropped the bytes while a second one succeeds, so it is never repeated: the file's holder gives up.

/** `read` and `write` (which also reads) need the file to be there, `create` makes it if it is not, `create-new` must make it. */
export type OpenMode = 'read' | 'write' | 'create' | 'create-new';

export interface OpenOptions {
  /** Past the page cache (O_DIRECT): positions, lengths and memory in whole sectors; memory from `alignedBytes`. */
  readonly direct?: boolean;
  /** Of a file that this call makes; 0600 without. */
  readonly permissions?: number;
}

export interface FileStat {
  readonly kind: 'file' | 'directory' | 'other';
  readonly sizeBytes: number;
}

export interface FreeSpace {
  /** What an ordinary user may still write. */
  readonly freeBytes: number;
  readonly totalBytes: number;
}

export interface OpenFile {
  readonly path: string;
  /** Fills `into` from `position`; returns less than its length only at the end of the file. */
  pread(into: Uint8Array, position: number): number;
  /** Writes all of it. After an error any part of it may be in the file. */
  pwrite(bytes: Uint8Array | readonly Uint8Array[], position: number): void;
  /** The bytes, and the size if it grew. */
  fdatasync(): void;
  /** The bytes and everything that is known about the file. */
  fsync(): void;
  ftruncate(sizeBytes: number): void;
  /** Grows the file to `sizeBytes` of which every sector has its place on the disk; leaves it as it was when that fails. */
  preallocate(sizeBytes: number): void;
  sizeBytes(): number;
  close(): void;
}

/** Held until released or until the process ends, however it ends. */
export interface FileLock {
  readonly path: string;
  release(): void;
}

export interface Files {
  open(path: string, mode: OpenMode, options?: OpenOptions): OpenFile;
  /** Replaces `to` in one step if it is there. */
  rename(from: string, to: string): void;
  link(from: string, to: string): void;
  unlink(path: string): void;
  mkdir(path: string): void;
  rmdir(path: string): void;
  /** Names, sorted. */
  readdir(path: string): string[];
  /** null if there is nothing of this name. */
  stat(path: string): FileStat | null;
  fsyncDirectory(path: string): void;
  /** An exclusive advisory lock on a file that is made for it and stays. FILE_LOCKED names the holder. */
  lock(path: string): FileLock;
  freeSpace(path: string): FreeSpace;
}

/** The calls, as errors and faults name them. */
export type FileOperation =
  | 'open'
  | 'pread'
  | 'pwrite'
  | 'fdatasync'
  | 'fsync'
  | 'ftruncate'
  | 'preallocate'
  | 'fstat'
  | 'close'
  | 'rename'
  | 'link'
  | 'unlink'
  | 'mkdir'
  | 'rmdir'
  | 'readdir'
  | 'stat'
  | 'fsync directory'
  | 'lock'
  | 'statfs';
