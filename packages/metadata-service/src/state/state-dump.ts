// The whole state in an order that does not depend on history: as a hash, which members at the same index compare, and as text, for
// tests and for a person who wants to know where two states differ.
import { createHash } from 'node:crypto';
import { invariant } from '@holdfast/base';
import type { StateDatabase } from './database.ts';
import { query, type Value } from './query.ts';

const tables = query<{ readonly name: string }>(`
  SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name
`);
const keyColumns = query<{ readonly name: string }>('SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk');

interface ShownRow {
  readonly table: string;
  readonly row: readonly Value[];
}

/** Every row of every table, in the order of its primary key. */
function* allRows(database: StateDatabase): Generator<ShownRow, void> {
  for (const { name: table } of database.all(tables)) {
    const key = database.all(keyColumns, table).map(({ name }) => name);
    // A name of the schema, not of a user: there is nothing to bind.
    const rows = query<readonly Value[]>(`SELECT * FROM ${table} ORDER BY ${key.join(', ')}`);
    for (const row of database.rows(rows)) yield { table, row };
  }
}

/** Reads everything, in parts: not for every apply (there is `digest` for that). Nothing changes the state meanwhile. */
export class StateHash {
  readonly #hash = createHash('sha256');
  readonly #rows: Generator<ShownRow, void>;

  constructor(database: StateDatabase) {
    this.#rows = allRows(database);
  }

  /** Goes on by so many rows; the hash behind the last, and null before. */
  add(rowsMax: number): string | null {
    for (let count = 0; count < rowsMax; count++) {
      const { done, value } = this.#rows.next();
      if (done === true) return this.#hash.digest('hex');
      this.#hash.update(`${value.table}\t${value.row.map(shown).join('\t')}\n`);
    }
    return null;
  }

  /** Before the database is closed. */
  close(): void {
    this.#rows.return();
  }
}

/** At once. */
export function hashState(database: StateDatabase): string {
  const hash = new StateHash(database).add(Infinity);
  invariant(hash !== null, 'there are no more rows than that');
  return hash;
}

/** One line a row. */
export function dumpState(database: StateDatabase): string {
  const lines: string[] = [];
  for (const { table, row } of allRows(database)) lines.push(`${table}: ${row.map(shown).join(' ')}`);
  return `${lines.join('\n')}\n`;
}

function shown(value: Value): string {
  if (value === null) return '-';
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' ? JSON.stringify(value) : Buffer.from(value).toString('hex');
}
