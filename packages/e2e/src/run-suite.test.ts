// The runner with stand-ins for dev-env and jest: scripts that write down what they are told.
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { RealTimers, type Timers } from '@holdfast/base';
import { runSuite, type Outcome } from './run-suite.ts';
import type { Suite } from './suites.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-e2e-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const script = (name: string, text: string): void => {
  writeFileSync(join(folder, name), `#!/bin/bash\nlog() { echo "$*" >>"$(dirname "$0")/log"; }\n${text}\n`);
  chmodSync(join(folder, name), 0o755);
};

/** dev-env as far as the runner knows it; `up` and `down` may refuse. */
function standInDevEnv({ isUp = false, refusal = '', downRefusal = '' } = {}): void {
  script('build.sh', 'log build');
  script(
    'cluster.sh',
    `log "$CLUSTER" "$@"
case $1 in
  env) [ -e "$(dirname "$0")/up" ] || exit 1
    echo "export KUBECONFIG=$(dirname "$0")/state/pki/admin.conf PATH=\\"/programs:\\$PATH\\"" ;;
  up) [ -z '${refusal}' ] || { echo 'dev-env: on its way'; echo '${refusal}' >&2; exit 1; }
    touch "$(dirname "$0")/up" ;;
  down) [ -z '${downRefusal}' ] || { echo '${downRefusal}' >&2; exit 1; } ;;
esac`,
  );
  if (isUp) writeFileSync(join(folder, 'up'), '');
}

/** Instead of jest: its words to come, then what it would have counted. */
function standInJest(text: string): string {
  const path = join(folder, 'jest.ts');
  writeFileSync(
    path,
    `import { appendFileSync, writeFileSync } from 'node:fs';
    const results = process.argv.find((word) => word.startsWith('--outputFile=')).slice('--outputFile='.length);
    const end = (numPassedTests, numFailedTests) =>
      writeFileSync(results, JSON.stringify({ numPassedTests, numFailedTests, numRuntimeErrorTestSuites: 0 }));
    appendFileSync(${JSON.stringify(join(folder, 'log'))}, 'cases\\n');
    ${text}`,
  );
  return path;
}
const passing = 'end(3, 0)';
const hanging = 'setInterval(() => {}, 1000)';

/** Calls back as soon as that line has been written down. */
function onLine(line: string, callback: () => void): void {
  const log = join(folder, 'log');
  const watcher = watch(folder, () => {
    if (!existsSync(log) || !readFileSync(log, 'utf8').endsWith(`${line}\n`)) return;
    watcher.close();
    callback();
  });
}

function abortedAfter(line: string): AbortSignal {
  const ending = new AbortController();
  onLine(line, () => ending.abort());
  return ending.signal;
}

const budgetMs = 3_600_000;
/** The machine's, but that the budget is over as soon as the cases run. */
const shortBudget: Timers = {
  after: (delayMs, callback) => {
    if (delayMs !== budgetMs) return new RealTimers().after(delayMs, callback);
    onLine('cases', callback);
    return { cancel: () => undefined };
  },
};

interface Told {
  readonly outcome: Outcome;
  readonly lines: readonly string[];
  readonly said: readonly string[];
}

interface Circumstances {
  readonly cases?: string;
  readonly timers?: Timers;
  readonly signal?: AbortSignal;
  readonly isKept?: boolean;
  readonly userId?: number;
  readonly hasNeighbour?: boolean;
}

async function runIn(circumstances: Circumstances): Promise<Told> {
  const { cases = passing, isKept = false, userId = 0, hasNeighbour = false } = circumstances;
  const suite: Suite = {
    name: 'sample',
    summary: '',
    budgetMs,
    isInCi: false,
    cluster: { nodeCount: 2, hasImage: false, hasNeighbour },
  };
  const said: string[] = [];
  const outcome = await runSuite(suite, {
    timers: circumstances.timers ?? new RealTimers(),
    signal: circumstances.signal ?? new AbortController().signal,
    clusterName: 'e2e',
    isKept,
    say: (line) => said.push(line),
    tools: { jestRunner: standInJest(cases), scripts: folder, artefactsFolder: join(folder, 'artefacts'), userId },
  });
  const log = join(folder, 'log');
  return { outcome, said, lines: existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : [] };
}

const started = ['e2e env', 'build', 'e2e up 2', 'e2e env', 'cases'];

test('a suite with a cluster builds, starts, uses and ends it, and its cases know where it is', async () => {
  standInDevEnv();
  const cases = `const { KUBECONFIG, PATH, HOLDFAST_E2E_CLUSTER } = process.env;
    writeFileSync(${JSON.stringify(join(folder, 'seen'))}, JSON.stringify([KUBECONFIG, PATH, HOLDFAST_E2E_CLUSTER]));
    end(3, 1)`;
  const { outcome, lines, said } = await runIn({ cases, hasNeighbour: true });
  expect(outcome).toEqual({ passed: 3, failed: 1 });
  expect(lines).toEqual([...started, 'e2eb down', 'e2e down']);
  expect(said).toEqual([]);
  const [kubeconfig, path, place] = JSON.parse(readFileSync(join(folder, 'seen'), 'utf8')) as [string, string, string];
  expect(kubeconfig).toBe(join(folder, 'state/pki/admin.conf'));
  expect(path.startsWith('/programs:')).toBe(true);
  expect(JSON.parse(place)).toEqual({ name: 'e2e', nodeCount: 2, stateFolder: join(folder, 'state') });
});

test('when the time is up the cases are ended, then the cluster, and what it looked like is kept', async () => {
  standInDevEnv();
  const { outcome, lines, said } = await runIn({ cases: hanging, timers: shortBudget });
  expect(outcome).toEqual({ passed: 0, failed: 1 });
  expect(lines).toEqual([...started, 'e2e down']);
  const kept = join(folder, 'artefacts/sample/when-time-was-up');
  expect(said).toEqual([
    'the suite sample took longer than 1h and was ended',
    `what the cluster looked like is in ${kept}`,
  ]);
  expect(existsSync(join(kept, 'events.txt'))).toBe(true);
});

test('a signal ends the cases, then the cluster', async () => {
  standInDevEnv();
  const { outcome, lines } = await runIn({ cases: hanging, signal: abortedAfter('cases') });
  expect(outcome).toEqual({ passed: 0, failed: 1 });
  expect(lines).toEqual([...started, 'e2e down']);
});

test('a signal while the cluster starts ends what has started', async () => {
  standInDevEnv();
  script('build.sh', 'log build; sleep 60');
  const { outcome, lines } = await runIn({ signal: abortedAfter('build') });
  expect(outcome).toEqual({ passed: 0, failed: 1 });
  expect(lines).toEqual(['e2e env', 'build', 'e2e down']);
});

test.each([
  ['asked to keep it', { isKept: true, isUp: false }, 'the cluster e2e is left standing'],
  ['that stood before', { isKept: false, isUp: true }, 'the cluster e2e is left standing, as it was found'],
])('a cluster %s is left standing, with how to reach and end it', async (_, { isKept, isUp }, first) => {
  standInDevEnv({ isUp });
  const { outcome, lines, said } = await runIn({ isKept, cases: 'end(0, 1)' });
  expect(outcome).toEqual({ passed: 0, failed: 1 });
  expect(lines).toEqual(started);
  expect(said).toEqual([
    first,
    '  reach it: eval "$(CLUSTER=e2e dev-env/cluster.sh env)"',
    '  end it:   make dev-down CLUSTER=e2e',
  ]);
});

test('what dev-env refuses is one line and one failure, and nothing half-started is kept', async () => {
  standInDevEnv({ refusal: 'dev-env: no bridge could be made' });
  const { outcome, lines, said } = await runIn({ isKept: true });
  expect(outcome).toEqual({ passed: 0, failed: 1 });
  expect(lines).toEqual(['e2e env', 'build', 'e2e up 2', 'e2e down']);
  expect(said).toEqual(['the suite sample did not run: dev-env: no bridge could be made']);
});

test('a cluster that does not end is a failure, told in one line', async () => {
  standInDevEnv({ downRefusal: 'dev-env: a disk is still open' });
  const { outcome, said } = await runIn({});
  expect(outcome).toEqual({ passed: 3, failed: 1 });
  expect(said).toEqual(['the cluster of the suite sample did not end: dev-env: a disk is still open']);
});

test('what can be neither started nor ended is told once', async () => {
  standInDevEnv({ refusal: 'dev-env: a name is short', downRefusal: 'dev-env: a name is short' });
  const { said } = await runIn({});
  expect(said).toEqual(['the suite sample did not run: dev-env: a name is short']);
});

test('without root nothing is begun', async () => {
  standInDevEnv();
  const { outcome, lines, said } = await runIn({ userId: 1000 });
  expect(outcome).toEqual({ passed: 0, failed: 1 });
  expect(lines).toEqual([]);
  expect(said).toEqual([
    'the suite sample did not run: a cluster needs root (namespaces, interfaces, loop devices); run it with sudo',
  ]);
});
