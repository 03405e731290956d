import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { referencePages } from './pages.ts';

test('the reference pages are what the tables say', async () => {
  const folder = join(import.meta.dirname, '../../../../docs/reference');
  for (const [name, text] of await referencePages()) {
    expect(readFileSync(join(folder, name), 'utf8')).toBe(text);
  }
});
