// The cluster's settings, of which there are few: their names are read once and kept in step, and what a batch has set is written when
// it ends, each setting once.
import { invariant } from '@holdfast/base';
import type { StateDatabase } from './database.ts';
import { insert, query } from './query.ts';

interface SettingRow {
  readonly name: string;
  readonly value: string;
}

const allNames = query<{ readonly name: string }>('SELECT name FROM settings');
const putSetting = insert<SettingRow>('settings', ['name', 'value'], 'OR REPLACE');

export class SettingsBook {
  readonly #database: StateDatabase;
  /** The value that waits to be written, null for one that does not, of each setting; null before they were read. */
  #waiting: Map<string, string | null> | null = null;
  /** By this batch, and not written. */
  #changed: string[] = [];

  constructor(database: StateDatabase) {
    this.#database = database;
  }

  get count(): number {
    return this.#known.size;
  }

  has(name: string): boolean {
    return this.#known.has(name);
  }

  set(name: string, value: string): void {
    const known = this.#known;
    if ((known.get(name) ?? null) === null) this.#changed.push(name);
    known.set(name, value);
  }

  save(): void {
    const known = this.#known;
    for (const name of this.#changed) {
      const value = known.get(name) ?? null;
      invariant(value !== null, 'a setting that was changed has a value');
      this.#database.insertLater(putSetting, { name, value });
      known.set(name, null);
    }
    this.#changed = [];
  }

  /** What is in the database counts. */
  reread(): void {
    this.#waiting = null;
    this.#changed = [];
  }

  get #known(): Map<string, string | null> {
    this.#waiting ??= new Map(this.#database.all(allNames).map(({ name }) => [name, null]));
    return this.#waiting;
  }
}
