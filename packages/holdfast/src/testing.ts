// Real processes for tests, suites and benches: `bin/holdfast` as a person starts it. A process is ready when it says so in
// its log, which is also where its address is read from, so nothing waits for a time that might be too short.
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { invariant } from '@holdfast/base';

export const holdfastPath = join(import.meta.dirname, '../../../bin/holdfast');

export interface Ended {
  /** Null if a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProcessOptions {
  /** Added to PATH and HOME; settings of the machine's own environment must not reach a test. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** In the place of `bin/holdfast`: that of another release. */
  readonly program?: string;
}

type Child = ChildProcessByStdio<null, Readable, Readable>;

function start(words: readonly string[], { environment = {}, cwd, program = holdfastPath }: ProcessOptions): Child {
  const { PATH = '', HOME = '', NODE_COMPILE_CACHE } = process.env;
  return spawn(program, words, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH, HOME, ...(NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE }), ...environment },
    ...(cwd === undefined ? {} : { cwd }),
  });
}

/** Runs a command to its end. */
export async function runHoldfast(words: readonly string[], options: ProcessOptions = {}): Promise<Ended> {
  const child = start(words, options);
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { code, signal, stdout, stderr };
}

type LogLine = Readonly<Record<string, unknown>>;

/** A role that runs, and its log. */
export class RoleProcess {
  readonly lines: LogLine[] = [];
  readonly ended: Promise<Ended>;
  readonly #child: Child;
  readonly #waiting = new Set<() => void>();
  #stdout = '';
  #stderr = '';
  #hasEnded = false;

  private constructor(child: Child) {
    this.#child = child;
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.#stdout += `${line}\n`;
      if (line.startsWith('{')) this.lines.push(JSON.parse(line) as LogLine);
      for (const look of this.#waiting) look();
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    this.ended = this.#end();
  }

  /** Starts a role; it may still fail, see `ready`. */
  static start(words: readonly string[], options: ProcessOptions = {}): RoleProcess {
    return new RoleProcess(start(words, options));
  }

  get pid(): number {
    invariant(this.#child.pid !== undefined, 'a process that was started has an id');
    return this.#child.pid;
  }

  /** What it wrote so far. */
  get output(): string {
    return this.#stdout + this.#stderr;
  }

  /** The address at which it serves. */
  async ready(): Promise<string> {
    await this.line('ready');
    return String((await this.line('serving'))['address']);
  }

  /** The first line with this message that `isMeant`; fails if the process ends without it. */
  async line(message: string, isMeant: (line: LogLine) => boolean = () => true): Promise<LogLine> {
    return this.#find(`"${message}"`, () => this.lines.find((line) => line['msg'] === message && isMeant(line)));
  }

  /** The first place where what it wrote matches, for output that is no log. */
  async match(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#find(String(pattern), () => pattern.exec(this.#stdout) ?? undefined);
  }

  async #find<Found>(what: string, find: () => Found | undefined): Promise<Found> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = find();
        if (found === undefined && !this.#hasEnded) return;
        this.#waiting.delete(look);
        if (found === undefined) reject(new Error(`the process ended before it said ${what}:\n${this.output}`));
        else resolve(found);
      };
      this.#waiting.add(look);
      look();
    });
  }

  /** Sends one signal and waits for the end. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
    this.signal(signal);
    return this.ended;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async #end(): Promise<Ended> {
    const [code, signal] = (await once(this.#child, 'close')) as [number | null, NodeJS.Signals | null];
    this.#hasEnded = true;
    for (const look of [...this.#waiting]) look();
    return { code, signal, stdout: this.#stdout, stderr: this.#stderr };
  }
}

/** A folder with a cluster's certificates, made by the commands themselves, and the processes that were started in it. */
export class ProcessCluster {
  readonly folder: string;
  readonly #processes: RoleProcess[] = [];

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async create(): Promise<ProcessCluster> {
    const cluster = new ProcessCluster(await mkdtemp(join(tmpdir(), 'holdfast-')));
    await cluster.run(['pki', 'init', '--authority', cluster.authority]);
    return cluster;
  }

  get authority(): string {
    return join(this.folder, 'authority');
  }

  get revocations(): string {
    return join(this.authority, 'revoked.json');
  }

  identity(role: string, name: string): string {
    return join(this.folder, `${role}-${name}`);
  }

  /** Runs a command that must succeed, and answers its output. */
  async run(words: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await runHoldfast(words);
    if (code !== 0) throw new Error(`holdfast ${words.join(' ')} ended with ${String(code)}: ${stderr}`);
    return stdout;
  }

  /** Issues an identity and answers its folder. */
  async issue(role: string, name: string, more: readonly string[] = []): Promise<string> {
    const out = this.identity(role, name);
    const hosts = role === 'metadata' ? ['--host', '127.0.0.1', '--host', 'localhost'] : [];
    await this.run(['pki', 'issue', role, name, '--authority', this.authority, '--out', out, ...hosts, ...more]);
    return out;
  }

  /** Starts a metadata server on a free port with the identity of that name. */
  startMetadata(name: string, more: readonly string[] = [], options: ProcessOptions = {}): RoleProcess {
    const words = ['metadata', '--certificates', this.identity('metadata', name), '--revocations', this.revocations];
    const common = ['--listen', '127.0.0.1:0', '--health-listen', 'off', '--peer-interval', '100ms'];
    const started = RoleProcess.start([...words, ...common, ...more], options);
    this.#processes.push(started);
    return started;
  }

  /** `holdfast status`, asked with an identity of this cluster. */
  async status(identity: string, servers: readonly string[], more: readonly string[] = []): Promise<Ended> {
    return runHoldfast(['status', '--certificates', identity, '--server', servers.join(','), ...more]);
  }

  /** What every process wrote, for the artefacts of a failed case. */
  get outputs(): readonly string[] {
    return this.#processes.map(({ output }) => output);
  }

  async close(): Promise<void> {
    await Promise.all(this.#processes.map(async (started) => started.stop('SIGKILL')));
    await rm(this.folder, { recursive: true, force: true });
  }
}
