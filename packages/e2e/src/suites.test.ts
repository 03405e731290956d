import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { chooseSuites, suites } from './suites.ts';

test('every suite has a folder with cases, and every folder a row', () => {
  const folder = join(import.meta.dirname, 'suites');
  expect(readdirSync(folder).toSorted()).toEqual(suites.map(({ name }) => name).toSorted());
  for (const { name } of suites) {
    expect(readdirSync(join(folder, name)).some((file) => file.endsWith('.e2e.ts'))).toBe(true);
  }
});

test('without a choice all suites run, in CI those that CI has time for, and a named one whatever the profile', () => {
  expect(chooseSuites({ suite: '', profile: '' })).toEqual(suites);
  const inCi = chooseSuites({ suite: '', profile: 'ci' });
  expect(inCi).toEqual(suites.filter(({ isInCi }) => isInCi));
  expect(inCi.map(({ name }) => name)).toContain('processes');
  expect(chooseSuites({ suite: 'bare', profile: 'ci' })).toMatchObject([{ name: 'bare', isInCi: false }]);
});

test('an unknown suite is answered with those that there are', () => {
  const names = suites.map(({ name }) => name).join(', ');
  expect(() => chooseSuites({ suite: 'proceses', profile: '' })).toThrow(
    `SUITE "proceses" does not exist; there are ${names}; did you mean processes?`,
  );
  expect(() => chooseSuites({ suite: '', profile: 'nightly' })).toThrow('PROFILE is ci or nothing, not "nightly"');
});
