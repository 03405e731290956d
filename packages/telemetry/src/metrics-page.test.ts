import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { renderMetricsPage } from './metrics-page.ts';
import { metricsTable, type MetricRow } from './metrics-table.ts';

const page = readFileSync(join(import.meta.dirname, '../../../docs/reference/metrics.md'), 'utf8');

test('the page has a section for each metric of the table, and for no other', () => {
  const sections = [...page.matchAll(/^## (\S+)$/gm)].map(([, name]) => name);
  expect(sections).toEqual(Object.keys(metricsTable));
});

test('a section tells the metric’s help, kind, unit and labels', () => {
  for (const [name, row] of Object.entries<MetricRow>(metricsTable)) {
    const section = page.split(`## ${name}\n`)[1]?.split('\n## ')[0] ?? '';
    expect(section).toContain(row.help);
    expect(section).toContain(`Kind: ${row.kind}. Unit: ${row.unit}.`);
    for (const label of row.labels) expect(section).toContain(`\`${label}\``);
  }
});

test('the page is what the table makes of it (else run `make generate`)', () => {
  expect(page).toBe(renderMetricsPage());
});
