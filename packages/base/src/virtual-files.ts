// One process's view of a virtual disk: the Files interface, by the errnos that Linux answers with.
import { fileError } from './file-errors.ts';
import type { FileLock, FileOperation, FileStat, Files, FreeSpace, OpenFile, OpenMode, OpenOptions } from './files.ts';
import { invariant } from './invariant.ts';
import { OpError } from './op-error.ts';
import type { DiskCall, VirtualDisk } from './virtual-disk.ts';
import { sectorBytes } from './virtual-file-content.ts';
import { rootNumber, type FileInode, type Inode } from './virtual-names.ts';

interface Place {
  readonly directory: number;
  readonly name: string;
  readonly inode: Inode | null;
}

const nameLimitBytes = 255;

export class VirtualFiles implements Files {
  readonly #disk: VirtualDisk;
  /** Open handles by inode. */
  readonly #handles = new Map<number, number>();
  readonly #locked = new Set<number>();

  constructor(disk: VirtualDisk) {
    this.#disk = disk;
  }

  open(path: string, mode: OpenMode, options: OpenOptions = {}): OpenFile {
    const makes = mode === 'create' || mode === 'create-new';
    return this.#call('open', path, makes, () => {
      const { directory, name, inode } = this.#place('open', path);
      if (mode === 'create-new' && inode !== null) throw fileError({ operation: 'open', path }, 'EEXIST');
      if (inode?.kind === 'directory') throw fileError({ operation: 'open', path }, 'EISDIR');
      if (inode === null && !makes) throw fileError({ operation: 'open', path }, 'ENOENT');
      const file = inode ?? this.#disk.names.makeFile();
      if (inode === null) this.#disk.names.change([{ directory, name, inode: file.number }]);
      this.#handles.set(file.number, (this.#handles.get(file.number) ?? 0) + 1);
      return new VirtualFile({ files: this, path, inode: file, mode, isDirect: options.direct === true });
    });
  }

  rename(from: string, to: string): void {
    this.#call('rename', from, true, () => {
      const source = this.#place('rename', from);
      const target = this.#place('rename', to);
      if (source.inode === null) throw fileError({ operation: 'rename', path: from }, 'ENOENT');
      if (source.inode.number === target.inode?.number) return;
      this.#checkReplaceable(source.inode, target.inode, from);
      const isInside = source.inode.kind === 'directory' && `${to}/`.startsWith(`${from}/`);
      if (isInside) throw fileError({ operation: 'rename', path: from }, 'EINVAL');
      this.#disk.names.change([
        { directory: source.directory, name: source.name, inode: null },
        { directory: target.directory, name: target.name, inode: source.inode.number },
      ]);
      this.#forget();
    });
  }

  link(from: string, to: string): void {
    this.#call('link', from, true, () => {
      const source = this.#place('link', from);
      const target = this.#place('link', to);
      if (source.inode === null) throw fileError({ operation: 'link', path: from }, 'ENOENT');
      if (target.inode !== null) throw fileError({ operation: 'link', path: from }, 'EEXIST');
      if (source.inode.kind === 'directory') throw fileError({ operation: 'link', path: from }, 'EPERM');
      this.#disk.names.change([{ directory: target.directory, name: target.name, inode: source.inode.number }]);
    });
  }

  unlink(path: string): void {
    this.#call('unlink', path, true, () => {
      const { directory, name, inode } = this.#place('unlink', path);
      if (inode === null) throw fileError({ operation: 'unlink', path }, 'ENOENT');
      if (inode.kind === 'directory') throw fileError({ operation: 'unlink', path }, 'EISDIR');
      this.#disk.names.change([{ directory, name, inode: null }]);
      this.#forget();
    });
  }

  mkdir(path: string): void {
    this.#call('mkdir', path, true, () => {
      const { directory, name, inode } = this.#place('mkdir', path);
      if (inode !== null) throw fileError({ operation: 'mkdir', path }, 'EEXIST');
      this.#disk.names.change([{ directory, name, inode: this.#disk.names.makeDirectory().number }]);
    });
  }

  rmdir(path: string): void {
    this.#call('rmdir', path, true, () => {
      const { directory, name } = this.#place('rmdir', path);
      const number = this.#directory('rmdir', path);
      if (this.#disk.names.names(number).length > 0) throw fileError({ operation: 'rmdir', path }, 'ENOTEMPTY');
      this.#disk.names.change([{ directory, name, inode: null }]);
      this.#forget();
    });
  }

  readdir(path: string): string[] {
    return this.#call('readdir', path, false, () =>
      this.#disk.names.names(this.#directory('readdir', path)).sort(byCodeUnit),
    );
  }

  stat(path: string): FileStat | null {
    return this.#call('stat', path, false, () => {
      const inode = this.#find(path);
      if (inode === null) return null;
      return { kind: inode.kind, sizeBytes: inode.kind === 'file' ? inode.content.sizeBytes : 0 };
    });
  }

  fsyncDirectory(path: string): void {
    this.#call('fsync directory', path, true, () => this.#disk.names.fsync(this.#directory('fsync directory', path)));
  }

  lock(path: string): FileLock {
    const file = this.open(path, 'create');
    const { number } = this.inodeOf(path);
    if (this.#locked.has(number)) {
      file.close();
      throw new OpError('FILE_LOCKED', { path, holder: 'another process' });
    }
    this.#locked.add(number);
    return {
      path,
      release: () => {
        this.#locked.delete(number);
        file.close();
      },
    };
  }

  freeSpace(path: string): FreeSpace {
    return this.#call('statfs', path, false, () => {
      if (this.#find(path) === null) throw fileError({ operation: 'statfs', path }, 'ENOENT');
      const totalBytes = this.#disk.capacityBytes;
      return { freeBytes: Math.max(0, totalBytes - this.#disk.usedBytes), totalBytes };
    });
  }

  /** The file at `path`, for the disk's own hand. */
  inodeOf(path: string): FileInode {
    const inode = this.#find(path);
    invariant(inode?.kind === 'file', `${path} is no file`);
    return inode;
  }

  /** One call on an open file. */
  callOn<Value>(call: DiskCall<Value>): Value {
    return this.#disk.call(this, call);
  }
  get disk(): VirtualDisk {
    return this.#disk;
  }

  release(inode: FileInode): void {
    const left = (this.#handles.get(inode.number) ?? 0) - 1;
    if (left > 0) this.#handles.set(inode.number, left);
    else this.#handles.delete(inode.number);
    this.#forget();
  }

  #call<Value>(operation: FileOperation, path: string, changes: boolean, run: () => Value): Value {
    return this.#disk.call(this, { operation, path, changes, run });
  }

  #forget(): void {
    this.#disk.names.dropUnnamed(new Set(this.#handles.keys()));
  }

  #checkReplaceable(source: Inode, target: Inode | null, path: string): void {
    if (target === null) return;
    const call = { operation: 'rename', path } as const;
    if (target.kind === 'directory') {
      if (source.kind !== 'directory') throw fileError(call, 'EISDIR');
      if (this.#disk.names.names(target.number).length > 0) throw fileError(call, 'ENOTEMPTY');
    } else if (source.kind === 'directory') {
      throw fileError(call, 'ENOTDIR');
    }
  }

  #directory(operation: FileOperation, path: string): number {
    const inode = path === '/' ? this.#disk.names.inode(rootNumber) : this.#place(operation, path).inode;
    if (inode === null) throw fileError({ operation, path }, 'ENOENT');
    if (inode.kind !== 'directory') throw fileError({ operation, path }, 'ENOTDIR');
    return inode.number;
  }

  #find(path: string): Inode | null {
    if (path === '/') return this.#disk.names.inode(rootNumber);
    try {
      return this.#place('stat', path).inode;
    } catch (error) {
      const isAbsent =
        error instanceof OpError && (error.code === 'FILE_NOT_FOUND' || error.details['errno'] === 'ENOTDIR');
      if (isAbsent) return null;
      throw error;
    }
  }

  #place(operation: FileOperation, path: string): Place {
    invariant(path.startsWith('/') && path !== '/', `${path} is no absolute path of an entry`);
    const names = path.split('/').filter((name) => name !== '');
    const last = names.pop() ?? '';
    if (Buffer.byteLength(last) > nameLimitBytes) throw fileError({ operation, path }, 'ENAMETOOLONG');
    let directory = rootNumber;
    for (const name of names) {
      const inode = this.#disk.names.lookup(directory, name);
      if (inode === null) throw fileError({ operation, path }, 'ENOENT');
      if (inode.kind !== 'directory') throw fileError({ operation, path }, 'ENOTDIR');
      directory = inode.number;
    }
    return { directory, name: last, inode: this.#disk.names.lookup(directory, last) };
  }
}

interface VirtualFileParts {
  readonly files: VirtualFiles;
  readonly path: string;
  readonly inode: FileInode;
  readonly mode: OpenMode;
  readonly isDirect: boolean;
}

class VirtualFile implements OpenFile {
  readonly path: string;
  readonly #files: VirtualFiles;
  readonly #inode: FileInode;
  readonly #mode: OpenMode;
  readonly #isDirect: boolean;
  #isOpen = true;

  constructor(parts: VirtualFileParts) {
    this.path = parts.path;
    this.#files = parts.files;
    this.#inode = parts.inode;
    this.#mode = parts.mode;
    this.#isDirect = parts.isDirect;
  }

  pread(into: Uint8Array, position: number): number {
    const run = (): number => {
      this.#checkDirect('pread', position, into.length);
      this.#rot(position, into.length);
      const count = this.#inode.content.read(into, position);
      if (count > 0 && this.#disk.faults.happens('readFlip')) flip(into, this.#disk.random.below(count * 8));
      return count;
    };
    return this.#call({ operation: 'pread', lengthBytes: into.length, changes: false, run });
  }

  pwrite(bytes: Uint8Array | readonly Uint8Array[], position: number): void {
    const all = bytes instanceof Uint8Array ? bytes : Buffer.concat(bytes);
    const run = (): void => {
      this.#checkWritable('pwrite');
      this.#checkDirect('pwrite', position, all.length);
      const fitting = this.#disk.fittingBytes(this.#inode, position, position + all.length);
      this.#inode.content.write(all.subarray(0, fitting), position);
      if (fitting < all.length) throw fileError({ operation: 'pwrite', path: this.path }, 'ENOSPC');
    };
    const runPart = (): void => {
      const sectors = Math.ceil(all.length / sectorBytes);
      const part = all.subarray(0, this.#disk.random.below(sectors + 1) * sectorBytes);
      const fitting = this.#disk.fittingBytes(this.#inode, position, position + part.length);
      this.#inode.content.write(part.subarray(0, fitting), position);
    };
    this.#call({ operation: 'pwrite', lengthBytes: all.length, changes: true, run, runPart });
  }

  fdatasync(): void {
    this.#sync('fdatasync');
  }
  fsync(): void {
    this.#sync('fsync');
  }

  ftruncate(sizeBytes: number): void {
    const run = (): void => {
      this.#checkWritable('ftruncate');
      this.#inode.content.truncate(sizeBytes);
    };
    this.#call({ operation: 'ftruncate', changes: true, run });
  }

  preallocate(sizeBytes: number): void {
    const run = (): void => {
      this.#checkWritable('preallocate');
      const before = this.#inode.content.sizeBytes;
      if (sizeBytes <= before) return;
      const fitting = this.#disk.fittingBytes(this.#inode, before, sizeBytes);
      if (fitting < sizeBytes - before) throw fileError({ operation: 'preallocate', path: this.path }, 'ENOSPC');
      this.#inode.content.preallocate(sizeBytes);
    };
    /** A process that dies on the way leaves a file that grew in part; one that gets an error puts it back. */
    const runPart = (errno: string | null): void => {
      const missing = sizeBytes - this.#inode.content.sizeBytes;
      if (errno === null && missing > 0) this.#inode.content.preallocate(sizeBytes - this.#disk.random.below(missing));
    };
    this.#call({ operation: 'preallocate', changes: true, run, runPart });
  }

  sizeBytes(): number {
    return this.#call({ operation: 'fstat', changes: false, run: () => this.#inode.content.sizeBytes });
  }

  close(): void {
    const run = (): void => {
      this.#isOpen = false;
      this.#files.release(this.#inode);
    };
    this.#call({ operation: 'close', changes: false, run });
  }

  get #disk(): VirtualDisk {
    return this.#files.disk;
  }

  #call<Value>(call: Omit<DiskCall<Value>, 'path'>): Value {
    invariant(this.#isOpen, `${this.path} is used after it was closed`);
    return this.#files.callOn({ ...call, path: this.path });
  }

  #sync(operation: 'fdatasync' | 'fsync'): void {
    const run = (): void => {
      this.#inode.content.sync(this.#disk.syncFaults());
      this.#disk.noteSynced(this.#inode.content);
    };
    const runPart = (errno: string | null): void => {
      if (errno !== null) this.#inode.content.failSync(this.#disk.random);
    };
    this.#call({ operation, changes: true, run, runPart });
  }

  #checkWritable(operation: FileOperation): void {
    if (this.#mode === 'read')
      throw fileError({ operation, path: this.path }, operation === 'ftruncate' ? 'EINVAL' : 'EBADF');
  }

  #checkDirect(operation: FileOperation, position: number, lengthBytes: number): void {
    if (!this.#isDirect || (position % sectorBytes === 0 && lengthBytes % sectorBytes === 0)) return;
    throw fileError({ operation, path: this.path }, 'EINVAL');
  }

  #rot(position: number, lengthBytes: number): void {
    const end = Math.min(position + lengthBytes, this.#inode.content.durableSizeBytes);
    if (end <= position || !this.#disk.faults.happens('rot')) return;
    this.#inode.content.rot(position + this.#disk.random.below(end - position), this.#disk.random.below(8));
  }
}

function flip(bytes: Uint8Array, bit: number): void {
  const index = bit >> 3;
  bytes.set([(bytes[index] ?? 0) ^ (1 << (bit & 7))], index);
}

function byCodeUnit(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
