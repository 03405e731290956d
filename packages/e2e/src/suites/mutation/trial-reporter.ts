// A jest reporter that writes down what a trial wants to know, file by file: jest's own JSON is not written when a run ends at
// its first failure.
import { appendFileSync } from 'node:fs';
import { basename } from 'node:path';
import { reportVariable, type FileReport } from './trial-report.ts';

interface FileResult {
  readonly testFilePath: string;
  readonly perfStats: { readonly runtime: number };
  readonly testExecError?: { readonly message?: string } | null;
  readonly testResults: readonly {
    readonly fullName: string;
    readonly status: string;
    readonly failureMessages: readonly string[];
  }[];
}

export default class TrialReporter {
  onTestResult(_test: unknown, result: FileResult): void {
    const path = process.env[reportVariable];
    if (path === undefined) throw new Error(`${reportVariable} does not say where to report to`);
    const report: FileReport = {
      file: basename(result.testFilePath),
      durationMs: result.perfStats.runtime,
      passed: result.testResults.filter(({ status }) => status === 'passed').length,
      failures: result.testResults
        .filter(({ status }) => status === 'failed')
        .map(({ fullName, failureMessages }) => ({ test: fullName, message: failureMessages.join('\n') })),
      loadError: result.testExecError?.message ?? null,
    };
    appendFileSync(path, JSON.stringify(report) + '\n');
  }
}
