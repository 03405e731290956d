// The one place that speaks to SQLite: connections, prepared statements, transactions and the write-ahead log of the database.
// In a file: WAL with `synchronous=NORMAL`, so that a commit costs no fsync; a checkpoint makes durable what was committed before
// it, and tells so. In memory: nothing is durable. Whatever SQLite throws becomes an OpError, because the disk is not ours.
//
// A transaction holds many batches, because its commit writes every page that was touched, and batch after batch touches the same
// ones. It is taken back as a whole.
import Database from 'better-sqlite3';
import { invariant, messageOf, mib, OpError, type Files } from '@holdfast/base';
import { LaterRows } from './later-rows.ts';
import type { Change, Insert, Query, Together, Value } from './query.ts';

/** A statement journal is kept in memory: what a refused statement had changed needs no file. */
const pragmas = ['foreign_keys = OFF', 'temp_store = MEMORY', 'trusted_schema = OFF', 'cell_size_check = ON'];
/** Pages of 4 KiB that a connection keeps, as negative KiB: the resident memory of a large state is bounded by it. */
const cacheKib = 256 * 1024;
/** Of one that reads each page once. */
const readerCacheKib = 2 * 1024;
/** Of a database, and of its write-ahead log: a page, and what says which. */
const pageBytes = 4096;
export const walPageBytes = pageBytes + 24;
/** To which a write-ahead log is cut when it begins anew: one that grew beside an image is not kept so long. */
const walKeptBytes = 64 * mib;

/** Pages in the write-ahead log, and those of them, from the first on, that are in the database too. */
export interface WalFrames {
  /** Somebody else is at a checkpoint, or at what it needs. */
  readonly isBusy: boolean;
  readonly logFrames: number;
  readonly broughtFrames: number;
}

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
  readonly #frames: Database.Statement;
  readonly #later: LaterRows<never>[] = [];
  #beforeUse = (): void => undefined;
  #isOpen = false;
  /** Statements that changed something, ever: tells whether a refused command had touched the state. */
  changes = 0;
  /** Transactions that were committed, ever. */
  commits = 0;

  constructor({ path, image, isReadOnly = false }: DatabaseOptions) {
    this.path = path;
    this.#database = failing(() => new Database(image ?? path ?? ':memory:', { readonly: isReadOnly, timeout: 0 }));
    try {
      failing(() => this.#prepare(isReadOnly));
      this.#begin = this.#database.prepare(isReadOnly ? 'BEGIN' : 'BEGIN IMMEDIATE');
      this.#commit = this.#database.prepare('COMMIT');
      this.#rollback = this.#database.prepare('ROLLBACK');
      this.#frames = this.#database.prepare(checkpointIn('NOOP'));
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  #prepare(isReadOnly: boolean): void {
    for (const pragma of pragmas) this.#database.pragma(pragma);
    this.#database.pragma(`cache_size = -${isReadOnly ? readerCacheKib : cacheKib}`);
    if (this.path === null || isReadOnly) return;
    this.#database.pragma('journal_mode = WAL');
    this.#database.pragma('synchronous = NORMAL');
    // Checkpoints are ours (checkpoints.ts), and what is durable is known behind each.
    this.#database.pragma('wal_autocheckpoint = 0');
    this.#database.pragma(`journal_size_limit = ${walKeptBytes}`);
  }

  get isOpen(): boolean {
    return this.#database.open;
  }

  /** Runs whenever somebody reads, or changes a row at once, so that what is found is what is true. */
  beforeUse(run: () => void): void {
    this.#beforeUse = run;
  }

  get<Row>(query: Query<Row>, ...values: readonly Value[]): Row | null {
    this.#beforeUse();
    try {
      return (this.#statement(query).get(...values) as Row | undefined) ?? null;
    } catch (error) {
      throw failureOf(error);
    }
  }

  all<Row>(query: Query<Row>, ...values: readonly Value[]): Row[] {
    this.#beforeUse();
    try {
      return this.#statement(query).all(...values) as Row[];
    } catch (error) {
      throw failureOf(error);
    }
  }

  /** Row after row, as arrays of their columns; the connection writes nothing before the last. */
  *rows(query: Query<readonly Value[]>): IterableIterator<readonly Value[]> {
    this.#beforeUse();
    for (const row of this.#database.prepare(query.sql).raw().iterate()) yield row as readonly Value[];
  }

  /** The number of rows that were changed. */
  run(change: Change, ...values: readonly Value[]): number {
    this.#beforeUse();
    try {
      const { changes } = this.#statement(change).run(...values);
      this.changes += changes;
      return changes;
    } catch (error) {
      throw failureOf(error);
    }
  }

  insert<Row extends object>({ change, columns }: Insert<Row>, row: Row): void {
    // A row's columns hold what SQLite holds.
    this.run(change, ...columns.map((column) => row[column] as Value));
  }

  /**
   * Rows that are written together, with `writeRows` and at the latest with the commit. Whoever reads or changes their table calls
   * `writeRows` before.
   */
  later<Values extends readonly Value[]>(table: Together<Values>): LaterRows<Values> {
    const rows = new LaterRows(table, { onAdded: this.#count, run: this.#writeTogether });
    this.#later.push(rows as LaterRows<never>);
    return rows;
  }

  writeRows(): void {
    for (const rows of this.#later) rows.write();
  }

  readonly #count = (): void => {
    this.changes++;
  };

  /** What they change was counted when they were added. */
  readonly #writeTogether = (change: Change, values: readonly Value[]): void => {
    try {
      this.#statement(change).run(values);
    } catch (error) {
      throw failureOf(error);
    }
  };

  /** Statements that define tables: of the schema, never of a command. */
  define(sql: string): void {
    failing(() => this.#database.exec(sql));
  }

  /** Everything from here on is one reading of one state, and one change of it, until the connection is closed or commits. */
  begin(): void {
    if (this.#isOpen) return;
    failing(() => this.#begin.run());
    this.#isOpen = true;
  }

  /** What was changed since the last commit is gone. */
  rollback(): void {
    for (const rows of this.#later) rows.clear();
    this.#isOpen = false;
    // Behind an error of the disk SQLite has done it by itself.
    if (this.#database.inTransaction) failing(() => this.#rollback.run());
  }

  /** What was changed since the last commit outlives the process from here on. One that fails has taken back all of it. */
  commit(): void {
    if (!this.#isOpen) return;
    try {
      this.writeRows();
      failing(() => this.#commit.run());
      this.commits++;
    } finally {
      this.#isOpen = this.#database.inTransaction;
    }
  }

  /** Moves what was committed from the WAL into the database and syncs both; false if a reader still needs the WAL. */
  checkpoint(): boolean {
    return !checkpointOf(this.#database, 'TRUNCATE').isBusy;
  }

  /** No transaction is open. */
  walFrames(): WalFrames {
    return framesOf(failing(() => this.#frames.get()));
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

/**
 * Moves into the database what is in its write-ahead log, as far as readers allow, while whoever has it open goes on committing. From a
 * connection of its own, for any thread.
 */
export function checkpointFile(path: string): WalFrames {
  const database = failing(() => new Database(path, { fileMustExist: true, timeout: 0 }));
  try {
    failing(() => database.pragma('synchronous = NORMAL'));
    return checkpointOf(database, 'PASSIVE');
  } finally {
    database.close();
  }
}

interface CheckpointRow {
  readonly busy: number;
  readonly log: number;
  readonly checkpointed: number;
}

type CheckpointMode = 'NOOP' | 'PASSIVE' | 'TRUNCATE';

function checkpointIn(mode: CheckpointMode): string {
  return `PRAGMA wal_checkpoint(${mode})`;
}

function checkpointOf(database: Database, mode: CheckpointMode): WalFrames {
  return framesOf(failing(() => database.prepare(checkpointIn(mode)).get()));
}

function framesOf(row: unknown): WalFrames {
  const { busy, log, checkpointed } = row as CheckpointRow;
  invariant(busy !== 0 || log >= 0, 'a database in a file has a write-ahead log');
  return { isBusy: busy !== 0, logFrames: log, broughtFrames: checkpointed };
}

/** A file of a database, and what SQLite keeps beside it. */
export function removeDatabase(files: Files, path: string): void {
  for (const each of [path, `${path}-wal`, `${path}-shm`]) if (files.stat(each) !== null) files.unlink(each);
}

function failing<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    throw failureOf(error);
  }
}

/** The second: the file beside the write-ahead log that says where its pages are could not grow. */
const fullCodes: ReadonlySet<string> = new Set(['SQLITE_FULL', 'SQLITE_IOERR_SHMSIZE']);

/** A wrong statement or a broken constraint is a defect of ours; the rest is the disk's. */
function failureOf(error: unknown): unknown {
  if (!isSqliteError(error)) return error;
  if (['SQLITE_ERROR', 'SQLITE_MISUSE', 'SQLITE_RANGE'].includes(error.code)) return error;
  if (error.code.startsWith('SQLITE_CONSTRAINT')) return error;
  if (fullCodes.has(error.code)) return new OpError('STATE_DISK_FULL', {}, { cause: error });
  return new OpError('STATE_DATABASE_FAILED', { reason: `${error.code}: ${messageOf(error)}` }, { cause: error });
}

/** By its name: the native part knows one class a process, and each world of modules (a test file has its own) has another. */
function isSqliteError(error: unknown): error is Database.SqliteError {
  const { name, code } = Object(error) as { readonly name?: unknown; readonly code?: unknown };
  return name === 'SqliteError' && typeof code === 'string';
}
