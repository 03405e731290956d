// Every rule of the house bites: its fixture breaks it in each way it knows and keeps it in the ways that look alike.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { root } from '../root.ts';
import { readCheckout } from './checkout.ts';
import { parseFixture } from './fixture.ts';
import { edges, machineFiles, soleImporters } from './packages.ts';
import { judge } from './rule.ts';
import { rules } from './rules.ts';

const fixtures = join(import.meta.dirname, 'fixtures');

test('every rule has a fixture and every fixture a rule', () => {
  const names = readdirSync(fixtures).map((name) => name.replace(/\.txt$/, ''));
  expect(names.toSorted()).toEqual(rules.map(({ name }) => name).toSorted());
});

test.each(rules)('$name finds every breach of its fixture and nothing else', (rule) => {
  const { repository, expected } = parseFixture(readFileSync(join(fixtures, `${rule.name}.txt`), 'utf8'));
  expect(expected).not.toEqual(['']);
  expect(judge(repository, [rule])).toEqual(expected.map((line) => `${line}: ${rule.instead} [${rule.name}]`));
});

test('a breach is one line that says where, what, what instead, and by which rule', () => {
  const { repository } = parseFixture(
    '== packages/raft/src/core.ts\n// Decides.\nconst now = Date.now();\n== expected\n',
  );
  expect(judge(repository, rules)).toEqual([
    'packages/raft/src/core.ts:2: Date.now(): take a Clock from @holdfast/base [direct-clock]',
  ]);
});

test('every rule says what it forbids as a sentence and what to do instead as a clause', () => {
  for (const { name, forbids, instead } of rules) {
    expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/);
    expect(forbids).toMatch(/^[A-Z].*\.$/);
    expect(instead).toMatch(/^[a-z].*[^.]$/);
  }
});

test('the plan names only packages that it has, and its edges form no circle', () => {
  const visit = (name: string, way: readonly string[]): void => {
    expect(way).not.toContain(name);
    const allowed = edges[name];
    expect(allowed).toBeDefined();
    if (allowed !== 'any') for (const next of allowed ?? []) visit(next, [...way, name]);
  };
  for (const name of Object.keys(edges)) visit(name, []);
});

test('the files that may read the machine exist, and so do the packages that wrap a module', () => {
  const { files } = readCheckout(root);
  const paths = files.map(({ path }) => path);
  for (const path of [...machineFiles.clock, ...machineFiles.random]) expect(paths).toContain(path);
  for (const owner of Object.values(soleImporters)) expect(edges).toHaveProperty([owner.split('/')[1] ?? '']);
});
