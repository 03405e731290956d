// What the log tells of itself: counters since it was opened, and what it holds. The host turns them into metrics.
import { Histogram, type HistogramReading } from './histogram.ts';
import type { ScrubStat } from './scrubber.ts';

export interface LogStat extends ScrubStat {
  readonly batches: number;
  readonly bytes: number;
  readonly operations: number;
  readonly waitingCalls: number;
  readonly cacheBytes: number;
  readonly groups: number;
  readonly chunks: number;
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly hasSpare: boolean;
  readonly hasReserve: boolean;
  readonly isFull: boolean;
  readonly faultySlots: number;
  /** Operations in a batch. */
  readonly batchOperations: HistogramReading;
  readonly batchBytes: HistogramReading;
  /** From a call to its batch's start. */
  readonly queueMs: HistogramReading;
  readonly writeMs: HistogramReading;
  readonly syncMs: HistogramReading;
  /** From a call to its durability. */
  readonly totalMs: HistogramReading;
}

/** From 16 µs to 8 s. */
const durations = (): Histogram => new Histogram(1 / 64, 20);

export class LogMeter {
  readonly batchOperations = new Histogram(1, 14);
  readonly batchBytes = new Histogram(512, 16);
  readonly queueMs = durations();
  readonly writeMs = durations();
  readonly syncMs = durations();
  readonly totalMs = durations();
  batches = 0;
  bytes = 0;
  operations = 0;

  batch(operations: number, bytes: number, times: { readonly writeMs: number; readonly syncMs: number }): void {
    this.batches++;
    this.bytes += bytes;
    this.operations += operations;
    this.batchOperations.add(operations);
    this.batchBytes.add(bytes);
    this.writeMs.add(times.writeMs);
    this.syncMs.add(times.syncMs);
  }

  readings(): Pick<
    LogStat,
    'batches' | 'bytes' | 'operations' | 'batchOperations' | 'batchBytes' | 'queueMs' | 'writeMs' | 'syncMs' | 'totalMs'
  > {
    return {
      batches: this.batches,
      bytes: this.bytes,
      operations: this.operations,
      batchOperations: this.batchOperations.read(),
      batchBytes: this.batchBytes.read(),
      queueMs: this.queueMs.read(),
      writeMs: this.writeMs.read(),
      syncMs: this.syncMs.read(),
      totalMs: this.totalMs.read(),
    };
  }
}
