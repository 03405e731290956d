// A jest reporter that closes the run with `N passed, N failed`, the line by which .ci/run counts over all suites. A file
// that could not be loaded counts as one failed test, so that it cannot vanish from the sum.
interface Results {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numRuntimeErrorTestSuites: number;
}

export default class ClosingLine {
  onRunComplete(_contexts: unknown, results: Results): void {
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    // At the exit, because jest's own summary is still in a buffer here and the closing line comes last.
    process.once('exit', () => process.stdout.write(`${results.numPassedTests} passed, ${failed} failed\n`));
  }
}
