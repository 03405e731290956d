import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

const page = readFileSync(join(import.meta.dirname, '../docs/known-bugs.md'), 'utf8');
const rows = [...page.matchAll(/^\| (.+) \| .+ \| (.+) \|$/gm)].slice(1);

test.each(rows.map(([, mistake = '', files = '']) => ({ mistake, files })))('$mistake: $files', ({ files }) => {
  for (const file of files.split(', '))
    expect([file, existsSync(join(import.meta.dirname, file))]).toEqual([file, true]);
});

test('the page names more than thirty mistakes', () => {
  expect(rows.length).toBeGreaterThan(30);
});
