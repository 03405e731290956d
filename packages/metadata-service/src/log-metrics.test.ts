import { expect, test } from '@jest/globals';
import { SeededRandom, VirtualDisk, VirtualTime } from '@holdfast/base/internal';
import { RaftLog } from '@holdfast/raft-log';
import { InlineExecutor, LogDisk } from '@holdfast/raft-log/internal';
import { createMetrics, type Metrics } from '@holdfast/telemetry';
import { measureLog } from './log-metrics.ts';

async function openLog(): Promise<{ log: RaftLog; disk: VirtualDisk }> {
  const disk = new VirtualDisk({ seed: 1 });
  const { clock, timers } = new VirtualTime({ seed: 1 }).node('log');
  const executor = new InlineExecutor(new LogDisk(disk.files, clock));
  const random = new SeededRandom('salts');
  const limits = { blockBytes: 512, chunkBytes: 16 * 1024, batchBytes: 4096, prepareBytes: 16 * 1024 };
  const log = await RaftLog.open({ directory: '/log', files: disk.files, executor, clock, timers, random, limits });
  return { log, disk };
}

/** Value by series, of the log's metrics. */
async function scrape(metrics: Metrics): Promise<ReadonlyMap<string, number>> {
  const lines = (await metrics.scrape()).split('\n').filter((line) => /^holdfast_(raft_log|queue)_/.test(line));
  return new Map(
    lines.map((line): [string, number] => {
      const [name = '', value = ''] = line.split(' ');
      return [name, Number(value)];
    }),
  );
}

test('a scrape tells what the log counted, and what it holds', async () => {
  const { log, disk } = await openLog();
  const metrics = await createMetrics();
  measureLog(metrics, log, 500);
  await log.createGroup(1);
  await log.saveVote(1, { term: 1, vote: null });
  for (let index = 1; log.stat().chunks < 3; index++) {
    await log.append(1, [{ index, term: 1, payload: Buffer.alloc(700, 'x') }]);
  }
  disk.rot('/log/0000000000000001.chunk', 6000, 4);
  await log.scrubNext();

  const stat = log.stat();
  const values = await scrape(metrics);
  expect(
    Object.fromEntries([...values].filter(([name]) => !name.includes('{') && !/_(sum|count)$/.test(name))),
  ).toEqual({
    holdfast_raft_log_batches_total: stat.batches,
    holdfast_raft_log_operations_total: stat.operations,
    holdfast_raft_log_written_bytes_total: stat.bytes,
    holdfast_raft_log_groups: 1,
    holdfast_raft_log_chunks: 3,
    holdfast_raft_log_cache_bytes: stat.cacheBytes,
    holdfast_raft_log_refusing_entries: 0,
    holdfast_raft_log_faulty_slots: 1,
    holdfast_raft_log_scrubbed_chunks_total: 1,
    holdfast_raft_log_scrubbed_bytes_total: 16 * 1024,
    holdfast_raft_log_scrub_damages_total: 1,
  });
  expect(values.get('holdfast_queue_depth_items{queue="raft-log"}')).toBe(0);
  expect(values.get('holdfast_queue_limit_items{queue="raft-log"}')).toBe(500);
  expect(values.get('holdfast_raft_log_prepared_files{file="spare"}')).toBe(Number(stat.hasSpare));
  await log.close();
});

test('the histograms hold every batch and every call, in the buckets of their rows', async () => {
  const { log } = await openLog();
  const metrics = await createMetrics();
  measureLog(metrics, log);
  await log.createGroup(1);
  await log.saveVote(1, { term: 1, vote: null });
  await Promise.all(
    [1, 2, 3].map(async (index) => log.append(1, [{ index, term: 1, payload: Buffer.alloc(900, 'x') }])),
  );
  const { batches, operations, bytes } = log.stat();
  const values = await scrape(metrics);
  const counted = (name: string): (number | undefined)[] =>
    ['count', 'sum'].map((suffix) => values.get(`holdfast_raft_log_${name}_${suffix}`));
  expect(counted('batch_operations')).toEqual([batches, operations]);
  expect(counted('batch_bytes')).toEqual([batches, bytes]);
  for (const name of ['queue', 'call']) expect(counted(`${name}_seconds`)[0]).toBe(operations);
  for (const name of ['write', 'sync']) expect(counted(`${name}_seconds`)[0]).toBe(batches);
  const bucket = (bound: string): number | undefined =>
    values.get(`holdfast_raft_log_batch_operations_bucket{le="${bound}"}`);
  expect([bucket('1'), bucket('4'), bucket('+Inf')]).toEqual([batches - 1, batches, batches]);
  await log.close();
});
