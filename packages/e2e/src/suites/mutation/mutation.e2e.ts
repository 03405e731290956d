// Each safety check of raft-log, taken out, makes a test of the package fail: a check that no test would miss is not known
// to work. One mutation at a time in a copy of the package, its own tests against it, the quick ones first. The golden
// files are not among them: they notice any change of the bytes, and prove nothing about a check.
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { artefactsVariable } from '../../suites.ts';
import { mutations, type Mutation } from './mutations.ts';
import { PackageCopy, type TestRunEnd } from './package-copy.ts';

const trialLimitMs = 90_000;
/** Of one test: a mutation that leaves somebody waiting shall not wait long. */
const testLimitMs = 10_000;
const baselineLimitMs = 5 * 60_000;
const everyBitLimitMs = 20 * 60_000;
/** A file that takes longer runs only against what the quick ones let live. */
const quickLimitMs = 1_500;
const goldenFile = 'golden.test.ts';

const copy = new PackageCopy();
afterAll(() => copy.remove());

let quick: string[] = [];
let slow: string[] = [];

beforeAll(async () => {
  const baseline = await copy.run({ files: null, limitMs: baselineLimitMs, testLimitMs });
  if (!baseline.isPassed) throw new Error(`the package's tests fail without a mutation:\n${baseline.output}`);
  const files = baseline.reports
    .filter(({ file }) => file !== goldenFile)
    .toSorted((left, right) => left.durationMs - right.durationMs);
  quick = files.filter(({ durationMs }) => durationMs <= quickLimitMs).map(({ file }) => file);
  slow = files.filter(({ durationMs }) => durationMs > quickLimitMs).map(({ file }) => file);
}, baselineLimitMs);

function report(line: string): void {
  const folder = process.env[artefactsVariable];
  if (folder !== undefined) appendFileSync(join(folder, 'report.txt'), `${line}\n`);
}

/** Who noticed the mutation; null if nobody did. */
function killerIn({ isOverTime, reports, isPassed, output }: TestRunEnd, files: readonly string[]): string | null {
  if (isOverTime) throw new Error(`the tests took longer than ${trialLimitMs} ms: that says nothing`);
  const [failed] = reports.filter(({ failures }) => failures.length > 0);
  const [failure] = failed?.failures ?? [];
  if (failed !== undefined && failure !== undefined) {
    // A mutation that is no program is noticed by everything, and shows nothing.
    expect(failure.message).not.toMatch(/ReferenceError|SyntaxError|is not a function/);
    return `${failed.file}: ${failure.test}`;
  }
  const unloaded = reports.find(({ loadError }) => loadError !== null);
  if (unloaded !== undefined) throw new Error(`${unloaded.file} cannot be loaded: ${unloaded.loadError ?? ''}`);
  const isComplete = isPassed && reports.length === files.length;
  if (!isComplete) throw new Error(`the tests neither passed nor failed, perhaps for want of memory:\n${output}`);
  return null;
}

async function killerOf(mutation: Mutation): Promise<string | null> {
  const takeBack = copy.mutate(mutation);
  try {
    for (const files of [quick, slow]) {
      if (files.length === 0) continue;
      const killer = killerIn(await copy.run({ files, limitMs: trialLimitMs, testLimitMs }), files);
      if (killer !== null) return killer;
    }
    return null;
  } finally {
    takeBack();
  }
}

test('every text of the table stands in its file exactly once, and no two rows are one', () => {
  const counts = mutations.map((mutation) => ({ check: mutation.check, count: copy.countOf(mutation) }));
  expect(counts.filter(({ count }) => count !== 1)).toEqual([]);
  expect(new Set(mutations.map(({ check }) => check)).size).toBe(mutations.length);
});

test.each(mutations)(
  '$check ($file)',
  async (mutation) => {
    const killer = await killerOf(mutation);
    report(`${killer === null ? 'SURVIVED' : 'killed  '} ${mutation.file}: ${mutation.check}: ${killer ?? '-'}`);
    expect({ ...mutation, killer }).toEqual({ ...mutation, killer: expect.any(String) });
  },
  2 * trialLimitMs,
);

test(
  'no flipped bit of any byte invents a record or hides a loss',
  async () => {
    const limits = { limitMs: everyBitLimitMs, testLimitMs: everyBitLimitMs };
    const environment = { HOLDFAST_FLIP_STRIDE: '1' };
    const { output, reports } = await copy.run({ files: ['flip.test.ts'], ...limits, environment });
    expect({ output, failures: reports.flatMap(({ failures }) => failures) }).toEqual({ output, failures: [] });
    expect(reports.map(({ passed }) => passed)).toEqual([3]);
  },
  everyBitLimitMs,
);
