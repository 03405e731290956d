// Runs the heavy suites: `SUITE=name PROFILE=ci KEEP=1 node run.ts`; without SUITE all of them. A suite is a folder of
// src/suites with *.e2e.ts files, run by jest as the short tests are; CLUSTER names the Kubernetes of those that have one. The last line is `N passed, N failed` over all of them;
// what a failed case left behind lies in build/e2e/SUITE/CASE.
import { RealTimers, toOpError } from '@holdfast/base';
import { chooseSuites, type Suite } from './suites.ts';
import { realTools, runSuite, type Outcome, type SuiteRun } from './run-suite.ts';

function chosen(): readonly Suite[] {
  const { SUITE: suite = '', PROFILE: profile = '' } = process.env;
  try {
    return chooseSuites({ suite, profile });
  } catch (error) {
    process.stderr.write(`${toOpError(error).message}\n`);
    process.exit(64);
  }
}

const ending = new AbortController();
for (const [name, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  process.on(name, () => {
    process.exitCode ??= code;
    ending.abort(new Error(`${name} came`));
  });
}

const { KEEP: keep = '', CLUSTER: cluster = '' } = process.env;
const run: SuiteRun = {
  timers: new RealTimers(),
  signal: ending.signal,
  clusterName: cluster === '' ? 'e2e' : cluster,
  isKept: keep !== '',
  say: (line) => void process.stderr.write(`${line}\n`),
  tools: realTools,
};
const total: Outcome = { passed: 0, failed: 0 };
for (const suite of chosen()) {
  if (ending.signal.aborted) break;
  const { passed, failed } = await runSuite(suite, run);
  total.passed += passed;
  total.failed += failed;
}
process.stdout.write(`${total.passed} passed, ${total.failed} failed\n`);
process.exitCode ??= total.failed === 0 && total.passed > 0 ? 0 : 1;
