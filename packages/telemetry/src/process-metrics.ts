// What the process says of itself at every scrape: CPU, memory, descriptors, the lag of its event loop, the pauses of its
// garbage collector. Imports perf_hooks although clocks are base's: these are the runtime's own measurements of itself, which
// nothing in the product decides by, and a simulated process has none.
import { readdirSync } from 'node:fs';
import { constants, monitorEventLoopDelay, PerformanceObserver, type PerformanceEntry } from 'node:perf_hooks';
import type { Clock } from '@holdfast/base';
import type { Metrics } from './metrics.ts';

export interface ProcessFacts {
  readonly version: string;
  readonly commit: string;
  readonly role: string;
}

const lagResolutionMs = 10;
const nanosPerSecond = 1e9;
const gcKinds = new Map<unknown, string>([
  [constants.NODE_PERFORMANCE_GC_MINOR, 'minor'],
  [constants.NODE_PERFORMANCE_GC_MAJOR, 'major'],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, 'incremental'],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, 'weak'],
]);

/** Starts measuring; the function that it returns ends that. */
export function measureProcess(metrics: Metrics, facts: ProcessFacts, clock: Clock): () => void {
  metrics.gauge('holdfast_build_info').set({ ...facts }, 1);
  metrics.gauge('holdfast_process_start_time_seconds').set({}, clock.wallMs() / 1000);
  const stops = [measureLag(metrics), measurePauses(metrics)];
  metrics.onScrape(() => readProcess(metrics));
  return () => {
    for (const stop of stops) stop();
  };
}

function measureLag(metrics: Metrics): () => void {
  const delay = monitorEventLoopDelay({ resolution: lagResolutionMs });
  delay.enable();
  const lag = metrics.gauge('holdfast_event_loop_lag_seconds');
  metrics.onScrape(() => {
    // The histogram holds the timer's whole period; what it was late by is the rest.
    const late = (nanos: number): number =>
      delay.count === 0 ? 0 : Math.max(0, nanos / nanosPerSecond - lagResolutionMs / 1000);
    lag.set({ stat: 'p50' }, late(delay.percentile(50)));
    lag.set({ stat: 'p99' }, late(delay.percentile(99)));
    lag.set({ stat: 'max' }, late(delay.max));
    delay.reset();
  });
  return () => {
    delay.disable();
  };
}

function measurePauses(metrics: Metrics): () => void {
  const pauses = metrics.histogram('holdfast_gc_pause_seconds');
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries() as (PerformanceEntry & { readonly detail?: { readonly kind?: unknown } })[]) {
      pauses.observe({ kind: gcKinds.get(entry.detail?.kind) ?? 'major' }, entry.duration / 1000);
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  return () => {
    observer.disconnect();
  };
}

function readProcess(metrics: Metrics): void {
  const cpu = process.cpuUsage();
  const seconds = metrics.counter('holdfast_process_cpu_seconds_total');
  seconds.setTotal({ mode: 'user' }, cpu.user / 1e6);
  seconds.setTotal({ mode: 'system' }, cpu.system / 1e6);
  const memory = process.memoryUsage();
  metrics.gauge('holdfast_process_resident_memory_bytes').set({}, memory.rss);
  const heap = metrics.gauge('holdfast_process_heap_bytes');
  heap.set({ state: 'used' }, memory.heapUsed);
  heap.set({ state: 'reserved' }, memory.heapTotal);
  heap.set({ state: 'external' }, memory.external);
  // One of them is the descriptor that lists them.
  metrics.gauge('holdfast_process_open_fds').set({}, readdirSync('/proc/self/fd').length - 1);
}
