// A copy of raft-log in a temporary folder, in which a mutation is made and the package's own tests run: nobody's work tree
// changes, whatever happens here. A run is one test file, in a process group of its own with a bound for its memory, its
// processor time and its time.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RealClock } from '@holdfast/base';
import type { Mutation } from './mutations.ts';
import { reportVariable, type TrialEvent } from './trial-report.ts';

const original = join(import.meta.dirname, '../../../../raft-log');
const jestRunner = join(import.meta.dirname, '../../../../tooling/src/jest/run.ts');

const heapMib = 700;
/** Of anonymous memory; a mutation may ask for any length. */
const memoryLimitKib = 3 * 1024 * 1024;
/** A run has a few threads, so its processors may work longer than it takes. */
const processorShare = 4;

export interface TestRun {
  readonly file: string;
  readonly limitMs: number;
  readonly environment?: Readonly<Record<string, string>>;
}

/** `lastBegun`: the test that was under way, null before the first one. */
export type TestRunEnd =
  | { readonly kind: 'passed'; readonly passed: number }
  | { readonly kind: 'failed'; readonly test: string; readonly message: string }
  | { readonly kind: 'over time'; readonly lastBegun: string | null }
  | { readonly kind: 'neither'; readonly lastBegun: string | null; readonly output: string };

export interface TimedEnd {
  readonly end: TestRunEnd;
  readonly durationMs: number;
}

export class PackageCopy {
  readonly folder: string;
  readonly #home = mkdtempSync(join(tmpdir(), 'holdfast-mutation-'));
  readonly #clock = new RealClock();
  #runs = 0;

  constructor() {
    this.folder = join(this.#home, 'raft-log');
    cpSync(join(original, 'src'), join(this.folder, 'src'), { recursive: true });
    cpSync(join(original, 'package.json'), join(this.folder, 'package.json'));
    symlinkSync(join(original, 'node_modules'), join(this.folder, 'node_modules'));
  }

  get testFiles(): string[] {
    return readdirSync(join(this.folder, 'src')).filter((name) => name.endsWith('.test.ts'));
  }

  /** Makes the mutation and returns what takes it back. */
  mutate(mutation: Mutation): () => void {
    const path = join(this.folder, 'src', mutation.file);
    const source = readFileSync(path, 'utf8');
    const { text, replacement } = mutation;
    writeFileSync(
      path,
      source.replace(text, () => replacement),
    );
    return () => writeFileSync(path, source);
  }

  /** How often the text stands in its file. */
  countOf({ file, text }: Mutation): number {
    const path = join(this.folder, 'src', file);
    return existsSync(path) ? readFileSync(path, 'utf8').split(text).length - 1 : 0;
  }

  async run({ file, limitMs, environment = {} }: TestRun): Promise<TimedEnd> {
    this.#runs += 1;
    const reportPath = join(this.#home, `report-${this.#runs}`);
    writeFileSync(reportPath, '');
    const startMs = this.#clock.monotonicMs();
    const processorSeconds = Math.ceil((limitMs / 1000) * processorShare);
    const limits = `ulimit -d ${memoryLimitKib}; ulimit -t ${processorSeconds}; exec "$@"`;
    const child = spawn('sh', ['-c', limits, 'sh', process.execPath, ...jestWords(file, limitMs)], {
      cwd: this.folder,
      env: {
        ...process.env,
        ...environment,
        NODE_OPTIONS: `--max-old-space-size=${heapMib}`,
        [reportVariable]: reportPath,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const output: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => output.push(bytes));
    const budget = AbortSignal.timeout(limitMs);
    const end = (): void => endGroup(child.pid);
    budget.addEventListener('abort', end);
    await once(child, 'close');
    budget.removeEventListener('abort', end);
    // What a test left running.
    endGroup(child.pid);
    const durationMs = this.#clock.monotonicMs() - startMs;
    const told = { events: readEvents(reportPath), output: Buffer.concat(output).toString('utf8') };
    return { durationMs, end: endOf({ ...told, isOverTime: budget.aborted }) };
  }

  remove(): void {
    rmSync(this.#home, { recursive: true, force: true });
  }
}

interface Told {
  readonly events: readonly TrialEvent[];
  readonly isOverTime: boolean;
  readonly output: string;
}

function endOf({ events, isOverTime, output }: Told): TestRunEnd {
  const failed = events.find((event) => event.kind === 'failed');
  if (failed !== undefined) return { kind: 'failed', test: failed.test, message: failed.message };
  const ended = events.find((event) => event.kind === 'ended');
  if (ended?.loadError === null) return { kind: 'passed', passed: ended.passed };
  const lastBegun = events.findLast((event) => event.kind === 'begun')?.test ?? null;
  if (isOverTime) return { kind: 'over time', lastBegun };
  return { kind: 'neither', lastBegun, output: `${ended?.loadError ?? ''}\n${output}` };
}

function jestWords(file: string, limitMs: number): string[] {
  const pattern = `/src/${file.replaceAll('.', String.raw`\.`)}$`;
  const reporter = `--reporters=${join(import.meta.dirname, 'trial-reporter.ts')}`;
  // The pattern first: a list of reporters takes whatever follows it.
  return [jestRunner, pattern, '--runInBand', '--forceExit', '--watchman=false', `--testTimeout=${limitMs}`, reporter];
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function readEvents(path: string): TrialEvent[] {
  const lines = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as TrialEvent);
}
