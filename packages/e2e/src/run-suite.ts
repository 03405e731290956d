// One suite: jest in a process group of its own, within the suite's time.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { formatDuration, type Timers } from '@holdfast/base';
import { artefactsVariable, type Suite } from './suites.ts';

const packageFolder = join(import.meta.dirname, '..');
const jestRunner = join(packageFolder, '../tooling/src/jest/run.ts');
const artefactsFolder = join(packageFolder, '../../build/e2e');
/** One case; the suite's budget bounds all of them together. */
const caseLimitMs = 120_000;

export interface Outcome {
  passed: number;
  failed: number;
}

export async function runSuite(suite: Suite, timers: Timers): Promise<Outcome> {
  const artefacts = join(artefactsFolder, suite.name);
  rmSync(artefacts, { recursive: true, force: true });
  mkdirSync(artefacts, { recursive: true });
  const results = join(artefacts, 'results.json');
  const words = [
    ...[jestRunner, `--testMatch=**/suites/${suite.name}/*.e2e.ts`, '--runInBand', `--testTimeout=${caseLimitMs}`],
    // A case that failed may leave a connection open; it must not hold up the rest.
    '--forceExit',
    // Its own closing line would be a second one.
    ...['--reporters=default', '--json', `--outputFile=${results}`],
  ];
  const child = spawn(process.execPath, words, {
    cwd: packageFolder,
    env: { ...process.env, [artefactsVariable]: artefacts },
    // jest's own words go to stderr; its JSON is in the file.
    stdio: ['ignore', 'ignore', 'inherit'],
    detached: true,
  });
  const timer = timers.after(suite.budgetMs, () => {
    // The group: jest, and every process that a case started.
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  });
  const [, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  timer.cancel();
  if (signal === 'SIGKILL')
    process.stderr.write(`the suite ${suite.name} took longer than ${formatDuration(suite.budgetMs)} and was ended\n`);
  return outcomeOf(results);
}

/** What jest wrote; a suite that was ended, or could not be loaded, counts as one failure. */
function outcomeOf(path: string): Outcome {
  if (!existsSync(path)) return { passed: 0, failed: 1 };
  const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites } = JSON.parse(readFileSync(path, 'utf8')) as {
    readonly numPassedTests: number;
    readonly numFailedTests: number;
    readonly numRuntimeErrorTestSuites: number;
  };
  return { passed: numPassedTests, failed: numFailedTests + numRuntimeErrorTestSuites };
}
