// Each safety check of raft-log, taken out, makes a test of the package fail: a check that no test would miss is not known
// to work. One mutation at a time in a copy of the package, its own test files against it, one after another until one of
// them notices. The golden files are not among them: they notice any change of the bytes, and prove nothing about a check.
//
// A mutation may make a test wait or turn for ever. A file that takes `slownessMin` times as long as it takes without the mutation
// has noticed it; right behind it the same file without the mutation must pass in a fraction of that, so that a machine that
// was busy for a while proves nothing.
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { artefactsVariable } from '../../suites.ts';
import { mutations, type Mutation } from './mutations.ts';
import { PackageCopy, type TestRunEnd } from './package-copy.ts';

const baselineLimitMs = 2 * 60_000;
const everyPointLimitMs = 20 * 60_000;
const slownessMin = 20;
/** Below this nothing counts as slow. */
const slowMsMin = 15_000;
const goldenFile = 'golden.test.ts';

const copy = new PackageCopy();
afterAll(() => copy.remove());

/** How long each test file takes without a mutation. */
const baselineMs = new Map<string, number>();
/** Where the mutations of a source file were noticed, the last one first. */
const killers = new Map<string, string[]>();

beforeAll(async () => {
  for (const file of copy.testFiles.filter((name) => name !== goldenFile)) {
    const { end, durationMs } = await copy.run({ file, limitMs: baselineLimitMs });
    if (end.kind !== 'passed') throw new Error(`${file} does not pass without a mutation: ${JSON.stringify(end)}`);
    baselineMs.set(file, durationMs);
  }
}, 5 * baselineLimitMs);

function report(line: string): void {
  const folder = process.env[artefactsVariable];
  if (folder !== undefined) appendFileSync(join(folder, 'report.txt'), `${line}\n`);
}

function limitOf(file: string): number {
  return Math.max(slowMsMin, Math.ceil(slownessMin * (baselineMs.get(file) ?? 0)));
}

/** Those that noticed earlier mutations of the same source first, then the quick ones. */
function orderFor({ file }: Mutation): string[] {
  const byTime = [...baselineMs].toSorted(([, left], [, right]) => left - right).map(([name]) => name);
  return [...new Set([...(killers.get(file) ?? []), ...byTime])];
}

/** Who noticed the mutation; null if nobody did. A test that fails says more than one that does not end, so after such a one others are asked. */
async function killerOf(mutation: Mutation): Promise<string | null> {
  let endless: string | null = null;
  for (const file of orderFor(mutation)) {
    const takeBack = copy.mutate(mutation);
    const { end } = await copy.run({ file, limitMs: limitOf(file) }).finally(takeBack);
    if (end.kind === 'passed') continue;
    const killer = `${file}: ${await howNoticed(file, end)}`;
    if (end.kind === 'failed') {
      killers.set(mutation.file, [...new Set([file, ...(killers.get(mutation.file) ?? [])])]);
      return killer;
    }
    if (endless !== null) return endless;
    endless = killer;
  }
  return endless;
}

async function howNoticed(file: string, end: Exclude<TestRunEnd, { kind: 'passed' }>): Promise<string> {
  switch (end.kind) {
    case 'failed':
      // A mutation that is no program is noticed by everything, and shows nothing.
      expect(end.message).not.toMatch(/ReferenceError|SyntaxError|is not a function/);
      return end.test;
    case 'over time':
      await expectQuick(file);
      return `${end.lastBegun ?? 'its loading'} (does not end)`;
    case 'neither':
      throw new Error(`${file} neither passed nor failed, perhaps for want of memory; ${JSON.stringify(end)}`);
  }
}

async function expectQuick(file: string): Promise<void> {
  const { end, durationMs } = await copy.run({ file, limitMs: limitOf(file) });
  expect(end.kind).toBe('passed');
  expect(durationMs).toBeLessThan(limitOf(file) / 3);
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
  5 * 60_000,
);

/** The package's own tests try one in so many. */
test.each([
  ['no flipped bit of any byte invents a record or hides a loss', 'flip.test.ts', 'HOLDFAST_FLIP_STRIDE', 3],
  [
    'no kill of a process, in a call or between two, loses or invents anything',
    'kill.test.ts',
    'HOLDFAST_KILL_STRIDE',
    2,
  ],
])(
  '%s',
  async (_what, file, variable, cases) => {
    const { end, durationMs } = await copy.run({ file, limitMs: everyPointLimitMs, environment: { [variable]: '1' } });
    report(`${end.kind} ${file}: all of its points, in ${Math.round(durationMs / 1000)} s`);
    expect(end).toEqual({ kind: 'passed', passed: cases });
  },
  everyPointLimitMs,
);
