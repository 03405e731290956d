// What is counted under one set of labels of a metric, in plain numbers that the registry is told of at a scrape: prom-client looks its
// labels up at each observation, which was a tenth of what a small call costs a server. A leaf.
import type { Labels } from './label-limit.ts';

export class CounterSeries {
  total = 0;

  add(amount = 1): void {
    this.total += amount;
  }
}

export class HistogramSeries {
  /** Of each bucket alone; one more for what is beyond the last. */
  readonly counts: number[];
  sum = 0;
  readonly #bounds: readonly number[];

  /** Ascending upper bounds, which belong to their buckets. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  observe(value: number): void {
    let at = 0;
    while (value > (this.#bounds[at] ?? Infinity)) at++;
    this.counts[at] = (this.counts[at] ?? 0) + 1;
    this.sum += value;
  }
}

/** The series of one metric, each with its labels, which are bounded by then. */
export class SeriesBook<Series> {
  readonly #make: () => Series;
  readonly #series = new Map<string, { readonly labels: Labels; readonly series: Series }>();

  constructor(make: () => Series) {
    this.#make = make;
  }

  of(labels: Labels): Series {
    const key = JSON.stringify(Object.entries(labels).sort(([one], [other]) => (one < other ? -1 : 1)));
    let known = this.#series.get(key);
    if (known === undefined) {
      known = { labels, series: this.#make() };
      this.#series.set(key, known);
    }
    return known.series;
  }

  forEach(visit: (labels: Labels, series: Series) => void): void {
    for (const { labels, series } of this.#series.values()) visit(labels, series);
  }
}
