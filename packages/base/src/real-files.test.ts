// What only the operating system's files can show: real errors, and the native calls that are handed in.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { alignedBytes, RealFiles } from './real-files.ts';

let at: string;
beforeEach(() => {
  at = mkdtempSync(join(tmpdir(), 'holdfast-real-files-'));
});
afterEach(() => rmSync(at, { recursive: true }));

test('a full disk is DISK_FULL, with the path and the operation', () => {
  const full = new RealFiles().open('/dev/full', 'write');
  expect(() => full.pwrite(Buffer.alloc(1), 0)).toThrow('cannot pwrite /dev/full: the disk or its quota is full');
  expect(() => full.pwrite([Buffer.alloc(1), Buffer.alloc(1)], 0)).toThrow('cannot pwrite /dev/full');
  full.close();
});

test('an error of the disk is IO_ERROR', () => {
  const memory = new RealFiles().open('/proc/self/mem', 'read');
  expect(() => memory.pread(Buffer.alloc(1), 0)).toThrow('cannot pread /proc/self/mem: EIO');
  memory.close();
});

test('what is made is closed to others unless it is asked for', () => {
  const files = new RealFiles();
  files.open(join(at, 'secret'), 'create').close();
  files.open(join(at, 'open'), 'create', { permissions: 0o644 }).close();
  files.mkdir(join(at, 'folder'));
  const modes = ['secret', 'open', 'folder'].map((name) => statSync(join(at, name)).mode & 0o777);
  expect(modes).toEqual([0o600, 0o644, 0o700]);
});

test('a native fallocate replaces the zeroes, and a file is as it was when it fails', () => {
  const asked: number[][] = [];
  const files = new RealFiles({ fallocate: (_descriptor, position, length) => void asked.push([position, length]) });
  const file = files.open(join(at, 'a'), 'create');
  file.pwrite(Buffer.from('head'), 0);
  file.preallocate(100);
  expect(asked).toEqual([[4, 96]]);
  file.close();

  const full = new RealFiles({
    fallocate: (descriptor, position) => {
      writeSync(descriptor, Buffer.alloc(50), 0, 50, position);
      throw Object.assign(new Error('full'), { code: 'ENOSPC', errno: -28 });
    },
  });
  const other = full.open(join(at, 'b'), 'create');
  other.pwrite(Buffer.from('head'), 0);
  expect(() => other.preallocate(100)).toThrow('the disk or its quota is full');
  expect(other.sizeBytes()).toBe(4);
  other.close();
});

test('aligned memory is zeroed and of the length asked for, and there is a limit to it', () => {
  const bytes = alignedBytes(70_000);
  expect([bytes.length, bytes.every((byte) => byte === 0)]).toEqual([70_000, true]);
  expect(() => alignedBytes(2 ** 31)).toThrow('2147483648 bytes of aligned memory');
});
