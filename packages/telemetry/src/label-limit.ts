// Bounds the distinct values of each label of one metric. A label that takes endless values (a volume's id, a path) would eat
// the memory of this process and of Prometheus: past the limit a value counts as `other`.

/** Room for every method, queue or error code there is, and far from what hurts. */
export const labelValuesLimit = 200;
export const otherLabelValue = 'other';

export type Labels = Readonly<Record<string, string>>;

export class LabelLimit {
  readonly #values: Readonly<Record<string, Set<string>>>;
  readonly #onOverflow: (label: string) => void;

  constructor(labels: readonly string[], onOverflow: (label: string) => void) {
    this.#values = Object.fromEntries(labels.map((label) => [label, new Set<string>()]));
    this.#onOverflow = onOverflow;
  }

  /** `labels` with the values beyond the limit replaced; the same object when there are none, which is the rule. */
  apply(labels: Labels): Labels {
    let bounded = labels;
    for (const [label, value] of Object.entries(labels)) {
      const values = this.#values[label];
      if (values === undefined || values.has(value)) continue;
      if (values.size < labelValuesLimit) {
        values.add(value);
        continue;
      }
      bounded = { ...bounded, [label]: otherLabelValue };
      this.#onOverflow(label);
    }
    return bounded;
  }
}
