// The lock between real processes: each child takes it as production does, and says what it got.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { RealFiles } from './real-files.ts';

const program = `
  const { RealFiles } = await import(${JSON.stringify(join(import.meta.dirname, 'real-files.ts'))});
  try {
    new RealFiles().lock(process.argv[1]);
    console.log('held');
    setInterval(() => {}, 1000);
  } catch (error) {
    console.log(error.code + ' ' + error.details.holder);
  }
`;

let at: string;
let path: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  at = mkdtempSync(join(tmpdir(), 'holdfast-lock-'));
  path = join(at, 'LOCK');
});
afterEach(async () => {
  await Promise.all(children.splice(0).map(async (child) => kill(child)));
  rmSync(at, { recursive: true });
});

async function contend(): Promise<{ child: ChildProcess; said: string }> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'] },
  });
  children.push(child);
  const lines = createInterface({ input: child.stdout });
  const [said] = (await once(lines, 'line')) as [string];
  return { child, said };
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

test('a second process is refused with the process id of the first', async () => {
  const first = await contend();
  expect(first.said).toBe('held');
  const holder = `process ${first.child.pid ?? 0} on ${hostname()}`;
  expect((await contend()).said).toBe(`FILE_LOCKED ${holder}`);
  expect(() => new RealFiles().lock(path)).toThrow(`${path} is locked by ${holder}`);
});

test('kill -9 frees the lock at once, and the dead holder is not named as the one who holds it', async () => {
  const first = await contend();
  await kill(first.child);
  const second = await contend();
  expect(second.said).toBe('held');
  expect((await contend()).said).toBe(`FILE_LOCKED process ${second.child.pid ?? 0} on ${hostname()}`);
});

test('of many that come at once exactly one holds it', async () => {
  const said = (await Promise.all(Array.from({ length: 5 }, async () => contend()))).map((one) => one.said);
  expect(said.filter((line) => line === 'held')).toHaveLength(1);
  expect(said.filter((line) => line.startsWith('FILE_LOCKED '))).toHaveLength(4);
});

test('a released lock names nobody, and a holder that left no name is told as one', () => {
  const files = new RealFiles();
  files.lock(path).release();
  const lock = files.lock(path);
  writeFileSync(path, '');
  expect(() => files.lock(path)).toThrow(`${path} is locked by another process`);
  lock.release();
});

test('a machine without flock(1) says so', () => {
  const PATH = process.env['PATH'];
  process.env['PATH'] = at;
  try {
    expect(() => new RealFiles().lock(path)).toThrow(`cannot lock ${path}: spawnSync flock ENOENT`);
  } finally {
    process.env['PATH'] = PATH;
  }
});

test('a native flock replaces the program', () => {
  const answers = [true, false];
  const files = new RealFiles({ flock: () => answers.shift() ?? false });
  files.lock(path).release();
  expect(() => files.lock(path)).toThrow('is locked by another process');
});
