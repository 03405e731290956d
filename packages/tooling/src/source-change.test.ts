import { expect, test } from '@jest/globals';
import { changed, countIn } from './source-change.ts';

const change = { file: 'a.ts', text: 'x > 0', replacement: '$& $1' };

test('a text is replaced as it is written, where it stands once', () => {
  expect(changed('if (x > 0) y();', change)).toBe('if ($& $1) y();');
});

test('a text that is not there, or twice, is no change', () => {
  expect(countIn('x > 0; x > 0', change)).toBe(2);
  for (const source of ['', 'x > 0; x > 0']) expect(() => changed(source, change)).toThrow(/a\.ts holds [02] times/);
});
