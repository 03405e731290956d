// Metrics: typed handles over the rows of the metrics table, and the text that Prometheus scrapes. Relies on prom-client,
// imported when the first registry is made. The registry is private to this file, so nothing outside the table gets in.
import { invariant } from '@holdfast/base';
import type { Counter as PromCounter, Gauge as PromGauge, Registry } from 'prom-client';
import { LabelLimit, type Labels } from './label-limit.ts';
import { CounterSeries, HistogramSeries, SeriesBook } from './series.ts';
import { makeStatedHistogram, type HistogramTotals, type StatedHistogram } from './stated-histogram.ts';
import { metricsTable, type LabelsOf, type MetricName, type MetricRow, type NameOfKind } from './metrics-table.ts';

export interface Counter<Name extends MetricName> {
  add(labels: LabelsOf<Name>, amount?: number): void;
  /** For a count that somebody else keeps (the kernel, the runtime): states the total so far. */
  setTotal(labels: LabelsOf<Name>, total: number): void;
  /** Everything under these labels, for who counts thousands a second: no look-up at each. The same one each time. */
  series(labels: LabelsOf<Name>): CounterSeries;
}
export interface Gauge<Name extends MetricName> {
  set(labels: LabelsOf<Name>, value: number): void;
  add(labels: LabelsOf<Name>, amount: number): void;
  /** Forgets one series: the thing that it described is gone. */
  remove(labels: LabelsOf<Name>): void;
}
export interface Histogram<Name extends MetricName> {
  observe(labels: LabelsOf<Name>, value: number): void;
  /** For counts that somebody else keeps: states all of them so far. */
  setTotals(labels: LabelsOf<Name>, totals: HistogramTotals): void;
  /** As a counter's. */
  series(labels: LabelsOf<Name>): HistogramSeries;
}

export interface Metrics {
  counter<Name extends NameOfKind<'counter'>>(name: Name): Counter<Name>;
  gauge<Name extends NameOfKind<'gauge'>>(name: Name): Gauge<Name>;
  histogram<Name extends NameOfKind<'histogram'>>(name: Name): Histogram<Name>;
  /** Runs `update` before every scrape, for values that are read and not counted. */
  onScrape(update: () => void | Promise<void>): void;
  scrape(): Promise<string>;
  readonly contentType: string;
}

/** One metric of prom-client with the bound on its labels. */
interface Bounded<PromMetric> {
  readonly metric: PromMetric;
  readonly limit: LabelLimit;
}
interface BoundedCounter extends Bounded<PromCounter> {
  readonly series: SeriesBook<CounterSeries>;
}
interface BoundedHistogram extends Bounded<StatedHistogram> {
  readonly series: SeriesBook<HistogramSeries>;
}
interface Parts {
  readonly registry: Registry;
  readonly counters: ReadonlyMap<string, BoundedCounter>;
  readonly gauges: ReadonlyMap<string, Bounded<PromGauge>>;
  readonly histograms: ReadonlyMap<string, BoundedHistogram>;
}

class PromMetrics implements Metrics {
  readonly #parts: Parts;
  readonly #updates: (() => void | Promise<void>)[] = [];

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get contentType(): string {
    return this.#parts.registry.contentType;
  }

  counter<Name extends NameOfKind<'counter'>>(name: Name): Counter<Name> {
    const { metric, limit, series } = find(this.#parts.counters, name);
    return {
      series: (labels) => series.of(limit.apply(labels)),
      add: (labels, amount = 1) => {
        metric.inc(limit.apply(labels), amount);
      },
      setTotal: (labels, total) => {
        setTotal(metric, limit.apply(labels), total);
      },
    };
  }

  gauge<Name extends NameOfKind<'gauge'>>(name: Name): Gauge<Name> {
    const { metric, limit } = find(this.#parts.gauges, name);
    return {
      set: (labels, value) => {
        metric.set(limit.apply(labels), value);
      },
      add: (labels, amount) => {
        metric.inc(limit.apply(labels), amount);
      },
      remove: (labels) => {
        metric.remove(labels);
      },
    };
  }

  histogram<Name extends NameOfKind<'histogram'>>(name: Name): Histogram<Name> {
    const { metric, limit, series } = find(this.#parts.histograms, name);
    return {
      series: (labels) => series.of(limit.apply(labels)),
      observe: (labels, value) => {
        metric.observe(limit.apply(labels), value);
      },
      setTotals: (labels, totals) => {
        metric.state(limit.apply(labels), totals);
      },
    };
  }

  onScrape(update: () => void | Promise<void>): void {
    this.#updates.push(update);
  }

  async scrape(): Promise<string> {
    await Promise.all(this.#updates.map(async (update) => update()));
    for (const { metric, series } of this.#parts.counters.values()) {
      series.forEach((labels, { total }) => setTotal(metric, labels, total));
    }
    for (const { metric, series } of this.#parts.histograms.values()) {
      series.forEach((labels, totals) => metric.state(labels, totals));
    }
    return this.#parts.registry.metrics();
  }
}

function setTotal(metric: PromCounter, labels: Labels, total: number): void {
  metric.remove(labels);
  metric.inc(labels, total);
}

function find<Found>(metrics: ReadonlyMap<string, Found>, name: string): Found {
  const found = metrics.get(name);
  invariant(found !== undefined, `metric ${name} is not registered`);
  return found;
}

export async function createMetrics(): Promise<Metrics> {
  const { default: prom } = await import('prom-client');
  const registry = new prom.Registry();
  const counters = new Map<string, BoundedCounter>();
  const gauges = new Map<string, Bounded<PromGauge>>();
  const histograms = new Map<string, BoundedHistogram>();
  for (const [name, row] of Object.entries<MetricRow>(metricsTable)) {
    const common = { name, help: row.help, labelNames: [...row.labels], registers: [registry] };
    const limit = new LabelLimit(row.labels, (label) => {
      find(counters, 'holdfast_metric_overflowed_labels_total').metric.inc({ metric: name, label });
    });
    switch (row.kind) {
      case 'counter':
        counters.set(name, {
          ...{ metric: new prom.Counter(common), limit },
          series: new SeriesBook(() => new CounterSeries()),
        });
        break;
      case 'gauge':
        gauges.set(name, { metric: new prom.Gauge(common), limit });
        break;
      case 'histogram':
        histograms.set(name, {
          metric: makeStatedHistogram(prom.Histogram, { ...common, buckets: [...row.buckets] }),
          limit,
          series: new SeriesBook(() => new HistogramSeries(row.buckets)),
        });
        break;
    }
  }
  return new PromMetrics({ registry, counters, gauges, histograms });
}
