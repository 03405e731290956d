// Durations and sizes counted in buckets whose bounds double, for `stat()`: the host turns them into its metrics.

export interface HistogramReading {
  /** Upper bounds, ascending; one more count follows for what is beyond. */
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
  readonly sum: number;
  readonly count: number;
}

/** Beyond 32 doublings everything lies in the last bucket. */
const timesMax = 2 ** 32 - 1;

/** Bounds are `smallest` times powers of two, so the bucket of a value is its number of binary digits. */
export class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  readonly #smallest: number;
  #sum = 0;
  #count = 0;

  constructor(smallest: number, buckets: number) {
    this.#smallest = smallest;
    this.#bounds = Array.from({ length: buckets }, (_, index) => smallest * 2 ** index);
    this.#counts = Array.from({ length: buckets + 1 }, () => 0);
  }

  add(value: number): void {
    const times = Math.ceil(Math.min(value / this.#smallest, timesMax));
    const at = Math.min(times <= 1 ? 0 : 32 - Math.clz32(times - 1), this.#bounds.length);
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#sum += value;
    this.#count++;
  }

  read(): HistogramReading {
    return { bounds: this.#bounds, counts: [...this.#counts], sum: this.#sum, count: this.#count };
  }
}
