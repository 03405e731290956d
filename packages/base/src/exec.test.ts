import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { exec, execOk, type ExecOptions } from './exec.ts';
import { OpError } from './op-error.ts';
import { OutputHead, OutputTail } from './output-buffer.ts';
import { RealClock, RealTimers } from './real-time.ts';
import { VirtualTime } from './virtual-time.ts';

const clock = new RealClock();
const timers = new RealTimers();
const options: ExecOptions = { timers, limitMs: 10_000 };

function shell(script: string, ...args: string[]): [string, ...string[]] {
  return ['/bin/sh', '-c', script, 'sh', ...args];
}

/** The state letter of a process, null when there is none. A zombie (Z) has ended: it waits for whoever adopted it. */
function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.charAt(stat.lastIndexOf(')') + 2) !== 'Z';
  } catch {
    return false;
  }
}

/** SIGKILL is delivered when the kernel gets to it, so the end is waited for; the test's own time limit bounds it. */
async function untilEnded(pid: number): Promise<void> {
  while (isRunning(pid)) await new Promise<void>((resolve) => timers.after(5, resolve));
}

const leftovers: number[] = [];
afterEach(() => {
  for (const pid of leftovers.splice(0)) {
    if (isRunning(pid)) process.kill(pid, 'SIGKILL');
  }
});

test('a command’s end is a value, whatever it is', async () => {
  const result = await exec(shell('cat; echo "$1" >&2; exit 3', "it's; $(id)"), { ...options, stdin: 'in\n' });
  expect(result).toEqual({
    exitCode: 3,
    signal: null,
    stdout: 'in\n',
    stderr: "it's; $(id)\n",
    isStdoutCut: false,
    isStderrCut: false,
  });
  expect(await exec(shell('kill -9 $$'), options)).toMatchObject({ exitCode: null, signal: 'SIGKILL' });
});

test('a command sees LC_ALL=C, what it is given, and nothing else of our environment', async () => {
  process.env['HOLDFAST_TEST_SECRET'] = 'hunter2';
  try {
    const env = await execOk(['env'], { ...options, env: { GIVEN: 'yes', LC_ALL: 'de_DE' } });
    const names = env
      .trim()
      .split('\n')
      .map((line) => line.split('=')[0]);
    expect(new Set(names)).toEqual(new Set(['GIVEN', 'HOME', 'LC_ALL', 'PATH']));
    expect(env).toContain('LC_ALL=C\n');
  } finally {
    delete process.env['HOLDFAST_TEST_SECRET'];
  }
});

test('execOk answers stdout, or throws with the last line of stderr', async () => {
  expect(await execOk(shell('echo fine; echo noise >&2'), options)).toBe('fine\n');
  await expect(
    execOk(shell('echo first >&2; echo "disk is gone" >&2; echo >&2; exit 32'), options),
  ).rejects.toMatchObject({
    code: 'COMMAND_FAILED',
    message: 'the command /bin/sh ended with exit code 32: disk is gone',
  });
  await expect(execOk(shell('kill -TERM $$'), options)).rejects.toMatchObject({
    message: 'the command /bin/sh ended with signal SIGTERM: it wrote no reason',
  });
});

test.each([
  ['/no/such/command', 'ENOENT'],
  [import.meta.filename, 'EACCES'],
])('a command that cannot be started (%s) says so', async (command, reason) => {
  await expect(exec([command], options)).rejects.toMatchObject({
    code: 'COMMAND_NOT_STARTED',
    message: expect.stringContaining(reason),
  });
});

test('an argument that no program can be given is refused', async () => {
  await expect(exec(['echo', 'a\0b'], options)).rejects.toMatchObject({ code: 'COMMAND_NOT_STARTED' });
});

test('at its limit a command is killed with its grandchild that ignores SIGTERM', async () => {
  // The grandchild keeps neither pipe, so nothing but its death shows that it was killed.
  const script = `( trap '' TERM; exec sleep 600 ) >/dev/null 2>&1 & echo $! > "$1"; wait`;
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-exec-'));
  const pidFile = join(folder, 'pid');
  const startMs = clock.monotonicMs();
  const run = exec(shell(script, pidFile), { ...options, limitMs: 300 });
  await expect(run).rejects.toMatchObject({
    code: 'COMMAND_TIMED_OUT',
    message: 'the command /bin/sh ran longer than 300ms and was killed',
  });
  expect(clock.monotonicMs() - startMs).toBeLessThan(5_000);
  const grandchild = Number(readFileSync(pidFile, 'latin1'));
  rmSync(folder, { recursive: true });
  leftovers.push(grandchild);
  expect(grandchild).toBeGreaterThan(1);
  await untilEnded(grandchild);
});

test('a command that itself ignores SIGTERM is killed too', async () => {
  const run = exec(shell(`trap '' TERM; while :; do sleep 0.05; done`), { ...options, limitMs: 200 });
  await expect(run).rejects.toMatchObject({ code: 'COMMAND_TIMED_OUT' });
});

test('an abort ends a command with the reason of the abort', async () => {
  const controller = new AbortController();
  const run = exec(['sleep', '600'], { ...options, signal: controller.signal });
  controller.abort(new OpError('TIMED_OUT', { what: 'the call', limit: '1s' }));
  await expect(run).rejects.toMatchObject({ code: 'TIMED_OUT' });
  await expect(exec(['sleep', '600'], { ...options, signal: controller.signal })).rejects.toMatchObject({
    code: 'TIMED_OUT',
  });
});

test('a child left behind in the group ends with its command and holds nothing up', async () => {
  const result = await exec(shell('sleep 600 & echo $!'), options);
  const child = Number(result.stdout);
  leftovers.push(child);
  expect(result.exitCode).toBe(0);
  await untilEnded(child);
});

test('a daemon that keeps our pipe holds the result up only briefly, and lives', async () => {
  const result = await exec(shell('setsid sleep 600 & echo $!; sleep 0.2'), options);
  const daemon = Number(result.stdout);
  leftovers.push(daemon);
  expect(isRunning(daemon)).toBe(true);
});

test('a process that hangs in the kernel is reported and not waited for', async () => {
  const time = new VirtualTime({ seed: 1 });
  const sent: string[] = [];
  const run = exec(['sleep', '600'], {
    timers: { after: (delayMs, callback) => time.after(delayMs, callback) },
    limitMs: 1000,
    signalGroup: (groupId, signal) => {
      if (!leftovers.includes(groupId)) leftovers.push(groupId);
      sent.push(signal);
    },
  });
  await expect(time.complete(run, 10_000)).rejects.toMatchObject({ code: 'COMMAND_UNKILLABLE' });
  expect(sent).toEqual(['SIGTERM', 'SIGKILL']);
});

test('output beyond the limit is dropped and said, and the command is not held up', async () => {
  const script =
    'head -c 3000000 /dev/zero | tr "\\0" a; echo begin >&2; head -c 300000 /dev/zero | tr "\\0" b >&2; echo end >&2';
  const result = await exec(shell(script), { ...options, outputLimitBytes: 1000 });
  expect(result).toMatchObject({ exitCode: 0, stdout: 'a'.repeat(1000), isStdoutCut: true, isStderrCut: true });
  expect(result.stderr).toBe(`${'b'.repeat(996)}end\n`);
  await expect(execOk(shell(script), { ...options, outputLimitBytes: 1000 })).rejects.toMatchObject({
    message: 'the command /bin/sh wrote more than 1000B',
  });
});

test('a command that does not read its input ends as it likes', async () => {
  expect(await exec(['true'], { ...options, stdin: 'x'.repeat(1_000_000) })).toMatchObject({ exitCode: 0 });
});

test.each([1, 3, 10, 11, 25])('output arriving in chunks of %d bytes is kept up to the limit', (size) => {
  const text = '0123456789abcdefghijklmno';
  const head = new OutputHead(10);
  const tail = new OutputTail(10);
  for (let at = 0; at < text.length; at += size) {
    head.add(Buffer.from(text.slice(at, at + size)));
    tail.add(Buffer.from(text.slice(at, at + size)));
  }
  expect([head.toString(), head.isCut]).toEqual(['0123456789', true]);
  expect([tail.toString(), tail.isCut]).toEqual(['fghijklmno', true]);
  const exact = new OutputHead(25);
  exact.add(Buffer.from(text));
  expect(exact.isCut).toBe(false);
});
