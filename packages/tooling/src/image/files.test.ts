import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { writeArchive } from './archive.ts';
import { sha256Of } from './cache.ts';
import { filesBelow, settle, walk } from './files.ts';
import { describeImage } from './image-config.ts';

const made: string[] = [];
const temporary = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-files-'));
  made.push(folder);
  return folder;
};
afterEach(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true });
});

/** The same tree, made by people whose umask and patience differ. */
function makeTree({ umask, names }: { readonly umask: number; readonly names: readonly string[] }): string {
  const folder = temporary();
  const before = process.umask(umask);
  try {
    for (const name of names) {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, 'program'), name, { mode: 0o777 });
      writeFileSync(join(folder, name, 'text'), name);
    }
  } finally {
    process.umask(before);
  }
  symlinkSync('a', join(folder, 'link'));
  chmodSync(join(folder, 'a/program'), 0o6755);
  settle(folder, { date: '2026-11-21T00:00:00Z', folderModes: { tmp: 0o1777 } });
  return folder;
}

const describeTree = (folder: string): string[] =>
  [...walk(folder)].map(([path, { mode, mtimeMs }]) => `${path} ${mode.toString(8)} ${mtimeMs}`);

test('a settled tree tells nothing of when, by whom and in which order it was made', () => {
  const [one, other] = [
    makeTree({ umask: 0o022, names: ['a', 'b', 'tmp'] }),
    makeTree({ umask: 0o077, names: ['tmp', 'b', 'a'] }),
  ];
  expect(describeTree(one)).toEqual(describeTree(other));
  expect(describeTree(one)).toContain('tmp 41777 1795219200000');
  expect(describeTree(one)).toContain('a/program 100755 1795219200000');
  expect(filesBelow(one)).toHaveLength(6);
});

test('the same layers and facts give the same archive, byte by byte', () => {
  const archives = [0o022, 0o077].map((umask) => {
    const target = join(temporary(), 'image.tar');
    const config = describeImage({ architecture: 'amd64', version: '1.2.3', commit: null, createdSeconds: 0 });
    const layers = [makeTree({ umask, names: ['a', 'tmp'] }), makeTree({ umask, names: ['a'] })];
    writeArchive({ layers, config, tag: 'example.test/mine:1', target });
    return target;
  });
  expect(new Set(archives.map(sha256Of)).size).toBe(1);
  const [archive = ''] = archives;
  expect(execFileSync('tar', ['-tf', archive], { encoding: 'utf8' }).trim().split('\n')).toEqual([
    'manifest.json',
    'config.json',
    'layer0.tar',
    'layer1.tar',
  ]);
});
