// A copy of raft-log in a temporary folder, in which a mutation is made and the package's own tests run: nobody's work tree
// changes, whatever happens here. A run is a process group of its own with a bound for its memory, its processor time and
// its time.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { changed, countIn } from '@holdfast/tooling';
import type { Mutation } from './mutations.ts';
import { reportVariable, type FileReport } from './trial-report.ts';

const original = join(import.meta.dirname, '../../../../raft-log');
const jestRunner = join(import.meta.dirname, '../../../../tooling/src/jest/run.ts');

const heapMib = 700;
/** Of anonymous memory; a mutation may ask for any length. */
const memoryLimitKib = 3 * 1024 * 1024;

export interface TestRun {
  /** Names of test files; null for all. */
  readonly files: readonly string[] | null;
  readonly limitMs: number;
  /** Of one test. */
  readonly testLimitMs: number;
  readonly environment?: Readonly<Record<string, string>>;
}

export interface TestRunEnd {
  readonly reports: readonly FileReport[];
  readonly isOverTime: boolean;
  readonly isPassed: boolean;
  readonly output: string;
}

export class PackageCopy {
  readonly folder: string;
  readonly #home = mkdtempSync(join(tmpdir(), 'holdfast-mutation-'));
  #runs = 0;

  constructor() {
    this.folder = join(this.#home, 'raft-log');
    cpSync(join(original, 'src'), join(this.folder, 'src'), { recursive: true });
    cpSync(join(original, 'package.json'), join(this.folder, 'package.json'));
    symlinkSync(join(original, 'node_modules'), join(this.folder, 'node_modules'));
  }

  /** Makes the mutation and returns what takes it back. */
  mutate(mutation: Mutation): () => void {
    const path = join(this.folder, 'src', mutation.file);
    const source = readFileSync(path, 'utf8');
    writeFileSync(path, changed(source, mutation));
    return () => writeFileSync(path, source);
  }

  /** How often the text stands in its file. */
  countOf(mutation: Mutation): number {
    const path = join(this.folder, 'src', mutation.file);
    return existsSync(path) ? countIn(readFileSync(path, 'utf8'), mutation) : 0;
  }

  async run({ files, limitMs, testLimitMs, environment = {} }: TestRun): Promise<TestRunEnd> {
    this.#runs += 1;
    const reportPath = join(this.#home, `report-${this.#runs}`);
    writeFileSync(reportPath, '');
    const limits = `ulimit -d ${memoryLimitKib}; ulimit -t ${Math.ceil(limitMs / 1000)}; exec "$@"`;
    const child = spawn('sh', ['-c', limits, 'sh', process.execPath, ...jestWords(files, testLimitMs)], {
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
    const [code] = (await once(child, 'close')) as [number | null];
    budget.removeEventListener('abort', end);
    // What a test left running.
    endGroup(child.pid);
    return {
      reports: readReports(reportPath),
      isOverTime: budget.aborted,
      isPassed: code === 0,
      output: Buffer.concat(output).toString('utf8'),
    };
  }

  remove(): void {
    rmSync(this.#home, { recursive: true, force: true });
  }
}

function jestWords(files: readonly string[] | null, testLimitMs: number): string[] {
  const patterns = (files ?? []).map((file) => `/src/${file.replaceAll('.', String.raw`\.`)}$`);
  const reporter = `--reporters=${join(import.meta.dirname, 'trial-reporter.ts')}`;
  // The patterns first: a list of reporters takes whatever follows it.
  const rest = ['--runInBand', '--bail', '--forceExit', '--watchman=false', `--testTimeout=${testLimitMs}`, reporter];
  return [jestRunner, ...patterns, ...rest];
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function readReports(path: string): FileReport[] {
  const lines = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as FileReport);
}
