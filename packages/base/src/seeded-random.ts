// Randomness that a seed repeats: xoshiro128** over a state that is mixed from a text. A fork's text is its parent's with
// a name added, so what a fork draws depends on nobody else's draws: a consumer more does not shift the others, and a
// seed that failed yesterday fails the same way after a new fault was added.
import { invariant } from './invariant.ts';
import type { Random } from './random.ts';

export class SeededRandom implements Random {
  /** The seed and the names of the forks that led here. */
  readonly path: string;
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  constructor(seed: number | string) {
    this.path = String(seed);
    const next = mixer(this.path);
    this.#a = next();
    this.#b = next();
    this.#c = next();
    // The generator would stand still on a state of four zeroes.
    this.#d = next() | 1;
  }

  fork(name: string): SeededRandom {
    return new SeededRandom(`${this.path}/${name}`);
  }

  /** Bounds over 2^16 take a draw of 53 bits, so that no value is favoured by more than one part in 2^16. */
  below(bound: number): number {
    invariant(Number.isInteger(bound) && bound > 0 && bound < 2 ** 48, () => `a random number below ${bound}`);
    if (bound <= 2 ** 16) return Math.floor((this.#next() / 2 ** 32) * bound);
    return Math.floor(this.fraction() * bound);
  }

  fraction(): number {
    return ((this.#next() >>> 6) * 2 ** 27 + (this.#next() >>> 5)) / 2 ** 53;
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let index = 0; index < length; index++) bytes[index] = this.#next() >>> 24;
    return bytes;
  }

  uuid(): string {
    const bytes = Buffer.from(this.bytes(16));
    bytes[6] = 0x40 | ((bytes[6] ?? 0) & 0x0f);
    bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
    return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  }

  #next(): number {
    const result = Math.imul(rotate(Math.imul(this.#b, 5), 7), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = rotate(this.#d, 11);
    return result;
  }
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

/** A splitmix32 sequence that starts from two hashes of the text, so that 64 bits tell seeds apart. */
function mixer(text: string): () => number {
  let low = 0x811c9dc5;
  let high = 0x9747b28c;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    low = Math.imul(low ^ unit, 0x01000193);
    high = Math.imul(rotate(high, 5) ^ unit, 0x85ebca6b);
  }
  let step = 0;
  return () => {
    step++;
    low = (low + 0x9e3779b9) | 0;
    return finish(finish(low) ^ (high + Math.imul(step, 0x632be5ab)));
  };
}

function finish(word: number): number {
  let mixed = word;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}
