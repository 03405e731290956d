// Rows of one table that wait to be written together: half of what a row costs is its statement. And of those that take each other's
// place only the last is written.
import { rowsTogether, type Change, type Together, type Value } from './query.ts';

export interface LaterRowsParts {
  readonly onAdded: () => void;
  readonly run: (change: Change, values: readonly Value[]) => void;
}

export class LaterRows<Values extends readonly Value[]> {
  readonly #table: Together<Values>;
  readonly #parts: LaterRowsParts;
  /** One row behind the other. */
  #values: Value[] = [];
  /** Where in them the row of a key begins. */
  #places = new Map<string, number>();

  constructor(table: Together<Values>, parts: LaterRowsParts) {
    this.#table = table;
    this.#parts = parts;
  }

  /** Nothing takes its place, so it waits for no longer than until there are enough for one statement. */
  add(...row: Values): void {
    this.#values.push(...row);
    this.#parts.onAdded();
    if (this.#values.length >= rowsTogether * this.#table.width) this.write();
  }

  /** Takes the place of the row that waits under this key, as it takes the place of the one that is written. */
  put(key: string, ...row: Values): void {
    const place = this.#places.get(key);
    if (place === undefined) {
      this.#places.set(key, this.#values.length);
      this.#values.push(...row);
    } else {
      for (let at = 0; at < row.length; at++) this.#values[place + at] = row[at] ?? null;
    }
    this.#parts.onAdded();
  }

  write(): void {
    const values = this.#values;
    this.clear();
    const { one, many, width } = this.#table;
    let at = 0;
    for (let end = rowsTogether * width; end <= values.length; end += rowsTogether * width) {
      this.#parts.run(many, values.slice(at, end));
      at = end;
    }
    for (; at < values.length; at += width) this.#parts.run(one, values.slice(at, at + width));
  }

  clear(): void {
    if (this.#values.length === 0) return;
    this.#values = [];
    // Not `clear`: the tables that a map has left would keep each other alive (adr/0022).
    this.#places = new Map();
  }
}
