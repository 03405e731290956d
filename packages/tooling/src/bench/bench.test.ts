// The bench runner: what counts as short, how figures are printed, and that a broken bench cannot look like a good one.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { formatFigures, formatValue, isShort, type Figure } from './figure.ts';
import { formatPage } from './page.ts';
import type { SuiteResult } from './results.ts';
import { median, quantile } from './statistics.ts';
import { findSuites, runBenchFile } from './suites.ts';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'holdfast-bench-'));
  mkdirSync(join(root, 'packages/x/src'), { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true }));

const file = 'packages/x/src/x.bench.ts';
const writeBench = (text: string): void => writeFileSync(join(root, file), text);
const figure = (value: number, bar: Figure['bar']): Figure => ({ name: 'start', value, unit: 'ms', bar });

test.each([
  { value: 150, bar: { atMost: 150 }, short: false },
  { value: 150.1, bar: { atMost: 150 }, short: true },
  { value: 0.7, bar: { atLeast: 0.7 }, short: false },
  { value: 0.69, bar: { atLeast: 0.7 }, short: true },
  { value: NaN, bar: { atMost: 150 }, short: true },
  { value: NaN, bar: { atLeast: 1 }, short: true },
  { value: 1e9, bar: null, short: false },
])('a figure of $value against $bar is short: $short', ({ value, bar, short }) => {
  expect(isShort(figure(value, bar))).toBe(short);
});

test('figures are printed as one aligned line each', () => {
  const figures: Figure[] = [
    { name: 'version-image', value: 61.234, unit: 'ms', bar: { atMost: 150 } },
    { name: 'calls', value: 12345.6, unit: '1/s', bar: null },
    { name: 'ratio', value: 0.512, unit: 'x', bar: { atLeast: 0.7 } },
  ];
  expect(formatFigures(figures)).toEqual([
    'version-image  61.2 ms  <=150 ok',
    'calls         12346 1/s -     ok',
    'ratio         0.512 x   >=0.7 short',
  ]);
});

test('a value keeps three significant digits and every digit before the point', () => {
  expect([0.001234, 61.26, 123.4, 98765.4].map(formatValue)).toEqual(['0.00123', '61.3', '123', '98765']);
});

test('the median of an even number of samples lies between the middle two', () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(quantile([3, 1, 2], 1)).toBe(3);
  expect(() => median([])).toThrow('a quantile of no samples');
});

test('a bench file runs in its own process and its figures arrive in order', async () => {
  writeBench(`export default { name: 'demo', run(report) {
    report.figure('a', 1, 'ms', { atMost: 2 });
    report.figure('b', 2, 'ms');
  } };`);
  expect(await findSuites(root)).toEqual(new Map([['demo', [file]]]));
  expect(await runBenchFile(root, file)).toEqual([
    { name: 'a', value: 1, unit: 'ms', bar: { atMost: 2 } },
    { name: 'b', value: 2, unit: 'ms', bar: null },
  ]);
});

test('a bench that reports nothing fails', async () => {
  writeBench(`export default { name: 'demo', run() {} };`);
  await expect(runBenchFile(root, file)).rejects.toThrow(`${file} reported no figure`);
});

test('a bench that ends its process fails, even after a figure', async () => {
  writeBench(
    `export default { name: 'demo', run(report) { report.figure('a', 1, 'ms'); process.disconnect(); process.exit(3); } };`,
  );
  await expect(runBenchFile(root, file)).rejects.toThrow(`${file} ended with exit code 3`);
});

test('a bench file without a bench is named', async () => {
  writeBench('export const bench = 1;');
  await expect(findSuites(root)).rejects.toThrow(`${file} default-exports no Bench`);
});

const resultOf = (suite: string, value: number): SuiteResult => ({
  ...{ suite, machine: '2 × CPU', commit: 'abc', date: '2026-11-21' },
  figures: [figure(value, { atMost: 150 })],
});

test('the page says machine, commit and date of every suite', () => {
  const page = formatPage({ suites: ['demo'], results: [resultOf('demo', 61.2)], earlier: '' });
  expect(page).toContain('## demo\n\nCommit abc of 2026-11-21, on 2 × CPU.\n');
  expect(page).toContain('| start | 61.2 | ms | ≤ 150 | ok |');
});

test('what was not measured again stays on the page, and what never was is named', () => {
  const suites = ['first', 'last', 'never'];
  const results = [resultOf('first', 1), resultOf('last', 2), resultOf('gone', 3)];
  const earlier = formatPage({ suites: [...suites, 'gone'], results, earlier: '' });
  const page = formatPage({ suites, results: [resultOf('first', 7)], earlier });
  expect([...page.matchAll(/^## (.*)$|^\| start \| (\d) /gm)].map(([, suite, value]) => suite ?? value)).toEqual([
    'first',
    '7',
    'last',
    '2',
  ]);
  expect(page.endsWith('|\n\nNot measured yet: never.\n')).toBe(true);
  expect(formatPage({ suites, results: [resultOf('first', 7)], earlier: page })).toBe(page);
  const whole = formatPage({ suites, results: [resultOf('never', 9)], earlier: page });
  expect(whole).not.toContain('Not measured yet');
  expect(formatPage({ suites, results: [resultOf('never', 9)], earlier: whole })).toBe(whole);
});
