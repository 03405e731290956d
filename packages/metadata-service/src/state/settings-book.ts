// The cluster's settings, of which there are few: their names are read once and kept in step, and what a batch has set is written when
// it ends, each setting once.
import type { StateDatabase } from './database.ts';
import { insert, query } from './query.ts';

interface SettingRow {
  readonly name: string;
  readonly value: string;
}

const allNames = query<{ readonly name: string }>('SELECT name FROM settings');
const putSetting = insert<SettingRow>(
  'settings',
  ['name', 'value'],
  'ON CONFLICT DO UPDATE SET value = excluded.value',
);

export class SettingsBook {
  readonly #database: StateDatabase;
  /** Null before they were read. */
  #names: Set<string> | null = null;
  /** By this batch, and not written. */
  readonly #changed = new Map<string, string>();

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
    this.#known.add(name);
    this.#changed.set(name, value);
  }

  save(): void {
    for (const [name, value] of this.#changed) this.#database.insertLater(putSetting, { name, value });
    this.#changed.clear();
  }

  /** What is in the database counts. */
  reread(): void {
    this.#names = null;
    this.#changed.clear();
  }

  get #known(): Set<string> {
    this.#names ??= new Set(this.#database.all(allNames).map(({ name }) => name));
    return this.#names;
  }
}
