// The terms of a group's entries, as runs: a term changes at an election and not at an entry. 0 is a term that nobody knows.
import { invariant } from '@holdfast/base';

export class TermRuns {
  #starts: number[] = [];
  #terms: number[] = [];

  get runs(): number {
    return this.#starts.length;
  }

  append(index: number, term: number): void {
    if (this.#terms.at(-1) === term) return;
    this.#starts.push(index);
    this.#terms.push(term);
  }

  /** The term of an index that the group holds. */
  at(index: number): number {
    const run = this.#runOf(index);
    if (run < 0) invariant(false, `no term is known as far back as index ${index}`);
    return this.#terms[run] ?? 0;
  }

  /** Of one index in the middle of others, whose term was not known. */
  set(index: number, term: number): void {
    const run = this.#runOf(index);
    const before = this.#terms[run];
    if (before === term || before === undefined) return;
    const start = this.#starts[run] ?? index;
    const isLastOfRun = this.#starts[run + 1] === index + 1;
    const starts = start === index ? [index] : [start, index];
    const terms = start === index ? [term] : [before, term];
    if (!isLastOfRun) {
      starts.push(index + 1);
      terms.push(before);
    }
    this.#starts.splice(run, 1, ...starts);
    this.#terms.splice(run, 1, ...terms);
  }

  truncateAfter(index: number): void {
    while ((this.#starts.at(-1) ?? 0) > index) {
      this.#starts.pop();
      this.#terms.pop();
    }
  }

  /** Forgets what only indexes up to `index` need. */
  purgeTo(index: number): void {
    const keep = this.#runOf(index + 1);
    if (keep <= 0) return;
    this.#starts.splice(0, keep);
    this.#terms.splice(0, keep);
  }

  clear(): void {
    this.#starts = [];
    this.#terms = [];
  }

  copy(): TermRuns {
    const copy = new TermRuns();
    copy.#starts = [...this.#starts];
    copy.#terms = [...this.#terms];
    return copy;
  }

  /** The runs of indexes [from, to]. */
  between(from: number, to: number): { readonly starts: number[]; readonly terms: number[] } {
    const starts: number[] = [];
    const terms: number[] = [];
    for (let run = Math.max(0, this.#runOf(from)); run < this.#starts.length; run++) {
      const start = this.#starts[run] ?? 0;
      if (start > to) break;
      starts.push(Math.max(start, from));
      terms.push(this.#terms[run] ?? 0);
    }
    return { starts, terms };
  }

  /** The run that holds `index`, or -1. */
  #runOf(index: number): number {
    let low = 0;
    let high = this.#starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#starts[middle] ?? 0) <= index) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
