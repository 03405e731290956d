// The one place that speaks to SQLite: connections, prepared statements, transactions and the write-ahead log of the database.
// In a file: WAL with `synchronous=NORMAL`, so that a commit costs no fsync; a checkpoint makes durable what was committed before
// it, and tells so. In memory: nothing is durable. Whatever SQLite throws becomes an OpError, because the disk is not ours.
import Database from 'better-sqlite3';
import { messageOf, OpError, type Files } from '@holdfast/base';
import type { Change, Insert, Query, Value } from './query.ts';

/** A statement journal is kept in memory: what a refused statement had changed needs no file. */
const pragmas = ['foreign_keys = OFF', 'temp_store = MEMORY', 'trusted_schema = OFF', 'cell_size_check = ON'];
/** Pages of 4 KiB that a connection keeps, as negative KiB: the resident memory of a large state is bounded by it. */
const cacheKib = 256 * 1024;

export interface DatabaseOptions {
  /** Null for a database in memory. */
  readonly path: string | null;
  /** What a database in memory begins with. */
  readonly image?: Buffer;
  readonly isReadOnly?: boolean;
}

export class StateDatabase {
  readonly path: string | null;
  readonly #database: Database;
  readonly #statements = new Map<object, Database.Statement>();
  readonly #begin: Database.Statement;
  readonly #commit: Database.Statement;
  readonly #rollback: Database.Statement;
  /** Statements that changed something, ever: tells whether a refused command had touched the state. */
  changes = 0;

  constructor({ path, image, isReadOnly = false }: DatabaseOptions) {
    this.path = path;
    this.#database = failing(() => new Database(image ?? path ?? ':memory:', { readonly: isReadOnly, timeout: 0 }));
    try {
      failing(() => this.#prepare(isReadOnly));
      this.#begin = this.#database.prepare(isReadOnly ? 'BEGIN' : 'BEGIN IMMEDIATE');
      this.#commit = this.#database.prepare('COMMIT');
      this.#rollback = this.#database.prepare('ROLLBACK');
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  #prepare(isReadOnly: boolean): void {
    for (const pragma of pragmas) this.#database.pragma(pragma);
    this.#database.pragma(`cache_size = -${cacheKib}`);
    if (this.path === null || isReadOnly) return;
    this.#database.pragma('journal_mode = WAL');
    this.#database.pragma('synchronous = NORMAL');
    // Checkpoints are ours: between two batches, and what is durable is known behind each.
    this.#database.pragma('wal_autocheckpoint = 0');
  }

  get<Row>(query: Query<Row>, ...values: readonly Value[]): Row | null {
    return failing(() => (this.#statement(query).get(...values) as Row | undefined) ?? null);
  }

  all<Row>(query: Query<Row>, ...values: readonly Value[]): Row[] {
    return failing(() => this.#statement(query).all(...values) as Row[]);
  }

  /** Row after row, as arrays of their columns; the connection writes nothing before the last. */
  *rows(query: Query<readonly Value[]>): IterableIterator<readonly Value[]> {
    for (const row of this.#database.prepare(query.sql).raw().iterate()) yield row as readonly Value[];
  }

  /** The number of rows that were changed. */
  run(change: Change, ...values: readonly Value[]): number {
    const { changes } = failing(() => this.#statement(change).run(...values));
    this.changes += changes;
    return changes;
  }

  insert<Row extends object>(insert: Insert<Row>, row: Row): void {
    failing(() => this.#statement(insert.change).run(row as Readonly<Record<string, Value>>));
    this.changes++;
  }

  /** Statements that define tables: of the schema, never of a command. */
  define(sql: string): void {
    failing(() => this.#database.exec(sql));
  }

  begin(): void {
    failing(() => this.#begin.run());
  }
  commit(): void {
    failing(() => this.#commit.run());
  }
  rollback(): void {
    if (this.#database.inTransaction) failing(() => this.#rollback.run());
  }

  /** Moves what was committed from the WAL into the database and syncs both; false if a reader still needs the WAL. */
  checkpoint(): boolean {
    const [found] = failing(() => this.#database.pragma('wal_checkpoint(TRUNCATE)')) as { readonly busy: number }[];
    return found?.busy === 0;
  }

  /** The whole database as a file would have it. */
  image(): Buffer {
    return failing(() => this.#database.serialize());
  }

  close(): void {
    this.#database.close();
  }

  #statement(of: Query<unknown> | Change): Database.Statement {
    let statement = this.#statements.get(of);
    if (statement === undefined) {
      statement = this.#database.prepare(of.sql);
      this.#statements.set(of, statement);
    }
    return statement;
  }
}

/** A file of a database, and what SQLite keeps beside it. */
export function removeDatabase(files: Files, path: string): void {
  for (const each of [path, `${path}-wal`, `${path}-shm`]) if (files.stat(each) !== null) files.unlink(each);
}

function failing<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (!isSqliteError(error)) throw error;
    // A wrong statement or a broken constraint is a defect of ours; the rest is the disk's.
    if (['SQLITE_ERROR', 'SQLITE_MISUSE', 'SQLITE_RANGE'].includes(error.code)) throw error;
    if (error.code.startsWith('SQLITE_CONSTRAINT')) throw error;
    throw new OpError('STATE_DATABASE_FAILED', { reason: `${error.code}: ${messageOf(error)}` }, { cause: error });
  }
}

/** By its name: the native part knows one class a process, and each world of modules (a test file has its own) has another. */
function isSqliteError(error: unknown): error is Database.SqliteError {
  const { name, code } = Object(error) as { readonly name?: unknown; readonly code?: unknown };
  return name === 'SqliteError' && typeof code === 'string';
}
