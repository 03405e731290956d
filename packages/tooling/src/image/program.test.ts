// Our part of the image runs wherever it lies, with nothing from the checkout or the machine but a shell.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { memorySettings } from '../launcher.ts';
import { root } from '../root.ts';
import { readLoaderNeeds } from './elf.ts';
import { filesBelow } from './files.ts';
import { ownArchitecture } from './node-binary.ts';
import { buildProgram, programLibrary } from './program.ts';
import { nodePath } from './system.ts';
import { architectures } from './system-files.ts';

const commit = '0123456789abcdef0123456789abcdef01234567';
let folder = '';
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-image-'));
  await buildProgram({ root, architecture: ownArchitecture(), target: folder, commit });
  mkdirSync(dirname(join(folder, nodePath)), { recursive: true });
  copyFileSync(process.execPath, join(folder, nodePath));
});
afterAll(() => rmSync(folder, { recursive: true }));

const run = (command: string, ...words: readonly string[]): string =>
  execFileSync(command, words, { cwd: '/', env: { PATH: '/usr/bin:/bin' }, encoding: 'utf8', stdio: 'pipe' });

test('the launcher says the version and the commit that was built', () => {
  expect(run(join(folder, 'usr/bin/holdfast'), '--version')).toMatch(
    /^holdfast \d+\.\d+\.\d+ \(commit 0123456789ab\)\n$/,
  );
});

test('the launcher keeps and collects memory as the one of the checkout does', () => {
  const lines = readFileSync(join(folder, 'usr/bin/holdfast'), 'utf8').split('\n');
  expect(lines).toEqual(expect.arrayContaining([...memorySettings(root)]));
  expect(lines).toContain('exec "$home/bin/node" $v8 "$home/lib/main.js" "$@"');
});

test('the launcher is found through a link', () => {
  symlinkSync('usr/bin/holdfast', join(folder, 'kubectl-holdfast'));
  expect(run(join(folder, 'kubectl-holdfast'), '--version')).toContain('holdfast');
});

test('every command is in the bundle', () => {
  const help = run(join(folder, 'usr/bin/holdfast'), 'help');
  expect(help).toBe(run(join(root, 'bin/holdfast'), 'help'));
});

/** Told to end as soon as it is ready; it ended in peace. */
async function expectStarts(words: readonly string[]): Promise<void> {
  const role = spawn(join(folder, 'usr/bin/holdfast'), [...words, '--health-listen=127.0.0.1:0'], {
    env: { PATH: '/usr/bin:/bin' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [role.stdout, role.stderr]) {
    stream.on('data', (chunk) => {
      const wasReady = output.includes('"msg":"ready"');
      output += String(chunk);
      // Once: the second signal ends a role at once.
      if (!wasReady && output.includes('"msg":"ready"')) role.kill();
    });
  }
  const [code] = (await once(role, 'close')) as [number | null];
  expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('"msg":"stopped"') });
}

test('a role starts from the bundle, with the dependencies that are loaded late', async () => {
  await expectStarts(['csi', 'controller', `--endpoint=${join(folder, 'csi.sock')}`]);
});

test('a metadata server runs from the bundle, with its database and its thread', async () => {
  const holdfast = join(folder, 'usr/bin/holdfast');
  const [authority, certificates, data] = ['authority', 'm1', 'data'].map((name) => join(folder, name));
  run(holdfast, 'pki', 'init', `--authority=${authority}`);
  run(
    holdfast,
    'pki',
    'issue',
    'metadata',
    'm1',
    '--host=127.0.0.1',
    `--authority=${authority}`,
    `--out=${certificates}`,
  );
  const identity = [`--certificates=${certificates}`, `--data=${data}`];
  run(holdfast, 'metadata', 'init', ...identity);
  await expectStarts(['metadata', ...identity, '--listen=127.0.0.1:0', '--peer-listen=127.0.0.1:0']);
  expect(existsSync(join(data ?? '', 'state.sqlite'))).toBe(true);
});

test.each(architectures)('what is native in the bundle for %s is for that machine', async (architecture) => {
  const target = mkdtempSync(join(folder, 'of-'));
  await buildProgram({ root, architecture, target, commit });
  const natives = filesBelow(join(target, programLibrary)).filter((path) => path.endsWith('.node'));
  expect(natives).toHaveLength(1);
  for (const path of natives) {
    expect(readLoaderNeeds(readFileSync(join(target, programLibrary, path)))?.machine).toBe(architecture);
  }
});

test('the file of a thread that the bundle starts is in the bundle', () => {
  const lib = join(folder, programLibrary);
  const named = globSync('*.js', { cwd: lib }).flatMap((file) =>
    [...readFileSync(join(lib, file), 'utf8').matchAll(/new URL\("([^"]+)", import\.meta\.url\)/g)].map(
      ([, path]) => path,
    ),
  );
  expect(named).toContain('./raft-log-worker.js');
  for (const path of named) expect(existsSync(join(lib, path ?? ''))).toBe(true);
});
