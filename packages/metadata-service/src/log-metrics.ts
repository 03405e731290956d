// The write-ahead log of this process as metrics. The log counts for itself and is asked at every scrape.
import { invariant } from '@holdfast/base';
import { limitsDefault, type HistogramReading, type LogStat } from '@holdfast/raft-log';
import { metricsTable, type Metrics, type NameOfKind } from '@holdfast/telemetry';

export interface MeasuredLog {
  stat(): LogStat;
}

/** `waitingCallsMax`: the limit of the log's queue, where it is not the log's default. */
export function measureLog(
  metrics: Metrics,
  log: MeasuredLog,
  waitingCallsMax: number = limitsDefault.waitingCalls,
): void {
  metrics.gauge('holdfast_queue_limit_items').set({ queue }, waitingCallsMax);
  metrics.onScrape(() => {
    const stat = log.stat();
    stateCounts(metrics, stat);
    stateSizes(metrics, stat);
    stateHistograms(metrics, stat);
  });
}

const queue = 'raft-log';
const millisPerSecond = 1000;

function stateCounts(metrics: Metrics, stat: LogStat): void {
  metrics.counter('holdfast_raft_log_batches_total').setTotal({}, stat.batches);
  metrics.counter('holdfast_raft_log_operations_total').setTotal({}, stat.operations);
  metrics.counter('holdfast_raft_log_written_bytes_total').setTotal({}, stat.bytes);
  metrics.counter('holdfast_raft_log_scrubbed_chunks_total').setTotal({}, stat.scrubbedChunks);
  metrics.counter('holdfast_raft_log_scrubbed_bytes_total').setTotal({}, stat.scrubbedBytes);
  metrics.counter('holdfast_raft_log_scrub_damages_total').setTotal({}, stat.scrubDamages);
}

function stateSizes(metrics: Metrics, stat: LogStat): void {
  metrics.gauge('holdfast_queue_depth_items').set({ queue }, stat.waitingCalls);
  metrics.gauge('holdfast_raft_log_groups').set({}, stat.groups);
  metrics.gauge('holdfast_raft_log_chunks').set({}, stat.chunks);
  metrics.gauge('holdfast_raft_log_prepared_files').set({ file: 'spare' }, Number(stat.hasSpare));
  metrics.gauge('holdfast_raft_log_prepared_files').set({ file: 'reserve' }, Number(stat.hasReserve));
  metrics.gauge('holdfast_raft_log_cache_bytes').set({}, stat.cacheBytes);
  metrics.gauge('holdfast_raft_log_refusing_entries').set({}, Number(stat.isFull));
  metrics.gauge('holdfast_raft_log_faulty_slots').set({}, stat.faultySlots);
}

function stateHistograms(metrics: Metrics, stat: LogStat): void {
  stateHistogram(metrics, 'holdfast_raft_log_batch_operations', stat.batchOperations, 1);
  stateHistogram(metrics, 'holdfast_raft_log_batch_bytes', stat.batchBytes, 1);
  stateHistogram(metrics, 'holdfast_raft_log_queue_seconds', stat.queueMs, millisPerSecond);
  stateHistogram(metrics, 'holdfast_raft_log_write_seconds', stat.writeMs, millisPerSecond);
  stateHistogram(metrics, 'holdfast_raft_log_sync_seconds', stat.syncMs, millisPerSecond);
  stateHistogram(metrics, 'holdfast_raft_log_call_seconds', stat.totalMs, millisPerSecond);
}

type LogHistogram = Extract<NameOfKind<'histogram'>, `holdfast_raft_log_${string}`>;

/** The log has finer buckets than the row; each bound of the row is one of the log's, times `scale`. */
function stateHistogram(metrics: Metrics, name: LogHistogram, reading: HistogramReading, scale: number): void {
  const { buckets } = metricsTable[name];
  const bounds = buckets.map((bound) => bound * scale);
  for (const bound of bounds) invariant(reading.bounds.includes(bound), `${name} has a bucket that the log has not`);
  const counts = [...bounds, Infinity].map(() => 0);
  for (const [at, count] of reading.counts.entries()) {
    const upper = reading.bounds[at] ?? Infinity;
    const found = bounds.findIndex((bound) => upper <= bound);
    const into = found === -1 ? bounds.length : found;
    counts[into] = (counts[into] ?? 0) + count;
  }
  metrics.histogram(name).setTotals({}, { counts, sum: reading.sum / scale });
}
