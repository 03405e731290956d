// The cluster's settings, of which there are few: their names are read once and kept in step.
import type { StateDatabase } from './database.ts';
import type { LaterRows } from './later-rows.ts';
import { query, together } from './query.ts';

const allNames = query<{ readonly name: string }>('SELECT name FROM settings');
type SettingValues = [name: string, value: string];
const putSetting = together<SettingValues>('settings', ['name', 'value'], { isReplacing: true });

export class SettingsBook {
  readonly #database: StateDatabase;
  readonly #rows: LaterRows<SettingValues>;
  /** Null before they were read. */
  #names: Set<string> | null = null;

  constructor(database: StateDatabase) {
    this.#database = database;
    this.#rows = database.later(putSetting);
  }

  get count(): number {
    return this.#known.size;
  }

  has(name: string): boolean {
    return this.#known.has(name);
  }

  set(name: string, value: string): void {
    this.#known.add(name);
    this.#rows.put(name, name, value);
  }

  /** What is in the database counts. */
  reread(): void {
    this.#names = null;
  }

  get #known(): Set<string> {
    this.#names ??= new Set(this.#database.all(allNames).map(({ name }) => name));
    return this.#names;
  }
}
