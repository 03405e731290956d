// Durations and sizes counted in buckets whose bounds double, for `stat()`: the host turns them into its metrics.

export interface HistogramReading {
  /** Upper bounds, ascending; one more count follows for what is beyond. */
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
  readonly sum: number;
  readonly count: number;
}

export class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;
  #count = 0;

  constructor(smallest: number, buckets: number) {
    this.#bounds = Array.from({ length: buckets }, (_, index) => smallest * 2 ** index);
    this.#counts = Array.from({ length: buckets + 1 }, () => 0);
  }

  add(value: number): void {
    const found = this.#bounds.findIndex((bound) => value <= bound);
    const at = found === -1 ? this.#bounds.length : found;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#sum += value;
    this.#count++;
  }

  read(): HistogramReading {
    return { bounds: this.#bounds, counts: [...this.#counts], sum: this.#sum, count: this.#count };
  }
}
