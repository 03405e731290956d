// How dev-env refuses: exit code 1 and one line that names the cause and the remedy. And the machines on which it has to:
// without a tool, without a right, without a feature of the kernel, each made by namespaces and a PATH, none of them pretended.
import { readdirSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { attempt, type AttemptOptions } from './attempt.ts';

export async function expectRefusal(
  argv: readonly [string, ...string[]],
  words: string,
  options: AttemptOptions = {},
): Promise<void> {
  const { exitCode, stdout, stderr } = await attempt(argv, options);
  expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 1, stdout: '', stderr: expect.stringContaining(words) });
  expect(stderr).toMatch(/^dev-env: .*\n$/);
}

/** A PATH in `folder` that has every program of this machine but one. */
export async function pathWithout(tool: string, folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const seen = new Set([tool]);
  for (const directory of (process.env['PATH'] ?? '').split(':')) {
    for (const name of programsIn(directory)) {
      if (seen.has(name)) continue;
      seen.add(name);
      await symlink(join(directory, name), join(folder, name));
    }
  }
  return folder;
}

/** The PATH of this process behind a folder with one program of that name and these words. */
export async function pathWith(name: string, folder: string, words: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, name), `#!/bin/sh\n${words}\n`, { mode: 0o755 });
  return `${folder}:${process.env['PATH'] ?? ''}`;
}

function programsIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

type Argv = readonly [string, ...string[]];
/** Runs `words` in bash with $0, $1, … being `parts`; mounts that they make are gone afterwards. */
export const inMounts = (words: string, ...parts: readonly string[]): Argv => [
  'unshare',
  ...['--mount', '--propagation', 'private', 'bash', '-ec', words, ...parts],
];
/** The same with a network that has nothing but what `words` make. */
export const inNetwork = (words: string, ...parts: readonly string[]): Argv => [
  'unshare',
  ...['--net', 'bash', '-ec', words, ...parts],
];
export const asNobody = (...argv: readonly string[]): Argv => [
  'setpriv',
  ...['--reuid=65534', '--regid=65534', '--clear-groups', ...argv],
];
export const withoutCapability = (capability: string, ...argv: readonly string[]): Argv => [
  'setpriv',
  ...[`--bounding-set=-${capability}`, ...argv],
];
