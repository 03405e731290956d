import { expect, test } from '@jest/globals';
import { forEachCrash } from './crash-points.ts';
import { readContent, replaceContent } from './file-contents.ts';
import type { Files } from './files.ts';

const sector = 512;
const filled = (letter: string, sectors = 1): Buffer => Buffer.alloc(sectors * sector, letter);

/** A file's sectors by their first letter. */
function letters(files: Files, path: string): string {
  const content = Buffer.from(readContent(files, path, 1_000_000) ?? []);
  return content.toString('latin1').replace(/(.).{511}/gs, '$1');
}

test('a file that is replaced holds the old content or the new, wherever the crash falls', () => {
  const old = filled('o', 3);
  const fresh = filled('n', 2);
  const seen = new Set<string>();
  const states = forEachCrash({
    seed: 1,
    prepare: (files) => replaceContent(files, '/file', old),
    work: (files) => replaceContent(files, '/file', fresh),
    check: (files, { call }) => {
      const told = letters(files, '/file');
      seen.add(told);
      if (told !== 'ooo' && told !== 'nn') throw new Error(`it holds "${told}"`);
      // 6 calls: open, cut, write, fsync, rename, fsync of the directory.
      if (call > 6 && told !== 'nn') throw new Error('it returned, and the content is not durable');
    },
  });
  expect([...seen].sort()).toEqual(['nn', 'ooo']);
  expect(states).toBeGreaterThan(50);
});

test.each<[string, (files: Files) => void]>([
  ['without the fsync of the bytes', (files) => replaceCarelessly(files, { sync: false, syncDirectory: true })],
  ['without the fsync of the directory', (files) => replaceCarelessly(files, { sync: true, syncDirectory: false })],
])('the enumeration finds the crash that loses a file that is replaced %s', (_what, work) => {
  const run = (): number =>
    forEachCrash({
      seed: 1,
      prepare: (files) => replaceContent(files, '/file', filled('o')),
      work,
      check: (files, { call }) => {
        const told = letters(files, '/file');
        if (told !== 'n' && (told !== 'o' || call > 5)) throw new Error(`it holds "${told}"`);
      },
    });
  expect(run).toThrow(/after a power crash (before|after) call \d: it holds/);
});

function replaceCarelessly(files: Files, how: { sync: boolean; syncDirectory: boolean }): void {
  const file = files.open('/partial', 'create');
  file.pwrite(filled('n'), 0);
  file.ftruncate(sector);
  if (how.sync) file.fsync();
  file.close();
  files.rename('/partial', '/file');
  if (how.syncDirectory) files.fsyncDirectory('/');
}

test('work that makes other calls the second time is found out', () => {
  let runs = 0;
  const work = (files: Files): void => {
    files.mkdir('/a');
    if (runs++ === 0) files.mkdir('/b');
  };
  expect(() => forEachCrash({ seed: 1, work, check: () => undefined })).toThrow('the work no longer reaches call 2');
});

test('where the states are too many, as many as asked for are looked at, twice', () => {
  const states = forEachCrash({
    seed: 1,
    kinds: ['power'],
    survivorsLimit: 10,
    work: (files) => files.open('/a', 'create').pwrite(filled('x', 100), 0),
    check: () => undefined,
  });
  // Two calls at three moments and the end of the work: only those after the first sector was written have many states.
  expect(states).toBeGreaterThan(20);
  expect(states).toBeLessThanOrEqual(7 * 20);
});
