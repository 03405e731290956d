// What was sent to a follower and is not acknowledged: a queue of appends, bounded in number and in bytes, so that a slow
// follower costs its leader no more memory than that. A leaf.
import type { LogIndex } from '@holdfast/base';

export interface InflightLimits {
  readonly messagesMax: number;
  readonly bytesMax: number;
}

export class Inflight {
  readonly #limits: InflightLimits;
  // The last index and the bytes of each append; a head that moves, because shifting an array of hundreds at each
  // acknowledgement would show.
  #lastIndices: LogIndex[] = [];
  #sizes: number[] = [];
  #head = 0;
  #bytes = 0;

  constructor(limits: InflightLimits) {
    this.#limits = limits;
  }

  get messages(): number {
    return this.#lastIndices.length - this.#head;
  }
  get bytes(): number {
    return this.#bytes;
  }
  /** A single append over the limit is let through when nothing else is under way, else it would never go. */
  get isFull(): boolean {
    return this.messages >= this.#limits.messagesMax || this.#bytes >= this.#limits.bytesMax;
  }

  add(lastIndex: LogIndex, bytes: number): void {
    this.#lastIndices.push(lastIndex);
    this.#sizes.push(bytes);
    this.#bytes += bytes;
  }

  /** Everything up to `index` has arrived, whichever append carried it. */
  acknowledge(index: LogIndex): void {
    while (this.#head < this.#lastIndices.length && (this.#lastIndices[this.#head] ?? 0) <= index) {
      this.#bytes -= this.#sizes[this.#head] ?? 0;
      this.#head++;
    }
    if (this.#head === this.#lastIndices.length) this.clear();
    else if (this.#head > 64 && this.#head * 2 > this.#lastIndices.length) this.#compact();
  }

  clear(): void {
    if (this.#lastIndices.length > 0) {
      this.#lastIndices = [];
      this.#sizes = [];
    }
    this.#head = 0;
    this.#bytes = 0;
  }

  #compact(): void {
    this.#lastIndices = this.#lastIndices.slice(this.#head);
    this.#sizes = this.#sizes.slice(this.#head);
    this.#head = 0;
  }
}
