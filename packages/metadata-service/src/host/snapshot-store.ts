// The snapshots of one group on disk. A file gets its name only when all of it is durable, and nobody is told of it before the name
// is. The last two are kept, and the log behind the older one (replica.ts), so that a snapshot which rots costs nothing but
// time; one that came from a leader stands alone, for it replaced the log.
//
// The story behind the sync of each start: a process was killed between the renaming of a snapshot and the sync that makes the name
// durable. Its next life found the name, put the snapshot in the log's place, and lost its power: the log went on behind
// a snapshot that had never been there.
//
// A snapshot that is being received stays where it is across a restart, as far as its parts verify, and the leader goes on there.
import { join } from 'node:path';
import { invariant, isOpError, OpError, type Files, type LogIndex, type OpenFile } from '@holdfast/base';
import type { GroupId, RaftEvent, Recovered, SnapshotEffect, SnapshotMark } from '@holdfast/raft';
import type { FileSyncer } from './file-syncer.ts';
import { snapshotEndBytes, SnapshotFileReader, SnapshotFileWriter } from './snapshot-file.ts';
import type { Pace } from './pace.ts';
import type { SnapshotSource } from './state-machine.ts';

export interface SnapshotStoreOptions {
  readonly files: Files;
  /** Of the snapshots of all groups; it is there. */
  readonly directory: string;
  readonly cluster: string;
  readonly group: GroupId;
  /** Read from a state machine, or verified, at once. */
  readonly partBytes: number;
  /** Sent at once. */
  readonly chunkBytes: number;
  /** Of parts that were written. */
  readonly syncer: FileSyncer;
  /** Lets everything else run. */
  readonly rest: () => Promise<void>;
  /** What is taken, and what is sent, each holds its own. */
  readonly pace: () => Pace;
  /** A file that is not what it should be, or could not be removed; the store goes on without it. */
  readonly onTrouble: (error: OpError) => void;
}

interface Stored {
  readonly path: string;
  readonly mark: SnapshotMark;
  isVerified: boolean;
}

interface Receiving {
  readonly id: string;
  readonly file: OpenFile;
}

type ReadEffect = Extract<SnapshotEffect, { readonly kind: 'snapshot-read' }>;
type Chunk = Extract<RaftEvent, { readonly kind: 'snapshot-read' }>['chunk'];
type Partial = Recovered['partialSnapshot'];

/** Snapshots that are kept. */
const keptMax = 2;

export class SnapshotStore {
  readonly #options: SnapshotStoreOptions;
  /** The newest first. */
  #stored: Stored[];
  #receiving: Receiving | null = null;
  readonly #taking: Pace;
  readonly #sending: Pace;

  constructor(options: SnapshotStoreOptions) {
    this.#options = options;
    this.#taking = options.pace();
    this.#sending = options.pace();
    this.#stored = this.#find();
  }

  get newest(): SnapshotMark | null {
    return this.#stored[0]?.mark ?? null;
  }
  /** What the log may be let go up to: the snapshot before the newest one. */
  get previous(): SnapshotMark | null {
    return this.#stored[1]?.mark ?? null;
  }
  get marks(): readonly SnapshotMark[] {
    return this.#stored.map(({ mark }) => mark);
  }

  /** The state at `mark`, whole and durable when this resolves. */
  async take(mark: SnapshotMark, source: SnapshotSource): Promise<void> {
    const temporary = this.#path('taking');
    try {
      await this.#write(temporary, mark, source);
      this.#publish(temporary, mark);
    } catch (error) {
      this.#remove(temporary);
      throw error;
    } finally {
      source.close();
    }
    this.#stored.splice(keptMax);
    this.#removeOthers();
  }

  /** The newest snapshot that verifies, for a state machine that has less than it; null if there is none. */
  async openNewest(): Promise<{ readonly mark: SnapshotMark; readonly source: SnapshotFileReader } | null> {
    for (const stored of [...this.#stored]) {
      if (!(await this.#verifies(stored))) continue;
      return { mark: stored.mark, source: new SnapshotFileReader(this.#options.files, stored.path) };
    }
    return null;
  }

  /** The part that a peer wants next; null if there is no such snapshot, or none that reaches as far and no further. */
  async readPart({ id, leastIndex, mostIndex, offset }: ReadEffect): Promise<Chunk> {
    const stored = this.#stored.find(({ mark: { id: each, index } }) => {
      return index >= leastIndex && index <= mostIndex && (id === null || each === id);
    });
    if (stored === undefined) return null;
    // Who asks for the beginning again may have found it damaged.
    if (offset === 0 && id !== null) stored.isVerified = false;
    if (!(await this.#verifies(stored))) return null;
    const chunk = this.#readChunk(stored, offset);
    // Here, and not where it is sent: nobody else's messages wait for it.
    if (chunk !== null) await this.#sending(chunk.data.length);
    return chunk;
  }

  #readChunk({ path, mark }: Stored, offset: number): Chunk {
    const file = this.#options.files.open(path, 'read');
    try {
      const sizeBytes = file.sizeBytes();
      if (offset >= sizeBytes) return null;
      const into = Buffer.alloc(Math.min(this.#options.chunkBytes, sizeBytes - offset));
      const data = into.subarray(0, file.pread(into, offset));
      return { mark, offset, data, isLast: offset + data.length >= sizeBytes };
    } finally {
      file.close();
    }
  }

  /** What is there of a snapshot that was being received, as far as it verifies; the rest is cut off. */
  resumeReceiving(applied: LogIndex): Partial {
    const { files } = this.#options;
    const path = this.#path('receiving');
    if (files.stat(path) === null) return null;
    const found = soundPrefix(files, path);
    if (found === null || found.mark.index <= applied) {
      this.#remove(path);
      return null;
    }
    const file = files.open(path, 'write');
    file.ftruncate(found.nextOffset);
    this.#receiving = { id: found.mark.id, file };
    return found;
  }

  /** Writes a received part, and answers where the next one begins; offset 0 begins anew. */
  receive({ mark, offset, data }: Extract<SnapshotEffect, { readonly kind: 'snapshot-write' }>): number {
    if (this.#receiving?.id !== mark.id) {
      invariant(offset === 0, `a part at ${offset} of a snapshot that was not begun`);
      this.#endReceiving();
      const file = this.#options.files.open(this.#path('receiving'), 'create');
      this.#receiving = { id: mark.id, file };
    }
    const { file } = this.#receiving;
    if (offset === 0) file.ftruncate(0);
    file.pwrite(data, offset);
    return offset + data.length;
  }

  /** Makes the received file the only snapshot, durably; false if it is not whole, and it is gone then. */
  async accept(mark: SnapshotMark): Promise<boolean> {
    const path = this.#path('receiving');
    try {
      this.#receiving?.file.fsync();
      this.#endReceiving();
      await this.#verify(path, mark);
      this.#publish(path, mark);
    } catch (error) {
      if (!isOpError(error)) throw error;
      this.#endReceiving();
      this.#options.onTrouble(error);
      this.#remove(path);
      return false;
    }
    this.#stored.splice(1);
    this.#removeOthers();
    return true;
  }

  close(): void {
    this.#endReceiving();
  }

  async #write(path: string, mark: SnapshotMark, source: SnapshotSource): Promise<void> {
    const { files, cluster, group, partBytes, syncer } = this.#options;
    const writer = new SnapshotFileWriter(files, path, { cluster, group, mark });
    try {
      for (let part = source.read(partBytes); part !== null;) {
        writer.add(part);
        await writer.sync(syncer);
        const { length } = part;
        part = source.read(partBytes);
        if (part !== null) await this.#taking(length);
      }
      writer.finish();
    } finally {
      writer.close();
    }
  }

  #publish(temporary: string, mark: SnapshotMark): void {
    const { files, directory, group } = this.#options;
    const path = join(directory, nameOf(group, mark));
    files.rename(temporary, path);
    files.fsyncDirectory(directory);
    this.#stored.unshift({ path, mark, isVerified: true });
  }

  async #verifies(stored: Stored): Promise<boolean> {
    if (stored.isVerified) return true;
    try {
      await this.#verify(stored.path, stored.mark);
    } catch (error) {
      if (!isOpError(error)) throw error;
      this.#options.onTrouble(error);
      this.#stored = this.#stored.filter((each) => each !== stored);
      return false;
    }
    stored.isVerified = true;
    return true;
  }

  async #verify(path: string, mark: SnapshotMark): Promise<void> {
    const reader = new SnapshotFileReader(this.#options.files, path);
    try {
      const { head } = reader;
      const { cluster, group } = this.#options;
      if (head.cluster !== cluster || head.group !== group || head.mark.id !== mark.id) {
        throw new OpError('RAFT_SNAPSHOT_DAMAGED', { path, reason: 'it is another one' });
      }
      let leftBytes = this.#options.partBytes;
      for (let part = reader.readPart(); part !== null; part = reader.readPart()) {
        leftBytes -= part.length;
        if (leftBytes > 0) continue;
        leftBytes = this.#options.partBytes;
        await this.#options.rest();
      }
    } finally {
      reader.close();
    }
  }

  /** The heads are read; the rest of a file when somebody needs it. */
  #find(): Stored[] {
    const { files, directory } = this.#options;
    const stored: Stored[] = [];
    files.fsyncDirectory(directory);
    for (const name of files.readdir(directory)) {
      if (!this.#isNamed(name)) continue;
      const path = join(directory, name);
      try {
        const reader = new SnapshotFileReader(files, path);
        stored.push({ path, mark: reader.head.mark, isVerified: false });
        reader.close();
      } catch (error) {
        if (!isOpError(error)) throw error;
        this.#options.onTrouble(error);
      }
    }
    this.#remove(this.#path('taking'));
    return stored.sort((first, second) => second.mark.index - first.mark.index);
  }

  /** The older ones, and those that turned out to be damaged. */
  #removeOthers(): void {
    const { files, directory } = this.#options;
    for (const name of files.readdir(directory)) {
      const path = join(directory, name);
      if (this.#isNamed(name) && !this.#stored.some((stored) => stored.path === path)) this.#remove(path);
    }
  }

  #isNamed(name: string): boolean {
    return name.startsWith(`${this.#options.group}-`) && name.endsWith(suffix);
  }

  #remove(path: string): void {
    const { files, onTrouble } = this.#options;
    try {
      if (files.stat(path) !== null) files.unlink(path);
    } catch (error) {
      if (!isOpError(error)) throw error;
      onTrouble(error);
    }
  }

  #endReceiving(): void {
    this.#receiving?.file.close();
    this.#receiving = null;
  }

  #path(what: 'taking' | 'receiving'): string {
    return join(this.#options.directory, `${this.#options.group}.${what}`);
  }
}

const suffix = '.snapshot';

function nameOf(group: GroupId, { index, term }: SnapshotMark): string {
  return `${group}-${String(index).padStart(16, '0')}-${term}${suffix}`;
}

/** The mark of an unfinished file, and up to where it is whole; null if not even its head is. */
function soundPrefix(files: Files, path: string): Partial {
  let reader: SnapshotFileReader | null = null;
  try {
    reader = new SnapshotFileReader(files, path);
    // Not behind the end: the last part is what makes the receiver install it.
    while (reader.readPart() !== null);
    return { mark: reader.head.mark, nextOffset: reader.position - snapshotEndBytes };
  } catch (error) {
    if (!isOpError(error)) throw error;
    return reader === null ? null : { mark: reader.head.mark, nextOffset: reader.position };
  } finally {
    reader?.close();
  }
}
