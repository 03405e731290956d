// One suite: its cluster if it has one, and jest in a process group of its own, within the suite's time. Whatever happens to
// the cases, to the budget or to us by a signal, the group ends and the cluster ends.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { combineSignals, formatDuration, messageOf, onAbort, type Timers } from '@holdfast/base';
import { clusterVariable } from './kube/dev-cluster.ts';
import { keepKubeArtefacts } from './kube/kube-artefacts.ts';
import { SuiteCluster, type StartedCluster } from './kube/suite-cluster.ts';
import { artefactsVariable, type ClusterShape, type Suite } from './suites.ts';

const packageFolder = join(import.meta.dirname, '..');
const root = join(packageFolder, '../..');
/** One case; the suite's budget bounds all of them together. */
const caseLimitMs = 120_000;

export interface Outcome {
  passed: number;
  failed: number;
}

export interface SuiteRun {
  readonly timers: Timers;
  /** Ends the run, as Ctrl-C does. */
  readonly signal: AbortSignal;
  /** The cluster of a suite that has one. */
  readonly clusterName: string;
  /** Leaves it standing. */
  readonly isKept: boolean;
  readonly say: (line: string) => void;
  readonly tools: SuiteTools;
}

/** What a test of the runner brings its own of. */
export interface SuiteTools {
  readonly jestRunner: string;
  /** The folder of dev-env. */
  readonly scripts: string;
  readonly artefactsFolder: string;
  readonly userId: number;
}

export const realTools: SuiteTools = {
  jestRunner: join(packageFolder, '../tooling/src/jest/run.ts'),
  scripts: join(root, 'dev-env'),
  artefactsFolder: join(root, 'build/e2e'),
  userId: process.getuid?.() ?? -1,
};

export async function runSuite(suite: Suite, run: SuiteRun): Promise<Outcome> {
  const artefacts = join(run.tools.artefactsFolder, suite.name);
  rmSync(artefacts, { recursive: true, force: true });
  mkdirSync(artefacts, { recursive: true });
  if (suite.cluster === null) return runCases({ suite, run, artefacts, started: null });
  return runOnCluster(suite, suite.cluster, { run, artefacts });
}

interface Place {
  readonly run: SuiteRun;
  readonly artefacts: string;
}

async function runOnCluster(suite: Suite, shape: ClusterShape, { run, artefacts }: Place): Promise<Outcome> {
  const cluster = new SuiteCluster({ ...run, name: run.clusterName, shape });
  const { name } = suite;
  let outcome: Outcome = { passed: 0, failed: 1 };
  // What did not start is of use to nobody.
  let isKept = false;
  let refusal: string | null = null;
  try {
    const started = await cluster.start();
    isKept = run.isKept;
    outcome = await runCases({ suite, run, artefacts, started });
  } catch (error) {
    refusal = messageOf(error);
    run.say(`the suite ${name} did not run: ${refusal}`);
  }
  try {
    await cluster.end(isKept);
  } catch (error) {
    outcome.failed += 1;
    // A machine that refuses to start a cluster may refuse to end one, with the same words.
    if (messageOf(error) !== refusal) run.say(`the cluster of the suite ${name} did not end: ${messageOf(error)}`);
  }
  return outcome;
}

interface Cases extends Place {
  readonly suite: Suite;
  readonly started: StartedCluster | null;
}

async function runCases({ suite, run, artefacts, started }: Cases): Promise<Outcome> {
  const results = join(artefacts, 'results.json');
  const child = spawn(process.execPath, jestWords(suite, run, results), {
    cwd: packageFolder,
    env: {
      ...process.env,
      [artefactsVariable]: artefacts,
      ...(started === null ? {} : { ...started.environment, [clusterVariable]: JSON.stringify(started.place) }),
    },
    // jest's own words go to stderr; its JSON is in the file.
    stdio: ['ignore', 'ignore', 'inherit'],
    detached: true,
  });
  const budget = new AbortController();
  const timer = run.timers.after(suite.budgetMs, () => budget.abort());
  const ending = combineSignals([budget.signal, run.signal]);
  onAbort(ending.signal, () => endGroup(child));
  await once(child, 'close');
  timer.cancel();
  ending.release();
  if (budget.signal.aborted) {
    run.say(`the suite ${suite.name} took longer than ${formatDuration(suite.budgetMs)} and was ended`);
    if (started !== null) await keepAtEnd(join(artefacts, 'when-time-was-up'), started, run);
  }
  return outcomeOf(results);
}

/** jest, and every process that a case started. */
function endGroup({ pid, exitCode, signalCode }: ChildProcess): void {
  if (pid !== undefined && exitCode === null && signalCode === null) process.kill(-pid, 'SIGKILL');
}

async function keepAtEnd(folder: string, { place, environment }: StartedCluster, { say }: SuiteRun): Promise<void> {
  await keepKubeArtefacts({ folder, stateFolder: place.stateFolder, environment });
  say(`what the cluster looked like is in ${folder}`);
}

function jestWords({ name }: Suite, run: SuiteRun, results: string): string[] {
  return [
    run.tools.jestRunner,
    ...[`--testMatch=**/suites/${name}/*.e2e.ts`, '--runInBand', `--testTimeout=${caseLimitMs}`],
    // A case that failed may leave a connection open; it must not hold up the rest.
    '--forceExit',
    // Its own closing line would be a second one.
    ...['--reporters=default', '--json', `--outputFile=${results}`],
  ];
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
