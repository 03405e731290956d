// Where a group's entries lie: for each chunk a segment with one 32-bit place for each entry, and the terms as runs. Four to
// eight bytes for an entry, so that millions of entries cost megabytes.
import { invariant } from '@holdfast/base';
import type { Chunk } from './chunk.ts';
import type { FooterBlock } from './footer.ts';
import { recordAlignment } from './format.ts';
import { Slots, type SlotRange } from './slots.ts';
import { TermRuns } from './term-runs.ts';

export interface Location {
  readonly chunk: Chunk;
  readonly position: number;
}

interface Segment {
  readonly chunk: Chunk;
  readonly firstIndex: number;
  count: number;
  /** Position / 8 of each entry. */
  places: Uint32Array;
}

const smallestSegment = 4;

export class GroupIndex {
  readonly terms = new TermRuns();
  readonly #segments: Segment[] = [];
  /** Entries that were written again because their slot was faulty. */
  readonly #repairs = new Map<number, Location>();

  append(chunk: Chunk, index: number, position: number): void {
    const segment = this.#segmentFor(chunk, index);
    if (segment.count === segment.places.length) segment.places = enlarged(segment.places);
    segment.places[segment.count++] = position / recordAlignment;
  }

  repair(chunk: Chunk, index: number, position: number): void {
    this.#dropRepair(index);
    this.#repairs.set(index, { chunk, position });
    chunk.references++;
  }

  /** A whole segment from a chunk's footer; what the index held from its first entry on was written before and is gone. */
  appendBlock(chunk: Chunk, block: Pick<FooterBlock, 'firstIndex' | 'places'>): void {
    this.truncateAfter(block.firstIndex - 1);
    this.#segments.push({ chunk, firstIndex: block.firstIndex, count: block.places.length, places: block.places });
    chunk.references++;
  }

  /** null for a slot that is lost, and for an index that is not held. */
  locate(index: number): Location | null {
    const repaired = this.#repairs.get(index);
    if (repaired !== undefined) return repaired;
    const segment = this.#segmentOf(index);
    if (segment === null) return null;
    const place = segment.places[index - segment.firstIndex] ?? 0;
    return { chunk: segment.chunk, position: place * recordAlignment };
  }

  /** The index after the last entry that is held; null when none is. */
  get nextIndex(): number | null {
    const last = this.#segments.at(-1);
    return last === undefined ? null : last.firstIndex + last.count;
  }

  /** Ranges of [from, to] of which no entry lies anywhere. */
  holes(from: number, to: number): SlotRange[] {
    const slots = new Slots();
    slots.add(from, to);
    for (const { firstIndex, count } of this.#segments) slots.remove(firstIndex, firstIndex + count - 1);
    for (const index of this.#repairs.keys()) slots.remove(index, index);
    return [...slots.ranges];
  }

  truncateAfter(index: number): void {
    for (let last = this.#segments.at(-1); last !== undefined; last = this.#segments.at(-1)) {
      const kept = index - last.firstIndex + 1;
      if (kept >= last.count) break;
      if (kept > 0) {
        last.count = kept;
        break;
      }
      this.#segments.pop();
      last.chunk.references--;
    }
    for (const repaired of [...this.#repairs.keys()]) if (repaired > index) this.#dropRepair(repaired);
  }

  /** Lets go of segments that hold nothing beyond `index`. */
  purgeTo(index: number): void {
    const keep = this.#segments.findIndex((segment) => segment.firstIndex + segment.count - 1 > index);
    const gone = this.#segments.splice(0, keep === -1 ? this.#segments.length : keep);
    for (const segment of gone) segment.chunk.references--;
    for (const repaired of [...this.#repairs.keys()]) if (repaired <= index) this.#dropRepair(repaired);
    this.terms.purgeTo(index);
  }

  clear(): void {
    this.purgeTo(Infinity);
    this.terms.clear();
  }

  /** Entries of the chunk, without those that were repaired. */
  countIn(chunk: Chunk): number {
    let entries = 0;
    for (const segment of this.#segments) if (segment.chunk === chunk) entries += segment.count;
    return entries;
  }

  /** What a footer of `chunk` says of this group. Its places move to what `room` gives for them. */
  footerOf(
    chunk: Chunk,
    group: number,
    room: (entries: number) => Uint32Array = (entries) => new Uint32Array(entries),
  ): FooterBlock[] {
    const blocks: FooterBlock[] = [];
    for (const segment of this.#segments) {
      if (segment.chunk !== chunk) continue;
      const { firstIndex, count } = segment;
      const places = room(count);
      places.set(segment.places.subarray(0, count));
      segment.places = places;
      blocks.push({
        group,
        firstIndex,
        isRepair: false,
        places,
        ...this.terms.between(firstIndex, firstIndex + count - 1),
      });
    }
    for (const [index, location] of this.#repairs) {
      if (location.chunk !== chunk) continue;
      const places = Uint32Array.of(location.position / recordAlignment);
      blocks.push({ group, firstIndex: index, isRepair: true, places, ...this.terms.between(index, index) });
    }
    return blocks;
  }

  /** The indexes whose entries begin in [from, to) of a chunk. */
  *within(chunk: Chunk, from: number, to: number): Generator<number, void, void> {
    for (const segment of this.#segments) {
      if (segment.chunk !== chunk) continue;
      for (let at = 0; at < segment.count; at++) {
        const index = segment.firstIndex + at;
        const position = (segment.places[at] ?? 0) * recordAlignment;
        if (position >= from && position < to && !this.#repairs.has(index)) yield index;
      }
    }
    for (const [index, location] of this.#repairs) {
      if (location.chunk === chunk && location.position >= from && location.position < to) yield index;
    }
  }

  holdsIn(chunk: Chunk): boolean {
    return this.#segments.at(-1)?.chunk === chunk;
  }

  #segmentFor(chunk: Chunk, index: number): Segment {
    const last = this.#segments.at(-1);
    const nextIndex = last === undefined ? 0 : last.firstIndex + last.count;
    if (nextIndex > index) invariant(false, `entry ${index} was not truncated before it is written again`);
    // After a slot that is lost a segment of its own begins.
    if (last?.chunk === chunk && nextIndex === index) return last;
    const segment = { chunk, firstIndex: index, count: 0, places: new Uint32Array(smallestSegment) };
    this.#segments.push(segment);
    chunk.references++;
    return segment;
  }

  #segmentOf(index: number): Segment | null {
    let low = 0;
    let high = this.#segments.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#segments[middle]?.firstIndex ?? 0) <= index) low = middle + 1;
      else high = middle;
    }
    const segment = this.#segments[low - 1];
    return segment !== undefined && index < segment.firstIndex + segment.count ? segment : null;
  }

  #dropRepair(index: number): void {
    const location = this.#repairs.get(index);
    if (location === undefined) return;
    location.chunk.references--;
    this.#repairs.delete(index);
  }
}

function enlarged(places: Uint32Array): Uint32Array {
  const larger = new Uint32Array(places.length * 2);
  larger.set(places);
  return larger;
}
