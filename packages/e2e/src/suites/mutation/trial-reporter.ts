// A jest reporter that tells what a trial wants to know while it happens, and ends the process with the first test that fails: one
// is enough, and the tests behind it may hang.
import { appendFileSync } from 'node:fs';
import { reportVariable, type TrialEvent } from './trial-report.ts';

interface CaseStart {
  readonly ancestorTitles: readonly string[];
  readonly title: string;
}

interface CaseResult {
  readonly fullName: string;
  readonly status: string;
  readonly failureMessages: readonly string[];
}

interface FileResult {
  readonly testExecError?: { readonly message?: string } | null;
  readonly testResults: readonly CaseResult[];
}

function tell(event: TrialEvent): void {
  const path = process.env[reportVariable];
  if (path === undefined) throw new Error(`${reportVariable} does not say where to report to`);
  appendFileSync(path, JSON.stringify(event) + '\n');
}

function tellFailure({ fullName, failureMessages }: CaseResult): never {
  tell({ kind: 'failed', test: fullName, message: failureMessages.join('\n') });
  process.exit(1);
}

export default class TrialReporter {
  onTestCaseStart(_test: unknown, { ancestorTitles, title }: CaseStart): void {
    tell({ kind: 'begun', test: [...ancestorTitles, title].join(' ') });
  }

  onTestCaseResult(_test: unknown, result: CaseResult): void {
    if (result.status === 'failed') tellFailure(result);
  }

  onTestResult(_test: unknown, { testResults, testExecError }: FileResult): void {
    const failed = testResults.find(({ status }) => status === 'failed');
    if (failed !== undefined) tellFailure(failed);
    const passed = testResults.filter(({ status }) => status === 'passed').length;
    tell({ kind: 'ended', passed, loadError: testExecError?.message ?? null });
  }
}
