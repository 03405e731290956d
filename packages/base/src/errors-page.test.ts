import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { errorKinds, errorTable, type ErrorRow } from './error-table.ts';
import { renderErrorsPage } from './errors-page.ts';

const page = readFileSync(join(import.meta.dirname, '../../../docs/reference/errors.md'), 'utf8');

test('the page has an anchor for each code of the table, and for no other', () => {
  const anchors = [...page.matchAll(/^### (\S+)$/gm)].map(([, code]) => code);
  expect(anchors).toEqual(Object.keys(errorTable).sort());
});

test('the page tells each code’s text, kind and hint', () => {
  for (const [code, row] of Object.entries<ErrorRow>(errorTable)) {
    const section = page.split(`### ${code}\n`)[1]?.split('\n### ')[0] ?? '';
    expect(section).toContain(row.text);
    expect(section).toContain(`Kind ${row.kind}; retry: ${row.retriable ? 'yes' : 'no'}. ${row.hint}`);
  }
});

test('the page explains each kind', () => {
  for (const kind of errorKinds) expect(page).toContain(`| ${kind} | `);
});

test('the page is what the table makes of it (else run `make generate`)', () => {
  expect(page).toBe(renderErrorsPage());
});
