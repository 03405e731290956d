import { expect, test } from '@jest/globals';
import { RealRandom } from './real-random.ts';

test('numbers stay in their range and take every value of a small one', () => {
  const random = new RealRandom();
  const seen = new Set(Array.from({ length: 500 }, () => random.below(5)));
  expect(seen).toEqual(new Set([0, 1, 2, 3, 4]));
  for (let index = 0; index < 500; index++) {
    const fraction = random.fraction();
    expect(fraction >= 0 && fraction < 1).toBe(true);
  }
});

test.each([0, -1, 1.5, 2 ** 48])('a number below %p is a defect', (bound) => {
  expect(() => new RealRandom().below(bound)).toThrow('a random number below');
});

test('bytes have the length asked for, and a UUID is of version 4', () => {
  expect(new RealRandom().bytes(33)).toHaveLength(33);
  expect(new RealRandom().uuid()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});
