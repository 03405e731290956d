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
  const names = (suite: string, profile: string): string[] => chooseSuites({ suite, profile }).map(({ name }) => name);
  expect(names('', '')).toEqual(['processes', 'bare']);
  expect(names('', 'ci')).toEqual(['processes']);
  expect(names('bare', 'ci')).toEqual(['bare']);
});

test('an unknown suite is answered with those that there are', () => {
  expect(() => chooseSuites({ suite: 'proceses', profile: '' })).toThrow(
    'SUITE "proceses" does not exist; there are processes, bare; did you mean processes?',
  );
  expect(() => chooseSuites({ suite: '', profile: 'nightly' })).toThrow('PROFILE is ci or nothing, not "nightly"');
});
