// The page docs/reference/metrics.md, from the metrics table, in the table's order, which is by area.
import { labelValuesLimit, otherLabelValue } from './label-limit.ts';
import { metricsTable, type MetricRow } from './metrics-table.ts';

export function renderMetricsPage(): string {
  return [
    '# Metrics',
    '',
    '<!-- Made from packages/telemetry/src/metrics-table.ts by `make generate`; edit the table. -->',
    '',
    'Every role serves these at `/metrics` of its health address, in the text format of Prometheus. A histogram `x` is there',
    'as `x_bucket`, `x_sum` and `x_count`. A series appears when its labels are first seen.',
    '',
    `A label of one metric takes at most ${labelValuesLimit} distinct values; further ones count under \`${otherLabelValue}\`, and`,
    '`holdfast_metric_overflowed_labels_total` names the metric and the label.',
    ...Object.entries<MetricRow>(metricsTable).flatMap(([name, row]) => renderRow(name, row)),
    '',
  ].join('\n');
}

function renderRow(name: string, row: MetricRow): string[] {
  const labels = row.labels.length === 0 ? 'none' : row.labels.map((label) => `\`${label}\``).join(', ');
  const facts = [`Kind: ${row.kind}.`, `Unit: ${row.unit}.`, `Labels: ${labels}.`];
  if (row.kind === 'histogram') facts.push(`Buckets: ${row.buckets.join(', ')}.`);
  return ['', `## ${name}`, '', row.help, '', facts.join(' ')];
}
