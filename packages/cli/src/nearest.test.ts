import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { editDistance, nearest, suggestion } from './nearest.ts';

test('an edit is an insertion, a deletion, a replacement or a swap of neighbours', () => {
  for (const [from, to, distance] of [
    ['status', 'status', 0],
    ['sttaus', 'status', 1],
    ['statu', 'status', 1],
    ['statuss', 'status', 1],
    ['ststus', 'status', 1],
    ['', 'abc', 3],
  ] as const) {
    expect(editDistance(from, to)).toBe(distance);
  }
});

test('the distance is symmetric, zero only for equal words, and at most the longer length', () => {
  const word = fc.string({ maxLength: 12 });
  fc.assert(
    fc.property(word, word, (one, other) => {
      const distance = editDistance(one, other);
      expect(distance).toBe(editDistance(other, one));
      expect(distance === 0).toBe(one === other);
      expect(distance).toBeLessThanOrEqual(Math.max(one.length, other.length));
    }),
  );
});

test('a slip of the fingers and a beginning are recognised, and nothing is made up for the rest', () => {
  const names = ['metadata', 'pki init', 'status', 'completion'];
  expect(nearest('metdata', names)).toBe('metadata');
  expect(nearest('comp', names)).toBe('completion');
  expect(nearest('volume', names)).toBeNull();
  expect(suggestion('stauts', names)).toBe('; did you mean status?');
  expect(suggestion('volume', names)).toBe('');
});
