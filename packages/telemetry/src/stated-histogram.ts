// A histogram whose counts may also be stated as a whole, by who keeps them itself (the log counts each batch where nobody may
// wait for us). What was stated replaces what was observed under the same labels. Relies on prom-client for what is observed.
import { invariant } from '@holdfast/base';
import type { Histogram, HistogramConfiguration, MetricValueWithName } from 'prom-client';

export interface HistogramTotals {
  /** Of each bucket alone; one more for what is beyond the last. */
  readonly counts: readonly number[];
  readonly sum: number;
}

type Labels = Readonly<Record<string, string>>;
type Scrape = ReturnType<Histogram['get']>;

export interface StatedHistogram {
  observe(labels: Labels, value: number): void;
  state(labels: Labels, totals: HistogramTotals): void;
}

export type HistogramPlan = HistogramConfiguration<string> & { readonly buckets: number[] };

/** Registers it as `plan` says. */
export function makeStatedHistogram(Base: typeof Histogram, plan: HistogramPlan): StatedHistogram {
  const observed = new Base({ ...plan, registers: [] });
  const stated = new Map<string, MetricValueWithName<string>[]>();

  /** What the registry asks; a method of this name is what it prefers. */
  class Scraped extends Base {
    async getForPromString(): Scrape {
      const metric = await observed.get();
      return { ...metric, values: [...metric.values, ...[...stated.values()].flat()] };
    }
  }
  new Scraped(plan);

  return {
    observe: (labels, value) => {
      observed.observe(labels, value);
    },
    state: (labels, totals) => {
      invariant(totals.counts.length === plan.buckets.length + 1, `${plan.name} has other buckets than were stated`);
      observed.remove(labels);
      stated.set(JSON.stringify(labels), valuesOf(plan, labels, totals));
    },
  };
}

function valuesOf(
  { name, buckets }: HistogramPlan,
  labels: Labels,
  { counts, sum }: HistogramTotals,
): MetricValueWithName<string>[] {
  let count = 0;
  const values = counts.map((inBucket, at): MetricValueWithName<string> => {
    count += inBucket;
    return { metricName: `${name}_bucket`, labels: { le: buckets[at] ?? '+Inf', ...labels }, value: count };
  });
  const whole = { labels: { ...labels } };
  return [
    ...values,
    { ...whole, metricName: `${name}_sum`, value: sum },
    { ...whole, metricName: `${name}_count`, value: count },
  ];
}
