// A statement of SQL with what it takes and gives: a constant of the module that uses it, prepared once for each connection. A leaf.

export type Value = number | string | Uint8Array | null;

/** `Row` is what the statement selects; nothing checks it but the tests. */
export interface Query<Row> {
  readonly sql: string;
  readonly row?: Row;
}

export function query<Row>(sql: string): Query<Row> {
  return { sql };
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

/** Inserts a row by the names of its columns; `rest` says what becomes of one that is there. */
export function insert<Row>(table: string, columns: readonly (keyof Row & string)[], rest = ''): Insert<Row> {
  const places = columns.map(() => '?').join(', ');
  return { change: change(`INSERT INTO ${table} (${columns.join(', ')}) VALUES (${places}) ${rest}`), columns };
}
