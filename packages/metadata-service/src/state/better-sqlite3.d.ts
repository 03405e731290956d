// What the state machine uses of better-sqlite3, which ships no types. database.ts is its only importer.
declare module 'better-sqlite3' {
  type Value = number | string | Uint8Array | null;
  type Parameters = readonly Value[] | readonly [readonly Value[]] | readonly [Readonly<Record<string, Value>>];

  namespace Database {
    interface Statement {
      get(...parameters: Parameters): unknown;
      all(...parameters: Parameters): unknown[];
      iterate(...parameters: Parameters): IterableIterator<unknown>;
      run(...parameters: Parameters): { readonly changes: number };
      pluck(): this;
      raw(): this;
    }
    interface Options {
      readonly readonly?: boolean;
      readonly fileMustExist?: boolean;
      /** How long a lock of another process is waited for, in ms. */
      readonly timeout?: number;
    }
    class SqliteError extends Error {
      readonly code: string;
    }
  }

  class Database {
    constructor(pathOrImage: string | Buffer, options?: Database.Options);
    static readonly SqliteError: typeof Database.SqliteError;
    readonly inTransaction: boolean;
    readonly open: boolean;
    prepare(sql: string): Database.Statement;
    exec(sql: string): this;
    pragma(pragma: string, options?: { readonly simple?: boolean }): unknown;
    serialize(): Buffer;
    close(): this;
  }
  export = Database;
}
