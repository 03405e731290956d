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
  readonly columns: readonly (keyof Row & string)[];
}

/** Inserts a row by the names of its columns. */
export function insert<Row>(table: string, columns: readonly (keyof Row & string)[]): Insert<Row> {
  return { change: change(`${intoOf(table, columns)} ${rowOf(columns.map(() => '?'))}`), columns };
}

/** Of rows that are written together, by the order of their columns (later-rows.ts). */
export interface Together<Values extends readonly Value[]> {
  readonly one: Change;
  readonly many: Change;
  readonly width: number;
  readonly values?: Values;
}

export const rowsTogether = 16;

interface TogetherOptions {
  /** Whether a row takes the place of the one that has its key. */
  readonly isReplacing?: boolean;
  /** Columns that are the same in every row, in SQL: what is bound to a statement is a tenth of what the row costs. */
  readonly fixed?: Readonly<Record<string, string>>;
}

export function together<Values extends readonly Value[]>(
  table: string,
  columns: { readonly [At in keyof Values]: string },
  { isReplacing = false, fixed = {} }: TogetherOptions = {},
): Together<Values> {
  const into = intoOf(table, [...columns, ...Object.keys(fixed)], isReplacing ? 'INSERT OR REPLACE' : 'INSERT');
  const row = rowOf([...columns.map(() => '?'), ...Object.values(fixed)]);
  const rows = Array<string>(rowsTogether).fill(row).join(', ');
  return { one: change(`${into} ${row}`), many: change(`${into} ${rows}`), width: columns.length };
}

function intoOf(table: string, columns: readonly string[], insertion = 'INSERT'): string {
  return `${insertion} INTO ${table} (${columns.join(', ')}) VALUES`;
}

function rowOf(values: readonly string[]): string {
  return `(${values.join(', ')})`;
}
