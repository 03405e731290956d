// Runs the heavy suites: `SUITE=name PROFILE=ci node run.ts`; without SUITE all of them. A suite is a folder of src/suites with
// *.e2e.ts files, run by jest as the short tests are. The last line is `N passed, N failed` over all of them; what a failed case
// left behind lies in build/e2e/SUITE/CASE.
import { RealTimers, toOpError } from '@holdfast/base';
import { chooseSuites, type Suite } from './suites.ts';
import { runSuite, type Outcome } from './run-suite.ts';

function chosen(): readonly Suite[] {
  const { SUITE: suite = '', PROFILE: profile = '' } = process.env;
  try {
    return chooseSuites({ suite, profile });
  } catch (error) {
    process.stderr.write(`${toOpError(error).message}\n`);
    process.exit(64);
  }
}

const timers = new RealTimers();
const total: Outcome = { passed: 0, failed: 0 };
for (const suite of chosen()) {
  const { passed, failed } = await runSuite(suite, timers);
  total.passed += passed;
  total.failed += failed;
}
process.stdout.write(`${total.passed} passed, ${total.failed} failed\n`);
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;
