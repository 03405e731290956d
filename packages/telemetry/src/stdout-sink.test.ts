import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { RealTimers, sleep, systemErrorCode } from '@holdfast/base';

const timers = new RealTimers();

/** A process of its own, with a log on its stdout; `body` goes on from there. */
function script(body: string): string {
  const telemetry = JSON.stringify(join(import.meta.dirname, 'index.ts'));
  return `
    import { RealClock, RealTimers } from '@holdfast/base';
    import { createLog, StdoutSink } from ${telemetry};
    const timers = new RealTimers();
    const sink = new StdoutSink({ timers, pendingLimitBytes: 256 * 1024 });
    const log = await createLog({ role: 'test', node: null, level: 'info', clock: new RealClock(), sink });
    const text = 'x'.repeat(900);
    ${body}`;
}

let folder: string;
let reader: number;
let child: ChildProcess | null = null;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-stdout-'));
  const fifo = join(folder, 'pipe');
  execFileSync('mkfifo', [fifo]);
  reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
});
afterEach(() => {
  child?.kill('SIGKILL');
  child = null;
  closeSync(reader);
  rmSync(folder, { recursive: true });
});

/** Starts the process with the pipe as its stdout; what it says on stderr is how the test follows it. */
function start(body: string, target = join(folder, 'pipe')): { stderr: () => string; ended: Promise<unknown[]> } {
  const output = openSync(target, 'a');
  const args = ['--input-type=module', '--disable-warning=ExperimentalWarning', '-e', script(body)];
  child = spawn(process.execPath, args, { cwd: join(import.meta.dirname, '..'), stdio: ['ignore', output, 'pipe'] });
  closeSync(output);
  let text = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  return { stderr: () => text, ended: once(child, 'close') };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(timers, 5);
}

/** Reads the pipe until its writer is gone. */
async function readToEnd(): Promise<Record<string, unknown>[]> {
  const chunks: Buffer[] = [];
  const chunk = Buffer.alloc(65536);
  for (;;) {
    try {
      const length = readSync(reader, chunk);
      if (length === 0) break;
      chunks.push(Buffer.from(chunk.subarray(0, length)));
    } catch (error) {
      if (systemErrorCode(error) !== 'EAGAIN') throw error;
      await sleep(timers, 1);
    }
  }
  const lines = Buffer.concat(chunks).toString('utf8').split('\n');
  expect(lines.pop()).toBe('');
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

function numbers(records: readonly Record<string, unknown>[]): unknown[] {
  return records.filter(({ msg }) => msg === 'line').map(({ n }) => n);
}

test('a process that exits in the next statement has lost no line, although its pipe was full', async () => {
  const { stderr, ended } = start(`
    for (let n = 0; n < 200; n += 1) log.info('line', { n, text });
    process.stderr.write('logged');
    process.exit(7);`);
  await until(() => stderr().includes('logged'));
  const records = await readToEnd();
  expect(numbers(records)).toEqual(Array.from({ length: 200 }, (_, n) => n));
  expect(await ended).toEqual([7, null]);
});

test('a process that dies of an exception has lost no line', async () => {
  const { ended } = start(`log.info('line', { n: 0 }); throw new Error('a defect');`);
  expect(numbers(await readToEnd())).toEqual([0]);
  expect(await ended).toEqual([1, null]);
});

test('a reader that stops does not stop the process; beyond the limit lines are dropped, and owned up to', async () => {
  const { stderr, ended } = start(`
    let n = 0;
    while (sink.droppedLines < 100) log.info('line', { n: n++, text });
    const total = n;
    timers.after(0, () => process.stderr.write('alive ' + total));`);
  await until(() => stderr().includes('alive'));
  const total = Number(stderr().split(' ')[1]);
  const records = await readToEnd();
  expect(numbers(records)).toEqual(Array.from({ length: total - 100 }, (_, n) => n));
  expect(records.at(-1)).toMatchObject({ level: 'warn', msg: 'log lines dropped', lines: 100 });
  expect(await ended).toEqual([0, null]);
});

test('a line longer than the pipe takes at once arrives whole and in its place', async () => {
  const { stderr, ended } = start(`
    const fields = Object.fromEntries(Array.from({ length: 60 }, (_, i) => ['text' + i, 'é'.repeat(4000)]));
    for (let n = 0; n < 2; n += 1) log.info('line', { n, ...fields });
    process.stderr.write('logged');`);
  await until(() => stderr().includes('logged'));
  const records = await readToEnd();
  expect(numbers(records)).toEqual([0]);
  expect(records[0]).toMatchObject({ text59: 'é'.repeat(4000) });
  expect(records.at(-1)).toMatchObject({ msg: 'log lines dropped', lines: 1 });
  expect(await ended).toEqual([0, null]);
});

test('a process whose reader never reads again exits within its bound', async () => {
  const { ended } = start(`
    for (let n = 0; n < 300; n += 1) log.info('line', { n, text });
    process.exit(7);`);
  expect(await ended).toEqual([7, null]);
});

test('a process whose reader is gone goes on', async () => {
  const { stderr, ended } = start(`
    process.stderr.write('ready');
    const tryOne = () => {
      log.info('line', { n: 0 });
      if (sink.droppedLines === 0) timers.after(5, tryOne);
      else process.stderr.write(' goes on');
    };
    tryOne();`);
  await until(() => stderr() === 'ready');
  closeSync(reader);
  expect(await ended).toEqual([0, null]);
  expect(stderr()).toBe('ready goes on');
  reader = openSync('/dev/null', 'r');
});

test('lines go to a file whole', async () => {
  const file = join(folder, 'log');
  const { ended } = start(`for (let n = 0; n < 300; n += 1) log.info('line', { n, text }); process.exit(0);`, file);
  expect(await ended).toEqual([0, null]);
  const records = readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(numbers(records)).toEqual(Array.from({ length: 300 }, (_, n) => n));
});
