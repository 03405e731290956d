// Freshness: a generated file that is stale, missing or left over is found in a tree that git does not even know.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { root as checkout } from '../root.ts';
import { findUnplugged, generate, generateUnlessKnown } from './generate.ts';
import type { Generator } from './generators.ts';
import { formatTidyPage } from './tidy-page.ts';

const generator: Generator = { package: 'pages', outputs: ['docs/*.md'], inputs: ['words/*.txt'] };

let root = '';
const write = (path: string, text: string): void => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
};
const runs = (): number => readFileSync(join(root, 'runs'), 'utf8').length;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'holdfast-generate-'));
  write('packages/pages/package.json', JSON.stringify({ scripts: { generate: 'node make.mjs' } }));
  // Writes docs/a.md from words/a.txt and counts its runs.
  write(
    'packages/pages/make.mjs',
    `import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
     appendFileSync('../../runs', '.');
     rmSync('../../docs/left-over.md', { force: true });
     writeFileSync('../../docs/a.md', readFileSync('../../words/a.txt'));`,
  );
  write('words/a.txt', 'one');
  write('docs/a.md', 'one');
});
afterEach(() => rmSync(root, { recursive: true }));

test('a fresh file is no change, and the same state is not generated twice', () => {
  expect(generateUnlessKnown(root, generator)).toEqual([]);
  expect(generateUnlessKnown(root, generator)).toEqual([]);
  expect(runs()).toBe(1);
});

test.each([
  { name: 'a stale file', change: () => write('docs/a.md', 'two'), found: 'docs/a.md was stale' },
  { name: 'a changed input', change: () => write('words/a.txt', 'two'), found: 'docs/a.md was stale' },
  { name: 'a missing file', change: () => rmSync(join(root, 'docs/a.md')), found: 'docs/a.md was missing' },
  {
    name: 'a file left over',
    change: () => write('docs/left-over.md', 'x'),
    found: 'docs/left-over.md is no longer generated',
  },
])('$name is found though the state before was known to be fresh, and written fresh', ({ change, found }) => {
  generateUnlessKnown(root, generator);
  change();
  expect(generateUnlessKnown(root, generator)).toEqual([found]);
  expect(generateUnlessKnown(root, generator)).toEqual([]);
});

test('an output that no generator makes is named', () => {
  const greedy = { ...generator, outputs: [...generator.outputs, 'docs/b.json'] };
  expect(generate(root, greedy)).toEqual(['docs/b.json is not made by pages']);
});

test('a generator that fails ends the run', () => {
  write('packages/pages/make.mjs', 'process.exit(3)');
  expect(() => generate(root, generator)).toThrow('Command failed');
});

test('a package whose script is not in the table, and a row without a script, are named', () => {
  expect(findUnplugged(root, [])).toEqual(['pages has no row in the table of generators']);
  write('packages/pages/package.json', '{}');
  expect(findUnplugged(root, [generator])).toEqual(['pages has no script "generate"']);
});

test('the page of rules is the one that the table makes', () => {
  expect(readFileSync(join(checkout, 'docs/reference/tidy.md'), 'utf8')).toBe(formatTidyPage());
});
