// The batches that were written last, as they lie in the chunks, in one ring of memory: a follower that keeps up is served from
// here. The ring holds no object for an entry, so that what callers hand in is theirs again, and garbage, as soon as it is
// durable. A record is found by its place in its chunk; the index says the place.
import { invariant } from '@holdfast/base';
import type { Chunk } from './chunk.ts';
import { viewOf } from './format.ts';
import type { Location } from './group-index.ts';
import type { Region } from './record-header.ts';

/** What lies in the ring in one piece: [from, to) of a chunk. What begins before `from` has been written over. */
interface Stretch {
  readonly chunk: Chunk;
  /** The place in the chunk that would lie at the ring's beginning; below zero for one near the chunk's. */
  readonly origin: number;
  from: number;
  to: number;
}

/** Where a batch lies in its chunk, with the rest of its last block. */
interface BatchRange {
  readonly position: number;
  readonly endPosition: number;
}

export class EntryCache {
  readonly #limitBytes: number;
  /** As long as its limit from the first batch on. Memory is taken for what is written only: the system gives pages when they are touched. */
  #ring = new Uint8Array();
  #view = viewOf(this.#ring);
  /** From the oldest on. */
  readonly #stretches: Stretch[] = [];
  /** Where the next batch goes in the ring. */
  #offset = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get usedBytes(): number {
    return this.#stretches.reduce((sum, { from, to }) => sum + to - from, 0);
  }

  keep(chunk: Chunk, { position, endPosition }: BatchRange, bytes: Uint8Array): void {
    const lengthBytes = endPosition - position;
    invariant(bytes.length <= lengthBytes, 'a batch ends before the next one begins');
    if (lengthBytes > this.#limitBytes) return;
    this.#reserve(lengthBytes);
    this.#ring.set(bytes, this.#offset);
    const origin = position - this.#offset;
    const last = this.#stretches.at(-1);
    if (last?.chunk === chunk && last.origin === origin && last.to === position) last.to = endPosition;
    else this.#stretches.push({ chunk, origin, from: position, to: endPosition });
    this.#offset += lengthBytes;
  }

  /** The bytes around a place, or null when they are not held any more. The next batch may write over them. */
  regionOf({ chunk, position }: Location): Region | null {
    for (let at = this.#stretches.length - 1; at >= 0; at--) {
      const stretch = this.#stretches[at];
      if (stretch?.chunk === chunk && stretch.from <= position && position < stretch.to) {
        return { bytes: this.#ring, view: this.#view, position: stretch.origin, seed: chunk.seed };
      }
    }
    return null;
  }

  #reserve(lengthBytes: number): void {
    if (this.#ring.length === 0) {
      this.#ring = new Uint8Array(this.#limitBytes);
      this.#view = viewOf(this.#ring);
    }
    if (this.#offset + lengthBytes > this.#ring.length) this.#turn();
    this.#forgetUpTo(this.#offset + lengthBytes);
  }

  /** The end of the ring is too short for the batch: what lies there is older than everything at the beginning. */
  #turn(): void {
    this.#forgetUpTo(this.#ring.length);
    this.#offset = 0;
  }

  /** Forgets what lies between the next batch's place and `end`; if anything does, the oldest stretch does. */
  #forgetUpTo(end: number): void {
    for (let oldest = this.#stretches[0]; oldest !== undefined; oldest = this.#stretches[0]) {
      const offset = oldest.from - oldest.origin;
      if (offset < this.#offset || offset >= end) return;
      oldest.from = Math.min(oldest.to, oldest.origin + end);
      if (oldest.from < oldest.to) return;
      this.#stretches.shift();
    }
  }
}
