// Randomness for ids, drawn from the source a few kilobytes at a time: three ids a call, each with a system call of its own, cost
// more than the log line that they are for. Not for keys: the bytes that are yet to be handed out lie in memory.
import type { Random } from '@holdfast/base';

const poolBytes = 4096;

export class RandomPool implements Random {
  readonly #source: Random;
  #pool: Uint8Array = new Uint8Array();
  #used = 0;

  constructor(source: Random) {
    this.#source = source;
  }

  below(bound: number): number {
    return this.#source.below(bound);
  }
  fraction(): number {
    return this.#source.fraction();
  }
  uuid(): string {
    return this.#source.uuid();
  }

  bytes(length: number): Uint8Array {
    if (length > poolBytes) return this.#source.bytes(length);
    if (this.#used + length > this.#pool.length) {
      this.#pool = this.#source.bytes(poolBytes);
      this.#used = 0;
    }
    this.#used += length;
    return this.#pool.subarray(this.#used - length, this.#used);
  }
}
