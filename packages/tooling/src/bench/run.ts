// `make bench` and `make bench-report`: node run.ts [--report] [SUITE]. Exits with 1 if a figure is short of its bar, a
// bench fails or the suite does not exist.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../root.ts';
import { formatFigures, isShort, type Figure } from './figure.ts';
import { describeMachine } from './machine.ts';
import { formatPage } from './page.ts';
import { loadResult, saveResult } from './results.ts';
import { findSuites, runBenchFile, type Suites } from './suites.ts';

class BenchFailure extends Error {}

async function measure(suites: Suites, chosen: readonly string[]): Promise<void> {
  const git = (...args: string[]): string => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
  const stamp = { commit: git('rev-parse', '--short=12', 'HEAD'), date: git('log', '-1', '--format=%cs') };
  const short: string[] = [];
  for (const suite of chosen) {
    const figures: Figure[] = [];
    for (const file of suites.get(suite) ?? []) figures.push(...(await runBenchFile(root, file)));
    saveResult(root, { suite, machine: describeMachine(), ...stamp, figures });
    for (const line of formatFigures(figures)) console.log(line);
    short.push(...figures.filter(isShort).map(({ name }) => name));
  }
  if (short.length > 0) throw new BenchFailure(`short of the bar: ${short.join(', ')}`);
}

function writePage(suites: Suites): void {
  const names = [...suites.keys()];
  const results = names.flatMap((suite) => loadResult(root, suite) ?? []);
  if (results.length === 0) throw new BenchFailure('nothing was measured in this checkout: run make bench first');
  const path = join(root, 'docs', 'reference', 'benchmarks.md');
  writeFileSync(path, formatPage({ suites: names, results, earlier: readFileSync(path, 'utf8') }));
}

async function main(args: readonly string[]): Promise<void> {
  // The foundation suite runs `make test`; a test that ran benches would never come to an end.
  if (process.env['HOLDFAST_BENCH'] !== undefined) throw new BenchFailure('a bench cannot start another bench run');
  const suites = await findSuites(root);
  if (args[0] === '--report') {
    writePage(suites);
    return;
  }
  const [suite] = args;
  if (suite !== undefined && !suites.has(suite)) {
    throw new BenchFailure(`no suite ${suite}; there are: ${[...suites.keys()].join(', ')}`);
  }
  await measure(suites, suite === undefined ? [...suites.keys()] : [suite]);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
