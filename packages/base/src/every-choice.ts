// A Random that takes every path: run the same work again and again, and each run draws another combination of numbers
// until all were drawn. For small worlds, where "every state that a crash may leave" can be said and done.
import { invariant } from './invariant.ts';
import type { Random } from './random.ts';

export class EveryChoice implements Random {
  /** The numbers of this run, with their bounds; a run repeats the prefix that stands here and then draws zeroes. */
  readonly #drawn: { value: number; readonly bound: number }[] = [];
  #next = 0;

  below(bound: number): number {
    invariant(Number.isInteger(bound) && bound > 0, `a choice below ${bound}`);
    const drawn = this.#drawn[this.#next] ?? { value: 0, bound };
    invariant(drawn.bound === bound, 'the work draws other choices than before: it is not deterministic');
    this.#drawn[this.#next++] = drawn;
    return drawn.value;
  }

  /** Turns to the next combination; false when all were drawn. */
  advance(): boolean {
    invariant(this.#next === this.#drawn.length, 'the work drew fewer choices than before: it is not deterministic');
    this.#next = 0;
    for (;;) {
      const last = this.#drawn.at(-1);
      if (last === undefined) return false;
      last.value++;
      if (last.value < last.bound) return true;
      this.#drawn.pop();
    }
  }

  fraction(): number {
    return this.below(2) / 2;
  }
  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }
  uuid(): string {
    throw new TypeError('every UUID is too many');
  }
}
