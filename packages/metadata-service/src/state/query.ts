// A statement of SQL with what it takes and gives: a constant of the module that uses it, prepared once for each connection. A leaf.

export type Value = number | string | Uint8Array | null;

/** `Row` is what the statement selects; nothing checks it but the tests. */
export interface Query<Row> {
  readonly sql: string;
  readonly row?: Row;
}

/**
 * SQLite's planner asks for the values that are bound where one orders, joins or limits, and prepares such a statement anew each time
 * that others are bound: 5 to 40 µs in place of one. The value of an expression it never asks for, and `+?` is one.
 */
export function query<Row>(sql: string): Query<Row> {
  return { sql: sql.replaceAll('?', '+?') };
}

/** A statement that writes. */
export interface Change {
  readonly sql: string;
  readonly isChange: true;
}

export function change(sql: string): Change {
  return { sql, isChange: true };
}

export interface Insert<Row> {
  readonly change: Change;
  /** The same of `rowsTogether` rows. */
  readonly changeMany: Change;
  readonly columns: readonly (keyof Row & string)[];
}

/** Half of what a row costs is its statement; more rows in one save little. */
export const rowsTogether = 16;

/** Inserts a row by the names of its columns, or puts it in the place of the one that has its key. */
export function insert<Row>(
  table: string,
  columns: readonly (keyof Row & string)[],
  how: '' | 'OR REPLACE' = '',
): Insert<Row> {
  const row = `(${columns.map(() => '?').join(', ')})`;
  const rows = Array<string>(rowsTogether).fill(row).join(', ');
  const into = `INSERT ${how} INTO ${table} (${columns.join(', ')}) VALUES`;
  return { change: change(`${into} ${row}`), changeMany: change(`${into} ${rows}`), columns };
}
