import { expect, test } from '@jest/globals';
import { errorKinds } from '@holdfast/base';
import { exitCodes, plainExits } from './exit-codes.ts';

test('every kind of failure has an exit code of its own', () => {
  expect(Object.keys(exitCodes).toSorted()).toEqual([...errorKinds].toSorted());
  const codes = [...Object.values(exitCodes), ...Object.values(plainExits)].map(({ code }) => code);
  expect(new Set(codes).size).toBe(codes.length);
});

test('no failure looks like success, like a shell that found no program, or like an unhandled signal', () => {
  for (const { code } of Object.values(exitCodes)) {
    expect(code).toBeGreaterThan(0);
    expect([1, 2, 126, 127, 137, 143]).not.toContain(code);
    expect(code).toBeLessThan(256);
  }
});
