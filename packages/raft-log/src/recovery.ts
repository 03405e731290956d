// From the files of a directory to an open log. It reads; it writes nothing that the log needs to start, so it works on a
// full disk. What was read is on the disk before anybody sees it: after a crash of the process alone the last batch may lie in
// the page cache only, and after a sync that failed the kernel takes it for written (`#sync`).
//
// Sealed chunks are read by their footers. The state of every group comes from the newest chunk whose checkpoint is whole;
// that chunk and those after it are scanned.
import { decodeTable, type TableRow } from './batch-table.ts';
import { invariant, OpError, type Files } from '@holdfast/base';
import { scanChunk, type ChunkBytes, type Damage, type FoundBatch, type Standing } from './chunk-scan.ts';
import { copyAside } from './copy-aside.ts';
import { listLog, readChunk, readTrailer, withFile, type ChunkFile, type LogListing } from './chunk-files.ts';
import { makeChunk, type Chunk } from './chunk.ts';
import { writeAgain } from './write-again.ts';
import { firstBatchPosition, isSameSalt } from './file-header.ts';
import { Group } from './group.ts';
import { linkEntries } from './link-entries.ts';
import { readCheckpoint, Replay, type Checkpoint } from './replay.ts';
import { readSealedChunk } from './sealed-chunk.ts';
import type { Ambiguity } from './group-state.ts';

/** How much damage an open bears. */
export type OpenMode = 'absolute' | 'tolerate-tail' | 'salvage';

export interface FoundDamage extends Damage {
  readonly path: string;
  /** `structure`: a file, a header or a checkpoint. */
  readonly standing: Exclude<Standing, 'sound'> | 'structure';
}

export interface OpenReport {
  readonly mode: OpenMode;
  readonly damages: readonly FoundDamage[];
  readonly faulty: readonly { readonly group: number; readonly from: number; readonly to: number }[];
  readonly ambiguous: readonly (Ambiguity & { readonly group: number })[];
  /** Where the cut tail was copied to; null when nothing was cut, or when the disk had no room for a copy: it then stays where it is. */
  readonly copiedAside: string | null;
  /** The log was closed, and not ended by a crash. */
  readonly isClean: boolean;
}

/** Where the next batch goes. */
export interface NextBatch {
  readonly position: number;
  readonly number: number;
  readonly previousEnd: number;
}

export interface Recovered {
  readonly logId: Uint8Array;
  readonly chunks: Chunk[];
  readonly groups: Map<number, Group>;
  readonly next: NextBatch;
  /** Of the batch before that place: the next one repeats them, in whichever life of the process it is written. */
  readonly lastRows: readonly TableRow[];
  /** The chunk whose checkpoint the state came from: neither it nor a later one may go. */
  readonly baseSequence: number;
  /** The newest chunk holds nothing yet: a checkpoint is written before anything else. */
  readonly needsCheckpoint: boolean;
  readonly spares: readonly string[];
  readonly hasReserve: boolean;
  readonly report: OpenReport;
}

export interface RecoveryOptions {
  readonly files: Files;
  readonly directory: string;
  readonly mode: OpenMode;
  /** Nothing is synced or copied. */
  readonly isReadOnly: boolean;
  /** Somebody else is writing: a tail is a batch on its way. */
  readonly isInUse?: boolean;
}

/** null when the directory holds no log yet. */
export function recover(options: RecoveryOptions): Recovered | null {
  const listing = listLog(options.files, options.directory);
  if (listing.chunks.length === 0) {
    refuseLostChunks(listing, options.directory);
    return null;
  }
  return new Recovery(options, listing).run();
}

/** The reserve is made after the first chunk is durable: a reserve alone is what is left of a log, and not a new one. */
function refuseLostChunks(listing: LogListing, directory: string): void {
  if (!listing.hasReserve) return;
  throw new OpError('RAFT_LOG_CORRUPT', { path: directory, position: 0, reason: 'its chunks are gone' });
}

/** The first chunk of a log begins with no group, whether its checkpoint was written or not. */
const firstSequence = 1;

class Recovery {
  readonly #options: RecoveryOptions;
  readonly #listing: LogListing;
  readonly #damages: FoundDamage[] = [];
  readonly #chunks: Chunk[];
  readonly #bytes = new Map<number, ChunkBytes>();
  #copiedAside: string | null = null;
  /** The batch that was read last, and the number of its chunk among `#chunks`. */
  #last: { readonly index: number; readonly batch: FoundBatch } | null = null;

  constructor(options: RecoveryOptions, listing: LogListing) {
    this.#options = options;
    this.#listing = listing;
    this.#chunks = this.#soundChunks();
  }

  run(): Recovered {
    const newest = this.#chunks.at(-1);
    if (newest === undefined) throw this.#corrupt('no chunk has a header that verifies');
    const { baseIndex, replay } = this.#findBase();
    const next = this.#replayFrom(baseIndex, replay);
    const report = this.#report(replay);
    this.#refuseByMode();
    if (!this.#options.isReadOnly) this.#sync();
    for (const group of replay.groups.values()) group.restage();
    newest.isShortOfSlots = report.faulty.length > 0;
    for (const chunk of this.#chunks.slice(0, -1)) chunk.isSealed = true;
    return {
      logId: newest.header.logId,
      chunks: this.#chunks,
      groups: replay.groups,
      next,
      lastRows: this.#lastRows(),
      baseSequence: this.#chunk(baseIndex).header.sequence,
      needsCheckpoint: next.number === 1,
      spares: this.#listing.spares,
      hasReserve: this.#listing.hasReserve,
      report,
    };
  }

  /** The chunks that can be used, by sequence; what is wrong with the others and with the sequence is a damage of structure. */
  #soundChunks(): Chunk[] {
    const chunks: Chunk[] = [];
    for (const file of this.#listing.chunks) {
      const chunk = this.#soundChunk(file);
      if (chunk === null) continue;
      const before = chunks.at(-1);
      if (before !== undefined) this.#checkChain(before, chunk);
      chunks.push(chunk);
    }
    const newest = chunks.at(-1);
    if (newest !== undefined) this.#checkNewest(newest);
    return chunks;
  }

  #soundChunk({ path, sequence, reading }: ChunkFile): Chunk | null {
    if (reading === null) {
      this.#addStructural(path, 'neither copy of its header verifies');
      return null;
    }
    const { header, damagedCopies } = reading;
    for (const copy of damagedCopies) {
      const position = (copy - 1) * header.blockBytes;
      const reason = `copy ${copy} of the file's header does not verify`;
      this.#damages.push({ path, position, lengthBytes: header.blockBytes, reason, standing: 'damaged' });
    }
    if (header.sequence !== sequence) {
      this.#addStructural(path, `it says to be chunk ${header.sequence}`);
      return null;
    }
    return makeChunk(this.#options.directory, header);
  }

  #checkChain(before: Chunk, chunk: Chunk): void {
    const { sequence, previousSalt, logId } = chunk.header;
    if (sequence !== before.header.sequence + 1) {
      this.#addStructural(chunk.path, `no chunk is there between it and chunk ${before.header.sequence}`);
    } else if (!isSameSalt(previousSalt, before.header.salt)) {
      this.#addStructural(chunk.path, `chunk ${before.header.sequence} is not the one that it followed`);
    }
    if (!isSameSalt(logId, before.header.logId)) this.#addStructural(chunk.path, 'it belongs to another log');
  }

  /** A trailer is written after the next chunk is durable: where that one is not there, it was lost. */
  #checkNewest(newest: Chunk): void {
    if (readTrailer(this.#options.files, newest.path, newest.header) === null) return;
    this.#addStructural(newest.path, `it is sealed, and chunk ${newest.header.sequence + 1} is not there`);
  }

  /**
   * After a crash of the process alone, what was read may be in the page cache only; nobody may act on it yet. A sync is not
   * enough for the last batch: if one failed on it, its pages count as clean, are read as if all were well, and go with the
   * next power loss. Written again they are dirty, and the sync means them. In place, so this needs no room.
   */
  #sync(): void {
    const { files, directory } = this.#options;
    const chunks = [...this.#chunks.entries()].slice(-2);
    for (const [index, chunk] of chunks) {
      const file = files.open(chunk.path, 'write');
      try {
        if (this.#last?.index === index) writeAgain(file, this.#bytesOf(index), this.#last.batch);
        file.fdatasync();
      } finally {
        file.close();
      }
    }
    files.fsyncDirectory(directory);
  }

  /** The newest chunk whose checkpoint is whole, with the groups that it names and what older chunks hold of them. */
  #findBase(): { baseIndex: number; replay: Replay } {
    for (let baseIndex = this.#chunks.length - 1; baseIndex >= 0; baseIndex--) {
      const checkpoint = this.#checkpointOf(baseIndex);
      const isBeginning = this.#chunk(baseIndex).header.sequence === firstSequence;
      if (checkpoint?.isWhole !== true && !isBeginning) continue;
      const groups = new Map([...(checkpoint?.states ?? [])].map(([id, state]) => [id, new Group(id, state)]));
      this.#linkOlder(groups, baseIndex);
      return { baseIndex, replay: new Replay(groups) };
    }
    this.#addStructural(this.#chunk(0).path, 'no chunk has a whole checkpoint');
    return { baseIndex: 0, replay: this.#replayOfParts() };
  }

  /** What is left of the oldest checkpoint. Nobody knows what it held besides, so no group's vote can be trusted. */
  #replayOfParts(): Replay {
    const groups = new Map<number, Group>();
    for (const [id, state] of this.#checkpointOf(0)?.states ?? []) {
      groups.set(id, new Group(id, { ...state, isVoteLost: true }));
    }
    linkEntries(groups, []);
    return new Replay(groups);
  }

  #checkpointOf(index: number): Checkpoint | null {
    const [first] = this.#scan(index);
    return first === undefined ? null : readCheckpoint(first);
  }

  #linkOlder(groups: Map<number, Group>, baseIndex: number): void {
    const older = this.#chunks.slice(0, baseIndex).map((chunk, index) => {
      const following = (): Checkpoint | null => this.#checkpointOf(index + 1);
      const { blocks, damages, lost } = readSealedChunk(this.#options.files, chunk, { groups, following });
      for (const damage of damages) this.#damages.push({ ...damage, path: chunk.path, standing: 'damaged' });
      return { chunk, blocks, lost };
    });
    linkEntries(groups, older);
  }

  #replayFrom(baseIndex: number, replay: Replay): NextBatch {
    let next: NextBatch | null = null;
    for (let index = baseIndex; index < this.#chunks.length; index++) {
      const chunk = this.#chunk(index);
      const first = firstBatchPosition(chunk.header.blockBytes);
      next = { position: first, number: 1, previousEnd: first };
      for (const batch of this.#scan(index)) {
        this.#addDamages(index, batch);
        if (this.#isOnItsWay(batch)) continue;
        replay.apply(chunk, batch);
        this.#last = { index, batch };
        next = this.#after(batch, next);
      }
    }
    invariant(next !== null, 'a log has a chunk');
    return next;
  }

  #lastRows(): readonly TableRow[] {
    if (this.#last?.index !== this.#chunks.length - 1) return [];
    const { standing, records } = this.#last.batch;
    const table = records.find(({ header }) => header.kind === 'table')?.payload ?? null;
    return standing !== 'sound' || table === null ? [] : decodeTable(table).rows;
  }

  #after(batch: FoundBatch, before: NextBatch): NextBatch {
    const number = (batch.head?.number ?? before.number) + 1;
    const isCut = batch.standing === 'tail';
    return { position: batch.endPosition, number, previousEnd: isCut ? batch.position : batch.endPosition };
  }

  #addDamages(index: number, batch: FoundBatch): void {
    const chunk = this.#chunk(index);
    const { standing } = batch;
    if (standing === 'sound' || standing === 'abandoned') return;
    for (const damage of batch.damages) this.#damages.push({ ...damage, path: chunk.path, standing });
    if (standing !== 'tail' || this.#options.isReadOnly) return;
    this.#refuseUnreadable(index, batch);
    if (this.#options.mode !== 'absolute') {
      this.#copiedAside = copyAside(this.#options.files, this.#options.directory, {
        chunk,
        position: batch.position,
        lengthBytes: batch.endPosition - batch.position,
      });
    }
  }

  /**
   * What the disk refuses to give may be there at the next attempt, acknowledged batches and all; what is written behind a tail
   * would take their place. So nothing is cut for it unless somebody says so. Where the file itself is short there is nothing.
   */
  #refuseUnreadable(index: number, { position }: FoundBatch): void {
    if (this.#options.mode === 'salvage') return;
    const { path } = this.#chunk(index);
    const sizeBytes = withFile(this.#options.files, path, (file) => file.sizeBytes());
    const { unreadable } = this.#bytesOf(index);
    const refused = unreadable.find(
      (range) => range.position + range.lengthBytes > position && range.position < sizeBytes,
    );
    if (refused !== undefined) throw new OpError('RAFT_LOG_UNREADABLE', { path, position: refused.position });
  }

  /** Who reads a live log may see a batch that its writer has not finished. */
  #isOnItsWay(batch: FoundBatch): boolean {
    return batch.standing === 'tail' && this.#options.isInUse === true;
  }

  #scan(index: number): Iterable<FoundBatch> {
    return scanChunk(this.#bytesOf(index), { isFollowed: this.#isFollowed(index) });
  }

  /** The two chunks that were read last: the newest one is looked at for its checkpoint, its state, and from the one before. */
  #bytesOf(index: number): ChunkBytes {
    const known = this.#bytes.get(index);
    if (known !== undefined) return known;
    const chunk = this.#chunk(index);
    const read = readChunk(this.#options.files, chunk.path, chunk.header);
    for (const other of this.#bytes.keys()) if (Math.abs(other - index) > 1) this.#bytes.delete(other);
    this.#bytes.set(index, read);
    return read;
  }

  /** A later chunk with a batch in it proves that everything in this one was durable. */
  #isFollowed(index: number): boolean {
    if (index + 1 >= this.#chunks.length) return false;
    const [first] = scanChunk(this.#bytesOf(index + 1), { isFollowed: false });
    return first !== undefined;
  }

  #chunk(index: number): Chunk {
    const chunk = this.#chunks[index];
    invariant(chunk !== undefined, `the log has no chunk number ${index}`);
    return chunk;
  }

  #refuseByMode(): void {
    const { mode } = this.#options;
    if (mode === 'salvage') return;
    const refused = this.#damages.find(({ standing }) => mode === 'absolute' || standing === 'structure');
    if (refused === undefined) return;
    const { path, position, reason } = refused;
    throw new OpError('RAFT_LOG_CORRUPT', { path, position, reason });
  }

  #report(replay: Replay): OpenReport {
    const groups = [...replay.groups.values()];
    return {
      mode: this.#options.mode,
      damages: this.#damages,
      faulty: groups.flatMap((group) => group.faulty.ranges.map((range) => ({ group: group.id, ...range }))),
      ambiguous: groups.flatMap(({ id, durable }) =>
        durable.ambiguity === null ? [] : [{ group: id, ...durable.ambiguity }],
      ),
      copiedAside: this.#copiedAside,
      isClean: replay.isClosed,
    };
  }

  #addStructural(path: string, reason: string): void {
    this.#damages.push({ path, position: 0, lengthBytes: 0, reason, standing: 'structure' });
  }

  #corrupt(reason: string): OpError {
    return new OpError('RAFT_LOG_CORRUPT', { path: this.#options.directory, position: 0, reason });
  }
}
