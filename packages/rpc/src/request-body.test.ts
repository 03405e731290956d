import { expect, test } from '@jest/globals';
import { dropSecrets } from './request-body.ts';

const secret = { password: 'hunter2' };

test.each([
  ['nothing is marked', { a: secret }, [], { a: secret }],
  ['a field is marked', { a: secret, b: 1n }, ['a'], { a: '<secret>', b: 1n }],
  ['a field of a field is marked', { a: { b: 'hunter2', c: 1 } }, ['a.b'], { a: { b: '<secret>', c: 1 } }],
  [
    'a field of every item of a list is marked',
    { a: [secret, secret] },
    ['a.*.password'],
    { a: [dropped(), dropped()] },
  ],
  ['a field of every value of a map is marked', { a: { x: secret } }, ['a.*.password'], { a: { x: dropped() } }],
  ['a marked field is absent', { a: null }, ['a.b', 'c'], { a: null }],
])('where %s, the copy says no more than it may', (_where, value, paths, expected) => {
  const before = JSON.stringify(value, (_key, item: unknown) => (typeof item === 'bigint' ? String(item) : item));
  expect(
    dropSecrets(
      value,
      paths.map((path) => path.split('.')),
    ),
  ).toEqual(expected);
  expect(JSON.stringify(value, (_key, item: unknown) => (typeof item === 'bigint' ? String(item) : item))).toBe(before);
});

function dropped(): object {
  return { password: '<secret>' };
}
