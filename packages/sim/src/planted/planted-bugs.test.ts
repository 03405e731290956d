import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { changed, countIn } from '@holdfast/tooling';
import { packagesFolder } from './load-hook.ts';
import { plantedBugs } from './planted-bugs.ts';
import { stripTypeScriptTypes } from 'node:module';

const sourceOf = (file: string): string => readFileSync(join(packagesFolder, file), 'utf8');

test('the text of every planted bug stands in its file exactly once', () => {
  const counts = plantedBugs.map((bug) => ({ name: bug.name, count: countIn(sourceOf(bug.file), bug) }));
  expect(counts.filter(({ count }) => count !== 1)).toEqual([]);
});

test('every planted bug leaves a program', () => {
  for (const bug of plantedBugs) {
    expect(() => stripTypeScriptTypes(changed(sourceOf(bug.file), bug))).not.toThrow();
  }
});

test('no two planted bugs are one, and each has a name that can be typed', () => {
  expect(new Set(plantedBugs.map(({ name }) => name)).size).toBe(plantedBugs.length);
  for (const { name } of plantedBugs) expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/);
});
