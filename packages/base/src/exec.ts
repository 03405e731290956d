// The one place that starts other programs: mkfs, mount, blkid and their kind. An argv array and no shell, so a volume's name
// can never be a command; LC_ALL=C, so that output means the same everywhere; a bare environment, so that no secret of ours
// leaks. Every run has a time limit, after which the whole process group is killed: a mkfs that a wrapper left behind would
// still be writing to a device that somebody else owns by then. A child that made a group of its own (a daemon) is not ours to kill.
import { spawn, spawnSync, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { onAbort, throwIfAborted } from './abort.ts';
import { formatBytes } from './byte-size.ts';
import type { Timer, Timers } from './clock.ts';
import { formatDuration } from './duration.ts';
import { OpError } from './op-error.ts';
import { OutputHead, OutputTail } from './output-buffer.ts';
import { messageOf, systemErrorCode } from './system-error.ts';

export interface ExecOptions {
  readonly timers: Timers;
  /** Until the group is killed. */
  readonly limitMs: number;
  /** For stdout and stderr each: stdout keeps its first bytes, stderr its last. What is beyond is read and dropped. */
  readonly outputLimitBytes?: number;
  readonly stdin?: string | Uint8Array | null;
  readonly signal?: AbortSignal | null;
  readonly cwd?: string | null;
  /** Added to PATH, HOME and LC_ALL=C. */
  readonly env?: Readonly<Record<string, string>>;
  /** How a process group is sent a signal; a test hands in a kernel that does not deliver it. */
  readonly signalGroup?: (groupId: number, signal: NodeJS.Signals) => void;
}

export interface ExecResult {
  /** null when a signal ended it. */
  readonly exitCode: number | null;
  /** null when it ended by itself. */
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly isStdoutCut: boolean;
  readonly isStderrCut: boolean;
}

const outputLimitBytesDefault = 1024 * 1024;
/** Between SIGTERM and SIGKILL: mount and mkfs tidy up after the first. */
const graceMs = 500;
/** After SIGKILL: a process that still stands hangs inside the kernel. */
const killWaitMs = 2000;
/** After the command's end, for a daemon that it started and that keeps the pipes open. */
const drainMs = 500;

/** Runs `argv` to its end, whatever that is; throws only if it could not be started, ran too long, or was aborted. */
export async function exec(argv: readonly [string, ...string[]], options: ExecOptions): Promise<ExecResult> {
  throwIfAborted(options.signal ?? null);
  return new Run(argv, options).result;
}

/** Stdout of a command that must succeed: exit code 0, and nothing cut off. */
export async function execOk(argv: readonly [string, ...string[]], options: ExecOptions): Promise<string> {
  const result = await exec(argv, options);
  const command = argv[0];
  if (result.exitCode !== 0) {
    const status = result.signal === null ? `exit code ${String(result.exitCode)}` : `signal ${result.signal}`;
    throw new OpError('COMMAND_FAILED', { command, status, reason: lastLine(result.stderr) ?? 'it wrote no reason' });
  }
  if (result.isStdoutCut) {
    const limit = formatBytes(options.outputLimitBytes ?? outputLimitBytesDefault);
    throw new OpError('COMMAND_OUTPUT_TOO_LARGE', { command, limit });
  }
  return result.stdout;
}

/** A command that only asks the kernel something must not hold its caller's thread for longer. */
const descriptorLimitMs = 10_000;

/**
 * Runs a short command with `descriptor` as its descriptor 3, and blocks until its end: what the command does to that open
 * file description (flock) stays ours. The exit code, or null when it was killed or could not be started; and its last words.
 */
export function execOnDescriptor(
  argv: readonly [string, ...string[]],
  descriptor: number,
): { readonly exitCode: number | null; readonly reason: string } {
  const [command, ...args] = argv;
  const { status, stderr, error } = spawnSync(command, args, {
    env: { PATH: process.env['PATH'], LC_ALL: 'C' },
    stdio: ['ignore', 'ignore', 'pipe', descriptor],
    timeout: descriptorLimitMs,
    killSignal: 'SIGKILL',
    encoding: 'utf8',
  });
  return { exitCode: status, reason: error?.message ?? lastLine(stderr) ?? '' };
}

function lastLine(text: string): string | null {
  const line = text.trimEnd().split('\n').at(-1)?.trim() ?? '';
  return line === '' ? null : line;
}

/**
 * One command from start to end:
 *   running ── limit or abort ──► SIGTERM to the group ── graceMs ──► SIGKILL ── killWaitMs ──► COMMAND_UNKILLABLE
 *      └──────── exit ◄────────────────┴─────────────────────────────────┘
 *   exit: SIGKILL to what is left of the group, then the pipes close or drainMs passes, then the result or the verdict.
 */
class Run {
  readonly result: Promise<ExecResult>;
  readonly #command: string;
  readonly #options: ExecOptions;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #stdout: OutputHead;
  readonly #stderr: OutputTail;
  readonly #settled = Promise.withResolvers<ExecResult>();
  /** The one thing that is waited for. */
  #timer: Timer | null = null;
  #releaseSignal: () => void = () => undefined;
  /** Why it is being killed; null while it may run. */
  #verdict: OpError | null = null;

  constructor(argv: readonly [string, ...string[]], options: ExecOptions) {
    const [command, ...args] = argv;
    const limitBytes = options.outputLimitBytes ?? outputLimitBytesDefault;
    this.#command = command;
    this.#options = options;
    this.#stdout = new OutputHead(limitBytes);
    this.#stderr = new OutputTail(limitBytes);
    this.result = this.#settled.promise;
    this.#child = this.#spawn(args);
    this.#readOutput();
    this.#child.once('error', (error) => {
      this.#fail(this.#notStarted(error));
    });
    this.#child.once('exit', () => {
      this.#onExit();
    });
    this.#child.once('close', () => {
      this.#finish();
    });
    if (this.#child.pid === undefined) return;
    this.#arm(options.limitMs, () => {
      const limit = formatDuration(Math.round(options.limitMs));
      this.#stop(new OpError('COMMAND_TIMED_OUT', { command, limit }));
    });
    this.#releaseSignal = onAbort(options.signal ?? null, (error) => {
      this.#stop(error);
    });
  }

  #spawn(args: readonly string[]): ChildProcessWithoutNullStreams {
    try {
      return spawn(this.#command, args, {
        cwd: this.#options.cwd ?? undefined,
        env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...this.#options.env, LC_ALL: 'C' },
        // A session, and with it a process group, whose id is the child's.
        detached: true,
      });
    } catch (error) {
      throw this.#notStarted(error);
    }
  }

  #notStarted(cause: unknown): OpError {
    return new OpError('COMMAND_NOT_STARTED', { command: this.#command, reason: messageOf(cause) }, { cause });
  }

  #readOutput(): void {
    const { stdin, stdout, stderr } = this.#child;
    stdout.on('data', (chunk: Buffer) => {
      this.#stdout.add(chunk);
    });
    stderr.on('data', (chunk: Buffer) => {
      this.#stderr.add(chunk);
    });
    // EPIPE: a command may end without reading its input; its exit code tells whether that was well.
    stdin.on('error', () => undefined);
    stdin.end(this.#options.stdin ?? '');
  }

  #arm(delayMs: number, callback: () => void): void {
    this.#timer?.cancel();
    this.#timer = this.#options.timers.after(delayMs, callback);
  }

  #stop(verdict: OpError): void {
    if (this.#verdict !== null || this.#hasExited) return;
    this.#verdict = verdict;
    this.#signalGroup('SIGTERM');
    this.#arm(graceMs, () => {
      this.#signalGroup('SIGKILL');
      this.#arm(killWaitMs, () => {
        this.#fail(new OpError('COMMAND_UNKILLABLE', { command: this.#command, pid: this.#child.pid ?? 0 }));
      });
    });
  }

  #onExit(): void {
    // A grandchild that ignores SIGTERM, or that was left behind, ends here.
    this.#signalGroup('SIGKILL');
    this.#arm(drainMs, () => {
      this.#finish();
    });
  }

  get #hasExited(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  #signalGroup(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (pid !== undefined) (this.#options.signalGroup ?? killGroup)(pid, signal);
  }

  #finish(): void {
    if (this.#verdict !== null) {
      this.#fail(this.#verdict);
      return;
    }
    this.#letGo();
    const stdout = this.#stdout.toString();
    const stderr = this.#stderr.toString();
    this.#settled.resolve({
      exitCode: this.#child.exitCode,
      signal: this.#child.signalCode,
      stdout,
      stderr,
      isStdoutCut: this.#stdout.isCut,
      isStderrCut: this.#stderr.isCut,
    });
  }

  #fail(error: OpError): void {
    this.#letGo();
    this.#settled.reject(error);
  }

  /** A process that hangs in the kernel, or a daemon with our pipe in its hand, must not keep this process from ending. */
  #letGo(): void {
    this.#timer?.cancel();
    this.#releaseSignal();
    for (const pipe of [this.#child.stdin, this.#child.stdout, this.#child.stderr]) pipe.destroy();
    this.#child.unref();
  }
}

function killGroup(groupId: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-groupId, signal);
  } catch (error) {
    // Nobody is left in the group: what the signal was for has happened.
    if (systemErrorCode(error) === 'ESRCH') return;
    throw error;
  }
}
