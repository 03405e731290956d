import { expect, test } from '@jest/globals';
import { labelValuesLimit } from './label-limit.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { metricsTable, type MetricRow } from './metrics-table.ts';

const rows = Object.entries<MetricRow>(metricsTable);

test('every row keeps the conventions of Prometheus', () => {
  for (const [name, row] of rows) {
    expect(name).toMatch(/^holdfast(_[a-z][a-z0-9]*)+$/);
    expect(name.endsWith('_total')).toBe(row.kind === 'counter');
    expect(name.replace(/_total$/, '')).not.toMatch(/_(ms|milliseconds|kib|mib|percent)$/);
    if (['seconds', 'bytes', 'info', 'items', 'lines'].includes(row.unit)) {
      expect(name.replace(/_total$/, '')).toMatch(new RegExp(`_${row.unit}(_|$)`));
    }
    expect(row.help).toMatch(/^[A-Z][^\n]*\.$/);
    expect(new Set(row.labels).size).toBe(row.labels.length);
    for (const label of row.labels) expect(label).toMatch(/^[a-z][a-z_]*$/);
    if (row.kind === 'histogram') expect(row.buckets).toEqual([...new Set(row.buckets)].sort((a, b) => a - b));
  }
});

test('a scrape holds each metric of the table with its kind, and no other', async () => {
  const metrics = await createMetrics();
  const text = await metrics.scrape();
  const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, kind]) => `${name} ${kind}`);
  expect(types.sort()).toEqual(rows.map(([name, row]) => `${name} ${row.kind}`).sort());
});

async function series(metrics: Metrics, name: string): Promise<string[]> {
  return (await metrics.scrape())
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
}

test('counters add, gauges set, add and forget, histograms fill their buckets', async () => {
  const metrics = await createMetrics();
  const labels = { side: 'server', service: 'Status', method: 'Get' };
  metrics.counter('holdfast_rpc_calls_total').add({ ...labels, status: 'OK' });
  metrics.counter('holdfast_rpc_calls_total').add({ ...labels, status: 'OK' }, 2);
  expect(await series(metrics, 'holdfast_rpc_calls_total')).toEqual([
    'holdfast_rpc_calls_total{side="server",service="Status",method="Get",status="OK"} 3',
  ]);

  const inFlight = metrics.gauge('holdfast_rpc_in_flight_calls');
  inFlight.set(labels, 5);
  inFlight.add(labels, -2);
  expect(await series(metrics, 'holdfast_rpc_in_flight_calls')).toEqual([
    'holdfast_rpc_in_flight_calls{side="server",service="Status",method="Get"} 3',
  ]);
  inFlight.remove(labels);
  expect(await series(metrics, 'holdfast_rpc_in_flight_calls')).toEqual([]);

  metrics.histogram('holdfast_gc_pause_seconds').observe({ kind: 'minor' }, 0.002);
  const buckets = await series(metrics, 'holdfast_gc_pause_seconds_bucket');
  expect(buckets).toContain('holdfast_gc_pause_seconds_bucket{le="0.001",kind="minor"} 0');
  expect(buckets).toContain('holdfast_gc_pause_seconds_bucket{le="0.0025",kind="minor"} 1');
});

test('a series counts like its metric does, once for everybody who asks for it', async () => {
  const metrics = await createMetrics();
  const labels = { side: 'server', service: 'Status', method: 'Get' };
  const other = { method: 'Get', service: 'Status', side: 'server' };
  const calls = metrics.counter('holdfast_rpc_calls_total');
  calls.series({ ...labels, status: 'OK' }).add();
  metrics
    .counter('holdfast_rpc_calls_total')
    .series({ status: 'OK', ...other })
    .add(2);
  calls.add({ ...labels, status: 'FAILED' });
  const sizes = metrics.histogram('holdfast_rpc_message_size_bytes');
  for (const bytes of [64, 65, 2 ** 30]) sizes.series({ ...labels, direction: 'sent' }).observe(bytes);
  sizes.observe({ ...labels, direction: 'received' }, 64);
  for (const scrapes of [1, 2]) {
    expect([scrapes, ...(await series(metrics, 'holdfast_rpc_calls_total')).sort()]).toEqual([
      scrapes,
      'holdfast_rpc_calls_total{side="server",service="Status",method="Get",status="FAILED"} 1',
      'holdfast_rpc_calls_total{side="server",service="Status",method="Get",status="OK"} 3',
    ]);
    const ofSent = (await series(metrics, 'holdfast_rpc_message_size_bytes_bucket')).filter((line) =>
      line.includes('"sent"'),
    );
    const counts = ofSent.map((line) => Number(line.split(' ').at(-1)));
    expect(counts).toEqual([1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3]);
    expect(await series(metrics, 'holdfast_rpc_message_size_bytes_count')).toHaveLength(2);
  }
});

test('a total that somebody else keeps is stated, not added, whatever handle states it', async () => {
  const metrics = await createMetrics();
  for (const total of [4, 7]) metrics.counter('holdfast_process_cpu_seconds_total').setTotal({ mode: 'user' }, total);
  expect(await series(metrics, 'holdfast_process_cpu_seconds_total')).toEqual([
    'holdfast_process_cpu_seconds_total{mode="user"} 7',
  ]);
});

test('a histogram that somebody else keeps is stated, bucket by bucket, and replaces what was there', async () => {
  const metrics = await createMetrics();
  const sizes = metrics.histogram('holdfast_raft_log_batch_operations');
  sizes.observe({}, 3);
  for (const counts of [
    [9, 0, 0, 0, 0, 0, 0, 0],
    [2, 0, 3, 0, 0, 0, 0, 1],
  ]) {
    sizes.setTotals({}, { counts, sum: 40_000 });
  }
  expect(await series(metrics, 'holdfast_raft_log_batch_operations_bucket')).toEqual(
    ['1 2', '4 2', '16 5', '64 5', '256 5', '1024 5', '4096 5', '+Inf 6'].map((text) => {
      const [bound, count] = text.split(' ');
      return `holdfast_raft_log_batch_operations_bucket{le="${bound}"} ${count}`;
    }),
  );
  expect(await series(metrics, 'holdfast_raft_log_batch_operations_sum')).toEqual([
    'holdfast_raft_log_batch_operations_sum 40000',
  ]);
  expect(await series(metrics, 'holdfast_raft_log_batch_operations_count')).toEqual([
    'holdfast_raft_log_batch_operations_count 6',
  ]);
  expect(() => sizes.setTotals({}, { counts: [1], sum: 1 })).toThrow('other buckets');

  const pauses = metrics.histogram('holdfast_gc_pause_seconds');
  pauses.observe({ kind: 'minor' }, 0.002);
  pauses.setTotals({ kind: 'major' }, { counts: Array.from({ length: 12 }, () => 1), sum: 6 });
  expect(await series(metrics, 'holdfast_gc_pause_seconds_count')).toEqual([
    'holdfast_gc_pause_seconds_count{kind="minor"} 1',
    'holdfast_gc_pause_seconds_count{kind="major"} 12',
  ]);
});

test('values beyond a label’s limit count as other, and are counted', async () => {
  const metrics = await createMetrics();
  const depth = metrics.gauge('holdfast_queue_depth_items');
  for (let index = 0; index < labelValuesLimit + 3; index += 1) depth.add({ queue: `q${index}` }, 1);
  depth.add({ queue: 'q0' }, 1);
  const lines = await series(metrics, 'holdfast_queue_depth_items');
  expect(lines).toHaveLength(labelValuesLimit + 1);
  expect(lines).toContain('holdfast_queue_depth_items{queue="other"} 3');
  expect(lines).toContain('holdfast_queue_depth_items{queue="q0"} 2');
  expect(await series(metrics, 'holdfast_metric_overflowed_labels_total')).toEqual([
    'holdfast_metric_overflowed_labels_total{metric="holdfast_queue_depth_items",label="queue"} 3',
  ]);
});

test('values that are read are fresh at every scrape', async () => {
  const metrics = await createMetrics();
  let reads = 0;
  metrics.onScrape(async () => {
    await Promise.resolve();
    metrics.gauge('holdfast_process_open_fds').set({}, (reads += 1));
  });
  expect(await series(metrics, 'holdfast_process_open_fds')).toEqual(['holdfast_process_open_fds 1']);
  expect(await series(metrics, 'holdfast_process_open_fds')).toEqual(['holdfast_process_open_fds 2']);
});

test('a name outside the table, a wrong kind and a wrong label do not compile', async () => {
  const metrics = await createMetrics();
  // @ts-expect-error -- no such row
  expect(() => metrics.counter('holdfast_nothing_total')).toThrow('not registered');
  // @ts-expect-error -- a gauge is no counter
  expect(() => metrics.counter('holdfast_queue_depth_items')).toThrow('not registered');
  // @ts-expect-error -- the label queue is missing
  metrics.gauge('holdfast_queue_depth_items').set({}, 1);
  // @ts-expect-error -- no such label
  expect(() => metrics.gauge('holdfast_process_open_fds').set({ volume: 'v' }, 1)).toThrow('volume');
});
