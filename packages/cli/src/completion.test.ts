import { expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { defineCommand } from './command.ts';
import { completionScript } from './completion.ts';
import { sampleCommand } from './testing.ts';

test('the completion script offers commands, their second words, flags and the choices of a flag', async () => {
  const script = await completionScript([
    sampleCommand,
    defineCommand({ name: 'status', summary: 's', flags: {}, run: async () => undefined }),
  ]);
  const complete = (...words: string[]): string[] => {
    const ask = `COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); _holdfast; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = spawnSync('bash', ['-c', `${script}\n${ask}`, 'bash', ...words], { encoding: 'utf8' });
    expect(stderr).toBe('');
    return stdout.trim().split('\n').filter(Boolean);
  };
  expect(complete('holdfast', '')).toEqual(['pki', 'status', 'help']);
  expect(complete('holdfast', 'pki', '')).toEqual(['issue']);
  expect(complete('holdfast', 'pki', 'issue', 'a')).toEqual(['agent']);
  expect(complete('holdfast', 'pki', 'issue', 'agent', '--o')).toEqual(['--output']);
  expect(complete('holdfast', 'pki', 'issue', 'agent', '-o', '')).toEqual(['table', 'json']);
  expect(complete('holdfast', 'pki', 'issue', 'agent', '--life', '')).toEqual([]);
});
