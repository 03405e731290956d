// Values by a number or by two, for what comes and goes with every call.
//
// A `Map` would do, if V8 did not link each table that a map has left to the next one: once one of them is old, the young collections
// take all that came behind it, with every value that lay in it when it was left, for alive. Under load they then copy nearly all of
// what the calls have made, in place of nearly nothing. Here a place is emptied and taken again, and nothing is left behind.
import { invariant } from './invariant.ts';

const capacityLeast = 16;
/** 2^32 divided by the golden ratio, and another odd number: neighbours come to lie far from each other. */
const spread = 0x9e3779b1;
const spreadOfSecond = 0x85ebca6b;

export class NumberTable<Value extends object | true> {
  /** Two for each place. */
  #keys = new Float64Array(2 * capacityLeast);
  #values: (Value | null)[] = new Array<Value | null>(capacityLeast).fill(null);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(first: number, second = 0): Value | null {
    return this.#values[this.#placeOf(first, second)] ?? null;
  }

  has(first: number, second = 0): boolean {
    return this.get(first, second) !== null;
  }

  set(value: Value, first: number, second = 0): void {
    if (2 * (this.#size + 1) > this.#values.length) this.#grow();
    const place = this.#placeOf(first, second);
    if (this.#values[place] === null) this.#size++;
    this.#put(place, value, first, second);
  }

  /** What was there, which is gone now. */
  take(first: number, second = 0): Value | null {
    const place = this.#placeOf(first, second);
    const value = this.#values[place] ?? null;
    if (value !== null) this.#empty(place);
    return value;
  }

  values(): Value[] {
    return this.#values.filter((value) => value !== null);
  }

  /** Whose value is such a one; a list of its own, so what it names may be taken. */
  keysWhere(isWanted: (value: Value) => boolean): (readonly [first: number, second: number])[] {
    const keys: (readonly [number, number])[] = [];
    // Most tables are asked at every tick, and are empty.
    if (this.#size === 0) return keys;
    for (const [place, value] of this.#values.entries()) {
      if (value !== null && isWanted(value)) keys.push([this.#wordAt(place, 0), this.#wordAt(place, 1)]);
    }
    return keys;
  }

  clear(): void {
    this.#values.fill(null);
    this.#size = 0;
  }

  #wordAt(place: number, word: 0 | 1): number {
    return this.#keys[2 * place + word] ?? 0;
  }

  #put(place: number, value: Value | null, first: number, second: number): void {
    this.#keys[2 * place] = first;
    this.#keys[2 * place + 1] = second;
    this.#values[place] = value;
  }

  #homeOf(first: number, second: number): number {
    const mixed = Math.imul(first, spread) ^ Math.imul(second, spreadOfSecond);
    return (mixed ^ (mixed >>> 15)) & (this.#values.length - 1);
  }

  /** Where the value is, or the empty place where it would be: there always is one. */
  #placeOf(first: number, second: number): number {
    const mask = this.#values.length - 1;
    let place = this.#homeOf(first, second);
    while (this.#values[place] !== null) {
      if (this.#wordAt(place, 0) === first && this.#wordAt(place, 1) === second) return place;
      place = (place + 1) & mask;
    }
    return place;
  }

  /** What lies behind and would be looked for over the empty place moves up. */
  #empty(place: number): void {
    const mask = this.#values.length - 1;
    let empty = place;
    for (let at = (place + 1) & mask; this.#values[at] !== null; at = (at + 1) & mask) {
      const fromHome = (at - this.#homeOf(this.#wordAt(at, 0), this.#wordAt(at, 1))) & mask;
      if (fromHome < ((at - empty) & mask)) continue;
      this.#put(empty, this.#values[at] ?? null, this.#wordAt(at, 0), this.#wordAt(at, 1));
      empty = at;
    }
    this.#values[empty] = null;
    this.#size--;
  }

  #grow(): void {
    const keys = this.#keys;
    const values = this.#values;
    this.#keys = new Float64Array(2 * keys.length);
    this.#values = new Array<Value | null>(2 * values.length).fill(null);
    for (const [at, value] of values.entries()) {
      const [first = 0, second = 0] = keys.subarray(2 * at, 2 * at + 2);
      if (value !== null) this.#put(this.#placeOf(first, second), value, first, second);
    }
    invariant(this.values().length === this.#size, 'a table that grows keeps what it has');
  }
}
