// The log of a group as the core holds it: every entry behind the last purge, in memory. Durability is not its matter
// (storage.ts). A slot whose bytes were damaged on disk stays in its place, known by its index and by a lower bound of its
// term, until a peer repairs it: "damaged" is a third answer beside "have it" and "do not have it".
import { invariant, type LogIndex, type Term } from '@holdfast/base';
import { entryBytes, type Entry } from './entry.ts';
import { greater, lesser, plus, type Position } from './ids.ts';
import { PackedEntries } from './packed-entries.ts';

export type Match = 'yes' | 'no' | 'damaged';

export interface DamagedSlot {
  readonly index: LogIndex;
  /** The term, or, where nobody knows it, a lower bound: the one of the entry before. */
  readonly term: Term;
  readonly isTermKnown: boolean;
}

type Slot = Entry | DamagedSlot | PackedEntries;

/** What is packed at once: so many entries, or so many bytes of them. */
const packEntries = 64;
const packBytes = 1024 * 1024;

export class Log {
  #base: Position;
  /** One for each place; the same `PackedEntries` for all that it holds. */
  #slots: Slot[] = [];
  /** Up to here nothing is left to pack. */
  #packedTo: LogIndex;
  #bytes = 0;
  #damaged = 0;

  constructor({ term, index }: Position) {
    this.#base = { term, index };
    this.#packedTo = index;
  }

  /** The last entry that is gone: a snapshot stands for it and for all before it. */
  get base(): Position {
    return this.#base;
  }
  get firstIndex(): LogIndex {
    return plus(this.#base.index, 1);
  }
  get lastIndex(): LogIndex {
    return plus(this.#base.index, this.#slots.length);
  }
  get lastTerm(): Term {
    return this.termAt(this.lastIndex) ?? this.#base.term;
  }
  get last(): Position {
    return { term: this.lastTerm, index: this.lastIndex };
  }
  get bytes(): number {
    return this.#bytes;
  }
  get damagedSlots(): number {
    return this.#damaged;
  }

  /** Null outside the log. Of a damaged slot it is a lower bound. */
  termAt(index: LogIndex): Term | null {
    if (index === this.#base.index) return this.#base.term;
    const slot = this.#slot(index);
    return slot instanceof PackedEntries ? slot.termAt(index) : (slot?.term ?? null);
  }

  isDamaged(index: LogIndex): boolean {
    const slot = this.#slot(index);
    return slot !== null && isDamage(slot);
  }

  /** Null outside the log and for a damaged slot. */
  entryAt(index: LogIndex): Entry | null {
    const slot = this.#slot(index);
    if (slot instanceof PackedEntries) return slot.entryAt(index);
    return slot === null || isDamage(slot) ? null : slot;
  }

  /** Whether the entry of this place stood in its damaged slot: one index and one term are one entry. */
  isOfSlot({ index, term }: Position): boolean {
    const slot = this.#slot(index);
    return slot !== null && isDamage(slot) && slot.isTermKnown && slot.term === term;
  }

  /** Whether the entry of this place is, or was, in the log: then what lies behind it is its continuation. */
  leadsThrough(place: Position): boolean {
    return this.matches(place.index, place.term) === 'yes' || this.isOfSlot(place);
  }

  /** The last place whose entry is known; what lies behind it is damaged. */
  get lastKnown(): Position {
    return this.#lastKnownFrom(this.lastIndex);
  }

  /** The last known place of each term, the latest term first, as far as it stands at `from` or behind; at least `lastKnown`. */
  lastKnownOfTerms(from: LogIndex): Position[] {
    const places = [this.lastKnown];
    for (;;) {
      const { term, index } = places.at(-1) ?? this.#base;
      const place = this.#lastKnownFrom(this.lastOfTermAtMost(index, (term - 1) as Term).index);
      if (place.index < from || place.index <= this.#base.index) return places;
      places.push(place);
    }
  }

  /**
   * Up to where this log is the same as every other that leads through `place`: what one term wrote was written by one leader, and
   * nobody has an entry without all that this leader had before it. Null if nothing says so.
   */
  sharedUpTo({ index, term }: Position): LogIndex | null {
    const known = this.#lastKnownFrom(this.lastOfTermAtMost(index, term).index);
    return known.term === term ? known.index : null;
  }

  #lastKnownFrom(from: LogIndex): Position {
    for (let index = from; index > this.#base.index; index = plus(index, -1)) {
      const slot = this.#slot(index);
      if (slot !== null && (!isDamage(slot) || slot.isTermKnown)) return { index, term: this.#termWithin(index) };
    }
    return this.#base;
  }

  #slot(index: LogIndex): Slot | null {
    return this.#slots[this.#placeOf(index)] ?? null;
  }

  #placeOf(index: LogIndex): number {
    return index - this.#base.index - 1;
  }

  matches(index: LogIndex, term: Term): Match {
    if (this.isDamaged(index)) return 'damaged';
    return this.termAt(index) === term ? 'yes' : 'no';
  }

  append(slot: Entry | DamagedSlot): void {
    invariant(slot.index === this.lastIndex + 1, `entry ${slot.index} behind ${this.lastIndex}`);
    invariant(slot.term >= this.lastTerm, `an entry of term ${slot.term} behind one of ${this.lastTerm}`);
    this.#slots.push(slot);
    if (isDamage(slot)) this.#damaged++;
    else this.#bytes += entryBytes(slot);
    this.#concludeTermsBefore(slot.index);
  }

  /** Of slots whose term nobody can read, but only one can have been. Terms never fall, and nothing but an empty entry begins one. */
  #concludeTermsBefore(index: LogIndex): void {
    if (this.#damaged === 0 || index > this.lastIndex || this.#unknownAt(index) !== null) return;
    for (let slot = this.#unknownBefore(index); slot !== null; slot = this.#unknownBefore(slot.index)) {
      const behind = plus(slot.index, 1);
      const kind = this.entryAt(behind)?.kind ?? null;
      const latest = (this.#termWithin(behind) - (kind === 'empty' ? 1 : 0)) as Term;
      const isOfSameTerm = kind !== null && kind !== 'empty';
      if (slot.term !== latest && !isOfSameTerm) return;
      this.#slots[this.#placeOf(slot.index)] = { ...slot, term: latest, isTermKnown: true };
    }
  }

  #unknownBefore(index: LogIndex): DamagedSlot | null {
    return this.#unknownAt(plus(index, -1));
  }

  /** The damaged slot of which nobody knows the term; null if something else is there, or nothing. */
  #unknownAt(index: LogIndex): DamagedSlot | null {
    const slot = this.#slot(index);
    return slot !== null && isDamage(slot) && !slot.isTermKnown ? slot : null;
  }

  truncateAfter(index: LogIndex): void {
    invariant(index >= this.#base.index, `a cut after ${index}, but the log begins behind ${this.#base.index}`);
    this.#forget(plus(index, 1), this.lastIndex);
    this.#slots.length = index - this.#base.index;
    this.#packedTo = lesser(this.#packedTo, index);
  }

  /** Lets go of everything up to `end`, which is in the log. */
  purgeTo({ index, term }: Position): void {
    invariant(this.termAt(index) !== null, `a purge to ${index}, which the log does not hold`);
    this.#forget(this.firstIndex, index);
    this.#slots.splice(0, index - this.#base.index);
    this.#base = { term, index };
    this.#packedTo = greater(this.#packedTo, index);
  }

  /** A snapshot replaces all of it. */
  restore({ term, index }: Position): void {
    this.#slots = [];
    this.#bytes = 0;
    this.#damaged = 0;
    this.#base = { term, index };
    this.#packedTo = index;
  }

  /** Puts an entry into its damaged slot. */
  repair(entry: Entry): void {
    const { index, term } = entry;
    invariant(this.isDamaged(index), `slot ${index} is not damaged`);
    invariant(this.#unknownAt(index) !== null || this.termAt(index) === term, `slot ${index} is not of term ${term}`);
    this.#slots[this.#placeOf(index)] = entry;
    this.#damaged--;
    this.#bytes += entryBytes(entry);
    this.#concludeTermsBefore(index);
    // A lower bound that was learnt from a neighbour must not stay below what is known since: terms never fall.
    let behind = plus(index, 1);
    for (let slot = this.#unknownAt(behind); slot !== null && slot.term < term; slot = this.#unknownAt(behind)) {
      this.#slots[this.#placeOf(behind)] = { ...slot, term };
      behind = plus(behind, 1);
    }
    this.#concludeTermsBefore(behind);
  }

  /** Nobody is expected to ask for what stands up to `index`; who does gets it as before. */
  packTo(index: LogIndex): void {
    while (index - this.#packedTo >= packEntries) {
      const [first, ...others] = this.slice(plus(this.#packedTo, 1), packBytes, plus(this.#packedTo, packEntries));
      if (first !== undefined) {
        const packed = new PackedEntries([first, ...others]);
        this.#slots.fill(packed, this.#placeOf(first.index), this.#placeOf(first.index) + 1 + others.length);
      }
      // A damaged slot stays what it is.
      this.#packedTo = plus(this.#packedTo, first === undefined ? 1 : 1 + others.length);
    }
  }

  #forget(from: LogIndex, to: LogIndex): void {
    for (let index = from; index <= to; index = plus(index, 1)) {
      const slot = this.#slots[this.#placeOf(index)];
      if (slot instanceof PackedEntries) {
        const last = lesser(slot.lastIndex, to);
        this.#bytes -= slot.bytesOf(index, last);
        index = last;
      } else if (slot !== undefined && isDamage(slot)) this.#damaged--;
      else if (slot !== undefined) this.#bytes -= entryBytes(slot);
    }
  }

  /** Entries from `from` on, at least one if there is one, up to a damaged slot, within `bytesMax` and `to`. */
  slice(from: LogIndex, bytesMax: number, to: LogIndex = this.lastIndex): Entry[] {
    const entries: Entry[] = [];
    let bytes = 0;
    for (let index = from; index <= to; index = plus(index, 1)) {
      const entry = this.entryAt(index);
      if (entry === null) break;
      bytes += entryBytes(entry);
      if (bytes > bytesMax && entries.length > 0) break;
      entries.push(entry);
    }
    return entries;
  }

  sizeOf(entries: readonly Entry[]): number {
    return entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
  }

  /** Damaged slots in order, the first ones. */
  damagedIndices(limit: number): LogIndex[] {
    const found: LogIndex[] = [];
    if (this.#damaged === 0) return found;
    for (let index = this.firstIndex; index <= this.lastIndex && found.length < limit; index = plus(index, 1)) {
      if (this.isDamaged(index)) found.push(index);
    }
    return found;
  }

  /** The last entry at or before `index` of a term of at most `term`; the base, if there is none. Terms never fall. */
  lastOfTermAtMost(index: LogIndex, term: Term): Position {
    let low: number = this.#base.index;
    let high: number = Math.min(index, this.lastIndex);
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.#termWithin(middle) <= term) low = middle;
      else high = middle - 1;
    }
    const found = low as LogIndex;
    return { index: found, term: this.#termWithin(found) };
  }

  #termWithin(index: number): Term {
    return this.termAt(index as LogIndex) ?? this.#base.term;
  }
}

function isDamage(slot: Slot): slot is DamagedSlot {
  return 'isTermKnown' in slot;
}
