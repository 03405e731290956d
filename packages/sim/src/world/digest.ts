// A running hash of everything that happens in a world: two runs of a seed agree in it or are not the same run. 64 bits, because
// it tells apart two runs, not two documents.

export class Digest {
  #low = 0x811c9dc5;
  #high = 0x9747b28c;

  /** The low 32 bits of a whole number. */
  add(word: number): void {
    this.#low = Math.imul(this.#low ^ word, 0x01000193);
    this.#high = Math.imul(((this.#high << 5) | (this.#high >>> 27)) ^ word, 0x85ebca6b);
  }

  get text(): string {
    return [this.#high, this.#low].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('');
  }
}
