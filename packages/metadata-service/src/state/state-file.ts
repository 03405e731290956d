// The database of a state on its disk, and images of it. An image is the file itself (packages/tooling/adr/0014-state-image.md):
//
// A source first brings the whole write-ahead log into the file, then opens a second connection that begins to read. While it reads,
// SQLite may not bring anything further into the file, because the reader would see it; commits gather in the write-ahead log.
// So the file holds still, as it was at that moment, and is read as any file is, while batches are applied beside it.
//
// A received image is written beside the state under a temporary name, synced, opened and looked at, and only then takes the
// state's name. A crash before the rename leaves the old state, and a file that the next start removes; after it, the image.
import { dirname } from 'node:path';
import { invariant, OpError, type Files, type LogIndex, type OpenFile } from '@holdfast/base';
import type { SnapshotSource } from '../host/state-machine.ts';
import { CheckpointThread, type Checkpointer } from './checkpointer.ts';
import { Checkpoints, checkpointLimitsDefault, type CheckpointLimits } from './checkpoints.ts';
import { removeDatabase, StateDatabase } from './database.ts';
import { ImageSource, readBuffer, readFile, receiveImage } from './image.ts';
import { query } from './query.ts';
import { StateHashing } from './state-hashing.ts';

const anyRow = query<{ readonly applied: number }>('SELECT applied FROM cluster');
/** Two bytes that say whether a database has a write-ahead log; one in memory cannot have one. */
const journalAt = 18;
const withoutWal = Buffer.from([1, 1]);

export interface StateFileOptions {
  readonly files: Files;
  /** Null for a state in memory. */
  readonly path: string | null;
  readonly checkpointLimits?: Partial<CheckpointLimits>;
  /** Other than the thread that a state on a disk has. */
  readonly openCheckpointer?: (path: string) => Checkpointer;
}

interface Replacement {
  /** Of the old state. */
  readonly applied: LogIndex;
  readonly check: (database: StateDatabase) => void;
}

export class StateFile {
  readonly #files: Files;
  readonly #path: string | null;
  /** Null for a state in memory. */
  readonly #checkpoints: Checkpoints | null = null;
  #database: StateDatabase;
  /**
   * Closing any descriptor of a file drops every lock that the process has on it (POSIX), SQLite's too. So there is one, and it
   * lives longer than the connections.
   */
  #handle: OpenFile | null = null;
  /** An image, or a hash: one at a time. */
  #reading: { close(): void } | null = null;

  constructor({ files, path, checkpointLimits = {}, openCheckpointer }: StateFileOptions) {
    this.#files = files;
    this.#path = path;
    if (path !== null) removeDatabase(files, temporary(path));
    this.#database = this.#open();
    if (path === null) return;
    this.#checkpoints = new Checkpoints({
      checkpointer: openCheckpointer?.(path) ?? new CheckpointThread(path),
      limits: { ...checkpointLimitsDefault, ...checkpointLimits },
      database: () => this.#database,
    });
  }

  get database(): StateDatabase {
    return this.#database;
  }

  /** Up to where everything that was committed is in the file, and synced; null where nothing has told yet. */
  get durable(): LogIndex | null {
    return this.#checkpoints?.durable ?? null;
  }

  /** A checkpoint failed, and none may follow. */
  get hasFailed(): boolean {
    return this.#checkpoints?.hasFailed === true;
  }

  /** Before a transaction begins, which may have to wait. */
  beforeTransaction(): void {
    this.#checkpoints?.awaitLast();
  }

  /** Runs the commit of everything up to `applied`, and has what waits brought into the file beside everything else. */
  keep(applied: LogIndex, commit: () => void): void {
    const hasCaughtUp = this.#checkpoints?.note() ?? false;
    commit();
    if (this.#reading === null) this.#checkpoints?.consider(applied, hasCaughtUp);
  }

  /** Brings into the file at once what was committed, up to `applied`; false while an image is read. */
  checkpoint(applied: LogIndex): boolean {
    if (this.#checkpoints === null || this.#reading !== null) return false;
    return this.#checkpoints.now(applied);
  }

  /** `applied` is what was committed last. */
  source(applied: LogIndex): ImageSource {
    const path = this.#path;
    if (path === null) return new ImageSource(readBuffer(this.#database.image()), () => undefined);
    if (!this.checkpoint(applied)) throw busy();
    const reader = readerOf(path);
    invariant(this.#handle !== null, 'an open state has its file');
    const source = new ImageSource(readFile(this.#handle), () => {
      reader.close();
      this.#reading = null;
    });
    this.#reading = source;
    return source;
  }

  /** `applied` is what was committed last. */
  hashing(applied: LogIndex): StateHashing {
    if (this.#reading !== null) throw busy();
    const path = this.#path;
    const reader = path === null ? this.#copyInMemory() : readerOf(path);
    const hashing = new StateHashing(applied, reader, () => (this.#reading = null));
    this.#reading = hashing;
    return hashing;
  }

  #copyInMemory(): StateDatabase {
    return new StateDatabase({ path: null, image: this.#database.image() });
  }

  /** All or nothing; `check` throws for what this release cannot use. */
  replace(source: SnapshotSource, applied: LogIndex, check: (database: StateDatabase) => void): void {
    if (this.#path === null) this.#replaceInMemory(source, check);
    else this.#replaceFile(this.#path, source, { applied, check });
  }

  close(): void {
    this.#reading?.close();
    this.#checkpoints?.close();
    this.#closeDatabase();
  }

  #closeDatabase(): void {
    // Who closes a database last makes a checkpoint of it, unless it may not write.
    const keeper = this.hasFailed && this.#path !== null ? readerOf(this.#path) : null;
    this.#database.close();
    keeper?.close();
    this.#handle?.close();
    this.#handle = null;
  }

  #open(): StateDatabase {
    const database = new StateDatabase({ path: this.#path });
    if (this.#path !== null) this.#handle = this.#files.open(this.#path, 'read');
    return database;
  }

  #replaceInMemory(source: SnapshotSource, check: (database: StateDatabase) => void): void {
    const parts: Uint8Array[] = [];
    receiveImage(source, (part) => void parts.push(Uint8Array.from(part)));
    const image = Buffer.concat(parts);
    withoutWal.copy(image, journalAt);
    const database = new StateDatabase({ path: null, image });
    closeUnless(database, check);
    this.#database.close();
    this.#database = database;
  }

  #replaceFile(path: string, source: SnapshotSource, { applied, check }: Replacement): void {
    const fresh = temporary(path);
    removeDatabase(this.#files, fresh);
    try {
      this.#write(fresh, source);
    } catch (error) {
      // What there was no room for leaves its room to others.
      removeDatabase(this.#files, fresh);
      throw error;
    }
    const database = new StateDatabase({ path: fresh });
    closeUnless(database, check);
    database.checkpoint();
    database.close();
    // What waits in the old write-ahead log goes into the old file first: a crash before the rename finds an old state that is
    // whole, and behind it no log of the old one may be taken for the image's.
    this.#reading?.close();
    this.checkpoint(applied);
    this.#closeDatabase();
    for (const beside of [`${path}-wal`, `${path}-shm`]) {
      if (this.#files.stat(beside) !== null) this.#files.unlink(beside);
    }
    this.#files.fsyncDirectory(dirname(path));
    this.#files.rename(fresh, path);
    this.#files.fsyncDirectory(dirname(path));
    this.#database = this.#open();
    this.#checkpoints?.forget();
  }

  #write(path: string, source: SnapshotSource): void {
    const file = this.#files.open(path, 'create-new');
    try {
      let at = 0;
      receiveImage(source, (part) => {
        if (part.length > 0) file.pwrite(part, at);
        at += part.length;
      });
      file.fsync();
    } finally {
      file.close();
    }
  }
}

/** Reads what is committed now for as long as it is open, whatever is committed then. */
function readerOf(path: string): StateDatabase {
  const reader = new StateDatabase({ path, isReadOnly: true });
  closeUnless(reader, () => {
    reader.begin();
    reader.get(anyRow);
  });
  return reader;
}

function busy(): OpError {
  return new OpError('STATE_IMAGE_BUSY', { reason: 'it is being read, for another image or for a hash' });
}

function temporary(path: string): string {
  return `${path}.installing`;
}

function closeUnless(database: StateDatabase, check: (database: StateDatabase) => void): void {
  try {
    check(database);
  } catch (error) {
    database.close();
    throw error;
  }
}
