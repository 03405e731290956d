// The results of the last run of each suite, kept under build/bench so that the page can be written without running all
// suites again.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Figure } from './figure.ts';

export interface SuiteResult {
  readonly suite: string;
  readonly machine: string;
  readonly commit: string;
  /** The commit's date, not the run's: two runs of one commit write the same page head. */
  readonly date: string;
  readonly figures: readonly Figure[];
}

const pathOf = (root: string, suite: string): string => join(root, 'build', 'bench', `${suite}.json`);

export function saveResult(root: string, result: SuiteResult): void {
  mkdirSync(join(root, 'build', 'bench'), { recursive: true });
  writeFileSync(pathOf(root, result.suite), JSON.stringify(result, null, 2) + '\n');
}

/** The last result of a suite, or null if it has not run in this checkout. */
export function loadResult(root: string, suite: string): SuiteResult | null {
  try {
    return JSON.parse(readFileSync(pathOf(root, suite), 'utf8')) as SuiteResult;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
