import { expect, test } from '@jest/globals';
import { readScript, runScript, scriptNames } from './script.ts';

test.each(scriptNames())('the story of %s is what happens (else see node src/script.ts --rewrite)', (name) => {
  const written = readScript(name);
  expect(runScript(written)).toBe(written);
});

test('there are stories about every part', () => {
  expect(scriptNames().length).toBeGreaterThanOrEqual(12);
});

test('a story that went otherwise is told as it went', () => {
  const told = runScript('# one alone\ncluster 1\ncampaign 1\n----\n1 does nothing\n');
  expect(told).toContain('1 is leader in term 1');
  expect(told).not.toContain('does nothing');
});

test('a command that nobody knows is an error', () => {
  expect(() => runScript('dance 1\n')).toThrow('no such command: dance 1');
});
