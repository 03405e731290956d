// The contract of Files, held by the operating system's and by the virtual disk's alike.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ErrorCode } from './error-table.ts';
import { readContent, replaceContent } from './file-contents.ts';
import type { Files, OpenFile } from './files.ts';
import { alignedBytes, RealFiles } from './real-files.ts';
import { VirtualDisk } from './virtual-disk.ts';

const text = (content: string): Buffer => Buffer.from(content);
const content = (file: OpenFile): string => {
  const into = Buffer.alloc(file.sizeBytes() + 10);
  return into.toString('latin1', 0, file.pread(into, 0));
};
const refused = (code: ErrorCode, operation?: string): object =>
  expect.objectContaining({
    code,
    ...(operation === undefined ? {} : { details: expect.objectContaining({ operation }) }),
  });

/** On the disk that holds the sources: /tmp is often memory, which knows no O_DIRECT. */
const realFolder = join(import.meta.dirname, '../../../build/test');

const worlds: { name: string; make: () => { files: Files; at: string; end: () => void } }[] = [
  {
    name: 'RealFiles',
    make: () => {
      mkdirSync(realFolder, { recursive: true });
      const at = mkdtempSync(join(realFolder, 'files-'));
      return { files: new RealFiles(), at, end: () => rmSync(at, { recursive: true }) };
    },
  },
  {
    name: 'VirtualFiles',
    make: () => {
      const { files } = new VirtualDisk({ seed: 1 });
      files.mkdir('/data');
      return { files, at: '/data', end: () => undefined };
    },
  },
];

describe.each(worlds)('$name', ({ make }) => {
  let files: Files;
  let at: string;
  let end: () => void;
  beforeEach(() => {
    ({ files, at, end } = make());
  });
  afterEach(() => end());

  test('what is written at a position is read there, and a read ends at the end of the file', () => {
    const file = files.open(join(at, 'a'), 'create-new');
    file.pwrite(text('hello'), 0);
    file.pwrite([text(' '), text(''), text('wor'), text('ld')], 5);
    const into = Buffer.alloc(100);
    expect(file.pread(into, 6)).toBe(5);
    expect(into.toString('latin1', 0, 5)).toBe('world');
    expect(file.pread(into, 11)).toBe(0);
    expect(file.pread(into, 5000)).toBe(0);
    file.fdatasync();
    file.fsync();
    file.close();
    expect(files.stat(join(at, 'a'))).toEqual({ kind: 'file', sizeBytes: 11 });
  });

  test('a write past the end leaves zeroes between, a cut takes away, and growing brings zeroes back', () => {
    const file = files.open(join(at, 'a'), 'create');
    file.pwrite(text('abcdef'), 0);
    file.pwrite(text('x'), 8);
    expect(content(file)).toBe('abcdef\0\0x');
    file.ftruncate(3);
    file.ftruncate(5);
    expect(content(file)).toBe('abc\0\0');
    file.close();
  });

  test('many pieces, more than one system call takes, are written in their order', () => {
    const file = files.open(join(at, 'a'), 'create');
    const pieces = Array.from({ length: 3000 }, (_, index) => text(String(index % 10)));
    file.pwrite(pieces, 7);
    file.pwrite([], 3007);
    expect(content(file)).toBe('\0'.repeat(7) + '0123456789'.repeat(300));
    file.close();
  });

  test('preallocate grows with zeroes, keeps what is there, and never shrinks', () => {
    const file = files.open(join(at, 'a'), 'create');
    file.pwrite(text('head'), 0);
    file.preallocate(3_000_000);
    expect(file.sizeBytes()).toBe(3_000_000);
    const into = Buffer.alloc(3_000_000);
    expect(file.pread(into, 0)).toBe(3_000_000);
    expect(into.equals(Buffer.concat([text('head')], 3_000_000))).toBe(true);
    file.preallocate(10);
    expect(file.sizeBytes()).toBe(3_000_000);
    file.close();
  });

  test('a name appears by create, moves by rename, is shared by link, and goes by unlink', () => {
    const file = files.open(join(at, 'a'), 'create-new');
    file.pwrite(text('one'), 0);
    files.rename(join(at, 'a'), join(at, 'b'));
    files.link(join(at, 'b'), join(at, 'c'));
    files.open(join(at, 'd'), 'create').close();
    files.rename(join(at, 'c'), join(at, 'd'));
    expect(files.readdir(at)).toEqual(['b', 'd']);
    files.unlink(join(at, 'b'));
    const again = files.open(join(at, 'd'), 'read');
    expect(content(again)).toBe('one');
    files.unlink(join(at, 'd'));
    expect(content(again)).toBe('one');
    expect(files.readdir(at)).toEqual([]);
    files.fsyncDirectory(at);
    again.close();
    file.close();
  });

  test('names are listed sorted, whatever the order of their making', () => {
    for (const name of ['b', '10', 'a', '9', 'B']) files.open(join(at, name), 'create').close();
    expect(files.readdir(at)).toEqual(['10', '9', 'B', 'a', 'b']);
  });

  test('directories are made, moved and removed, and hold their files', () => {
    files.mkdir(join(at, 'one'));
    files.open(join(at, 'one', 'f'), 'create').close();
    files.rename(join(at, 'one'), join(at, 'two'));
    expect(files.readdir(join(at, 'two'))).toEqual(['f']);
    expect(files.stat(join(at, 'two'))?.kind).toBe('directory');
    files.rename(join(at, 'two', 'f'), join(at, 'f'));
    files.fsyncDirectory(join(at, 'two'));
    files.rmdir(join(at, 'two'));
    expect(files.readdir(at)).toEqual(['f']);
  });

  test('stat of nothing is null, also below a directory that is not there and below a file', () => {
    files.open(join(at, 'file'), 'create').close();
    expect(files.stat(join(at, 'file', 'below'))).toBeNull();
    expect(files.stat(join(at, 'nothing'))).toBeNull();
    expect(files.stat(join(at, 'nothing', 'below'))).toBeNull();
  });

  test.each<[string, ErrorCode, (files: Files, at: string) => void]>([
    ['open to read what is not there', 'FILE_NOT_FOUND', () => files.open(join(at, 'x'), 'read')],
    ['open to write what is not there', 'FILE_NOT_FOUND', () => files.open(join(at, 'x'), 'write')],
    ['create in a directory that is not there', 'FILE_NOT_FOUND', () => files.open(join(at, 'x', 'y'), 'create')],
    ['create what must not be there', 'FILE_EXISTS', () => files.open(join(at, 'file'), 'create-new')],
    ['open a directory to write', 'FILE_UNSUITABLE', () => files.open(join(at, 'dir'), 'write')],
    ['open below a file', 'FILE_UNSUITABLE', () => files.open(join(at, 'file', 'x'), 'create')],
    ['a name that is too long', 'FILE_UNSUITABLE', () => files.open(join(at, 'x'.repeat(256)), 'create')],
    [
      'write to a file that was opened to read',
      'FILE_UNSUITABLE',
      () => files.open(join(at, 'file'), 'read').pwrite(text('x'), 0),
    ],
    ['cut a file that was opened to read', 'FILE_UNSUITABLE', () => files.open(join(at, 'file'), 'read').ftruncate(0)],
    ['rename what is not there', 'FILE_NOT_FOUND', () => files.rename(join(at, 'x'), join(at, 'y'))],
    ['rename a file over a directory', 'FILE_UNSUITABLE', () => files.rename(join(at, 'file'), join(at, 'dir'))],
    ['rename a directory over a file', 'FILE_UNSUITABLE', () => files.rename(join(at, 'dir'), join(at, 'file'))],
    ['rename a directory into itself', 'FILE_UNSUITABLE', () => files.rename(join(at, 'dir'), join(at, 'dir', 'x'))],
    [
      'rename over a directory that holds something',
      'FILE_UNSUITABLE',
      () => files.rename(join(at, 'empty'), join(at, 'dir')),
    ],
    ['link over a name that is taken', 'FILE_EXISTS', () => files.link(join(at, 'file'), join(at, 'dir', 'held'))],
    ['link what is not there', 'FILE_NOT_FOUND', () => files.link(join(at, 'x'), join(at, 'y'))],
    ['link a directory', 'FILE_ACCESS_DENIED', () => files.link(join(at, 'dir'), join(at, 'y'))],
    ['unlink what is not there', 'FILE_NOT_FOUND', () => files.unlink(join(at, 'x'))],
    ['unlink a directory', 'FILE_UNSUITABLE', () => files.unlink(join(at, 'dir'))],
    ['mkdir over a name that is taken', 'FILE_EXISTS', () => files.mkdir(join(at, 'file'))],
    ['rmdir of what is not there', 'FILE_NOT_FOUND', () => files.rmdir(join(at, 'x'))],
    ['rmdir of a file', 'FILE_UNSUITABLE', () => files.rmdir(join(at, 'file'))],
    ['rmdir of a directory that holds something', 'FILE_UNSUITABLE', () => files.rmdir(join(at, 'dir'))],
    ['readdir of what is not there', 'FILE_NOT_FOUND', () => files.readdir(join(at, 'x'))],
    ['readdir of a file', 'FILE_UNSUITABLE', () => files.readdir(join(at, 'file'))],
    ['fsync of a directory that is not there', 'FILE_NOT_FOUND', () => files.fsyncDirectory(join(at, 'x'))],
    ['stat of a name that is too long', 'FILE_UNSUITABLE', () => files.stat(join(at, 'x'.repeat(256)))],
    ['the space of what is not there', 'FILE_NOT_FOUND', () => files.freeSpace(join(at, 'x'))],
    ['lock in a directory that is not there', 'FILE_NOT_FOUND', () => files.lock(join(at, 'x', 'LOCK'))],
  ])('%s is refused by %s', (_what, code, act) => {
    files.mkdir(join(at, 'dir'));
    files.mkdir(join(at, 'empty'));
    files.open(join(at, 'dir', 'held'), 'create').close();
    files.open(join(at, 'file'), 'create').close();
    expect(() => act(files, at)).toThrow(refused(code));
  });

  test('an error names the operation and the path', () => {
    const path = join(at, 'x');
    expect(() => files.open(path, 'read')).toThrow(`cannot open ${path}: it is not there`);
    expect(() => files.fsyncDirectory(path)).toThrow(refused('FILE_NOT_FOUND', 'fsync directory'));
  });

  test('a file that was closed is not used again', () => {
    const file = files.open(join(at, 'a'), 'create');
    file.close();
    expect(() => file.sizeBytes()).toThrow('is used after it was closed');
    expect(() => file.close()).toThrow('is used after it was closed');
  });

  test('a lock is held once, and free again after its release', () => {
    const path = join(at, 'LOCK');
    const lock = files.lock(path);
    expect(lock.path).toBe(path);
    expect(() => files.lock(path)).toThrow(refused('FILE_LOCKED'));
    lock.release();
    files.lock(path).release();
    expect(files.readdir(at)).toEqual(['LOCK']);
  });

  test('direct reads and writes take whole sectors of aligned memory and refuse others', () => {
    const file = files.open(join(at, 'a'), 'create', { direct: true });
    const bytes = alignedBytes(8192);
    bytes.fill(7);
    file.pwrite(bytes, 4096);
    bytes.fill(0);
    expect(file.pread(bytes, 4096)).toBe(8192);
    expect(bytes.every((byte) => byte === 7)).toBe(true);
    expect(() => file.pwrite(bytes.subarray(0, 100), 0)).toThrow(refused('FILE_UNSUITABLE'));
    expect(() => file.pwrite(bytes, 100)).toThrow(refused('FILE_UNSUITABLE'));
    file.close();
  });

  test('free space is below the total, and what is not there has none', () => {
    const { freeBytes, totalBytes } = files.freeSpace(at);
    expect(freeBytes).toBeGreaterThan(0);
    expect(totalBytes).toBeGreaterThanOrEqual(freeBytes);
  });

  test('a whole file is replaced by a shorter one and read back', () => {
    const path = join(at, 'identity');
    expect(readContent(files, path, 100)).toBeNull();
    replaceContent(files, path, text('a long content'));
    const aborted = files.open(`${path}.partial`, 'create');
    aborted.pwrite(text('what an aborted attempt left'), 0);
    aborted.close();
    replaceContent(files, path, text('short'));
    expect(Buffer.from(readContent(files, path, 5) ?? []).toString()).toBe('short');
    expect(() => readContent(files, path, 4)).toThrow(refused('FILE_TOO_LARGE'));
    expect(files.readdir(at)).toEqual(['identity']);
  });

  test('any sequence of writes, cuts and reads does what a plain byte array does', () => {
    const size = fc.nat(3000);
    const operation = fc.oneof(
      fc.record({ write: fc.uint8Array({ maxLength: 1500 }), position: size, pieces: fc.integer({ min: 1, max: 4 }) }),
      fc.record({ truncate: size }),
      fc.record({ preallocate: size }),
      fc.record({ read: size, position: size }),
      fc.constant({ sync: true as const }),
    );
    let run = 0;
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 30 }), (operations) => {
        const file = files.open(join(at, `property-${++run}`), 'create-new');
        let model = Buffer.alloc(0);
        for (const each of operations) {
          if ('write' in each) {
            const step = Math.ceil(each.write.length / each.pieces);
            const pieces = Array.from({ length: each.pieces }, (_, i) => each.write.subarray(i * step, (i + 1) * step));
            file.pwrite(each.pieces === 1 ? each.write : pieces, each.position);
            const end = each.write.length === 0 ? 0 : each.position + each.write.length;
            model = Buffer.concat([model], Math.max(model.length, end));
            if (end > 0) model.set(each.write, each.position);
          } else if ('truncate' in each) {
            file.ftruncate(each.truncate);
            model = Buffer.concat([model], each.truncate);
          } else if ('preallocate' in each) {
            file.preallocate(each.preallocate);
            model = Buffer.concat([model], Math.max(model.length, each.preallocate));
          } else if ('read' in each) {
            const into = Buffer.alloc(each.read);
            const expected = model.subarray(each.position, each.position + each.read);
            expect(into.subarray(0, file.pread(into, each.position)).equals(expected)).toBe(true);
          } else {
            file.fdatasync();
          }
          expect(file.sizeBytes()).toBe(model.length);
        }
        file.close();
      }),
      { numRuns: 60 },
    );
  });
});
