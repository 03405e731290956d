// The log without threads and promises: operations in, jobs for the files out. The order is always the same: check, encode,
// and then, when the job is done, publish. One job is under way at a time; meanwhile the next batch is laid out in the other of
// two buffers.
//
// Nothing is ever taken back: an operation is accepted only when its batch has a place in the active chunk, and when a job
// fails the log is over.
import { invariant, OpError, type Random } from '@holdfast/base';
import { BatchBuilder } from './batch-builder.ts';
import { bitOf, lesserFirst, rowBytes, type TableRow, withExistence } from './batch-table.ts';
import { makeChunk, type Chunk } from './chunk.ts';
import {
  checkpointOf,
  footerBaseBytes,
  footerEntryBytes,
  footerGroupBytes,
  footerRunBytes,
  headerBytesOf,
  placeIn,
  sealOf,
  stateBytesTwice,
} from './chunk-change.ts';
import { publish, stateAfter, type Effect } from './effects.ts';
import { EntryCache } from './entry-cache.ts';
import { saltBytes } from './file-header.ts';
import { trailerPosition } from './footer.ts';
import { alignBlock, formatVersion, recordHeaderBytes } from './format.ts';
import { type Group } from './group.ts';
import { emptyState } from './group-state.ts';
import type { Job, RotateJob, WriteJob } from './job.ts';
import { checkpointLimitBytes, headroomBytes, type LogLimits } from './log-limits.ts';
import type { LogSpace } from './log-space.ts';
import { checkOperation } from './operation-rules.ts';
import { isGrowth, type GroupOperation, type Operation } from './operation.ts';
import { encodeOperation, sizeOf, type OperationSize } from './operation-records.ts';
import type { NextBatch, Recovered } from './recovery.ts';

export interface CoreParts {
  readonly directory: string;
  readonly limits: LogLimits;
  readonly random: Random;
  readonly space: LogSpace;
  /** null for a log that does not exist yet. */
  readonly recovered: Recovered | null;
}

/** A batch that is being laid out, or written. */
interface Batch {
  readonly builder: BatchBuilder;
  readonly rows: Map<number, TableRow>;
  readonly effects: Effect[];
}

/** What is written for each byte that is prepared: a log that is never idle has its spare early, and time for a reserve. */
const chorePace = 0.5;

type Running =
  | { readonly kind: 'batch'; readonly job: WriteJob; readonly batch: Batch }
  | { readonly kind: 'rotate'; readonly job: RotateJob; readonly chunk: Chunk; readonly isRecycled: boolean }
  | { readonly kind: 'other'; readonly job: Job };

export class LogCore {
  readonly groups: Map<number, Group>;
  readonly cache: EntryCache;
  readonly space: LogSpace;
  readonly #directory: string;
  readonly #limits: LogLimits;
  readonly #random: Random;
  readonly #logId: Uint8Array;
  readonly #chunks: Chunk[];
  readonly #stagedGroups: Map<number, Group>;
  #next: NextBatch;
  #lastRows: readonly TableRow[] = [];
  #staging: Batch;
  #standby: Batch;
  #running: Running | null = null;
  #needsResume: boolean;
  #needsCheckpoint: boolean;
  #baseSequence: number;
  /** The active chunk may hold an earlier life's bytes where batches go. */
  #isRecycled: boolean;
  #footerBytes = 0;
  /** What the states of all groups, as they were accepted, take in a checkpoint. */
  #statesBytes = 0;
  /** Since the last chore. */
  #writtenBytes = 0;

  constructor({ directory, limits, random, space, recovered }: CoreParts) {
    this.#directory = directory;
    this.#limits = limits;
    this.#random = random;
    this.space = space;
    this.cache = new EntryCache(limits.cacheBytes);
    this.groups = recovered?.groups ?? new Map<number, Group>();
    this.#stagedGroups = new Map(this.groups);
    this.#chunks = recovered?.chunks ?? [];
    this.#logId = recovered?.logId ?? random.bytes(saltBytes);
    this.#next = recovered?.next ?? { position: 0, number: 0, previousEnd: 0 };
    this.#needsResume = recovered !== null;
    this.#needsCheckpoint = recovered?.needsCheckpoint ?? false;
    this.#baseSequence = recovered?.baseSequence ?? 0;
    this.#isRecycled = recovered !== null;
    this.#staging = makeBatch(limits);
    this.#standby = makeBatch(limits);
    if (recovered === null) return;
    this.#lastRows = recovered.lastRows;
    this.#footerBytes = this.#countFooterBytes();
    for (const { staged } of this.groups.values()) this.#statesBytes += stateBytesTwice(staged);
    this.#refuseLargeCheckpoint(0);
  }

  get chunks(): readonly Chunk[] {
    return this.#chunks;
  }
  get isRunning(): boolean {
    return this.#running !== null;
  }
  /** There is a chunk that batches can go to. */
  get isReady(): boolean {
    return this.#chunks.length > 0 && !this.#needsResume && !this.#needsCheckpoint;
  }
  get isWritingBatch(): boolean {
    return this.#running?.kind === 'batch';
  }
  get hasStaged(): boolean {
    return this.#staging.builder.isBegun && this.#staging.builder.records > 0;
  }

  /** The group as it will be when everything that was accepted is durable; null if there is none. */
  stagedGroup(id: number): Group | null {
    return this.#stagedGroups.get(id) ?? null;
  }

  /**
   * Checks an operation and lays it into the next batch. false: there is no room before the running job is done, or before a
   * chunk follows; nothing has happened then. Throws what the operation is refused for.
   */
  stage(operation: Operation): boolean {
    const size = sizeOf(operation);
    if (operation.kind !== 'close') {
      checkOperation(operation);
      this.#refuseTooLarge(operation, size);
    }
    this.#refuseWhenFull(operation);
    if (this.#chunks.length === 0 || this.#needsCheckpoint || !this.#hasRoom(operation, size)) {
      this.#refuseWithoutSpace(operation);
      return false;
    }
    if (operation.kind === 'close') this.#stageClose();
    else this.#stageOperation(operation);
    return true;
  }

  /** The next job; null when there is nothing to do. `isBlocked`: somebody waits for room. */
  nextJob(isBlocked: boolean): Job | null {
    invariant(this.#running === null, 'one job runs at a time');
    const running =
      this.#resumption() ??
      this.#firstCheckpoint() ??
      this.#dueChore() ??
      this.#batchJob() ??
      (isBlocked || this.#chunks.length === 0 ? this.#rotation() : null) ??
      this.#chore();
    this.#running = running;
    return running?.job ?? null;
  }

  /** The job that `nextJob` gave has begun: while the disk works there is time for what nobody waits for. */
  begun(): void {
    if (this.#running?.kind !== 'batch') return;
    const { position, bytes } = this.#running.job;
    const endPosition = this.#next.position;
    // Nobody finds it there before the index leads there, and that is when it is durable.
    this.cache.keep(this.#active, { position, endPosition }, bytes.subarray(0, endPosition - position));
  }

  /** The job that `nextJob` gave is done. */
  done(isDiskFull: boolean): void {
    const running = this.#running;
    invariant(running !== null, 'no job is running');
    this.#running = null;
    if (running.kind === 'batch') this.#publish(running.batch);
    else if (running.kind === 'rotate') this.#rotated(running);
    else if (running.job.kind === 'prepare') this.space.stepped(running.job, isDiskFull);
    else if (running.job.kind === 'retire') this.#retired(running.job.to);
  }

  #hasRoom(operation: Operation, { bytes, twiceBytes }: OperationSize): boolean {
    // What is left of the active chunk is then all that votes have.
    if (this.space.isReserveInUse && isGrowth(operation)) return false;
    const { builder, rows } = this.#staging;
    if (!builder.isBegun) this.#begin();
    const isKnown = operation.kind === 'close' || rows.has(operation.group.id);
    const endBytes = builder.endBytes(rows.size + (isKnown ? 0 : 1), bytes, twiceBytes);
    if (endBytes > this.#limits.batchBytes && builder.records > 0) return false;
    const { blockBytes, chunkBytes } = this.#active.header;
    const end = alignBlock(builder.position + endBytes, blockBytes);
    const footer = alignBlock(this.#footerBytes + this.#footerShare(operation) + endBytes - bytes, blockBytes);
    const headroom = isGrowth(operation) ? headroomBytes(this.#limits) : 0;
    return end + footer + headroom <= trailerPosition(chunkBytes, blockBytes);
  }

  #stageOperation(operation: GroupOperation): void {
    const { group } = operation;
    const { builder, rows, effects } = this.#staging;
    this.#footerBytes += this.#footerShare(operation);
    this.#statesBytes -= this.#statesShare(group);
    const positions = encodeOperation(operation, builder, group.staged, group.stagedTerms);
    group.staged = stateAfter(operation, group.staged, group.stagedTerms);
    if (operation.kind === 'create') this.#stagedGroups.set(group.id, group);
    if (operation.kind === 'destroy') this.#stagedGroups.delete(group.id);
    this.#statesBytes += this.#statesShare(group);
    effects.push({ operation, positions });
    rows.set(group.id, this.#rowAfter(operation, rows.get(group.id) ?? null));
  }

  #statesShare(group: Group): number {
    return this.#stagedGroups.get(group.id) === group ? stateBytesTwice(group.staged) : 0;
  }

  #rowAfter(operation: GroupOperation, row: TableRow | null): TableRow {
    const { group } = operation;
    const { lastIndex, lastTerm, purgedIndex, purgedTerm } = group.staged;
    const exists = this.#stagedGroups.get(group.id) === group;
    const kind = operation.kind === 'append' || operation.kind === 'repair' ? 'entry' : operation.kind;
    const first = operation.kind === 'append' ? (operation.entries[0]?.index ?? 0) : 0;
    return {
      group: group.id,
      kinds: withExistence((row?.kinds ?? 0) | bitOf(kind), exists),
      firstIndex: lesserFirst(row?.firstIndex ?? 0, first),
      lastIndex,
      lastTerm,
      purgedIndex,
      purgedTerm,
    };
  }

  #stageClose(): void {
    this.#staging.builder.add({ kind: 'close', group: 0, index: 0, term: 0, flags: 0, payload: new Uint8Array() });
  }

  #refuseTooLarge(operation: GroupOperation, { bytes }: OperationSize): void {
    if (bytes > this.#limits.batchBytes) throw this.#tooLarge(operation, bytes);
    if (operation.kind === 'create') this.#refuseLargeCheckpoint(stateBytesTwice(emptyState));
    if (operation.kind === 'userData') {
      const { data, group } = operation;
      this.#refuseLargeCheckpoint(stateBytesTwice({ userData: data }) - stateBytesTwice(group.staged));
    }
  }

  /** Every chunk begins with the state of every group. What makes them smaller is never refused. */
  #refuseLargeCheckpoint(addedBytes: number): void {
    const sizeBytes = this.#statesBytes + addedBytes;
    const limitBytes = checkpointLimitBytes(this.#limits);
    if (addedBytes < 0 || sizeBytes <= limitBytes) return;
    throw new OpError('RAFT_LOG_STATES_TOO_LARGE', { directory: this.#directory, sizeBytes, limitBytes });
  }

  #tooLarge(operation: GroupOperation, sizeBytes: number): OpError {
    const limitBytes = this.#limits.batchBytes;
    return new OpError('RAFT_LOG_TOO_LARGE', { group: operation.group.id, sizeBytes, limitBytes });
  }

  #refuseWhenFull(operation: Operation): void {
    if (this.space.isFull && isGrowth(operation)) throw this.#full();
  }

  /** Called when the operation has no room: if no chunk can follow, waiting does not help. */
  #refuseWithoutSpace(operation: Operation): void {
    const { number, position, previousEnd } = this.#next;
    const isBehindCut = position > previousEnd;
    const isChunkFresh = this.isReady && number === 2 && !isBehindCut && !this.hasStaged;
    if (isChunkFresh && !this.space.isReserveInUse && operation.kind !== 'close')
      throw this.#tooLarge(operation, sizeOf(operation).bytes);
    if (!this.space.isBlocked || this.space.hasSpare) return;
    if (isGrowth(operation)) {
      this.space.enterFull();
      throw this.#full();
    }
    if (!this.space.hasReserve && !this.hasStaged) throw this.#full();
  }

  #full(): OpError {
    return new OpError('RAFT_LOG_FULL', { directory: this.#directory });
  }

  #begin(): void {
    this.#staging.builder.begin(placeIn(this.#active, this.#next, this.#lastRows));
  }

  get #active(): Chunk {
    const chunk = this.#chunks.at(-1);
    invariant(chunk !== undefined, 'the log has no chunk yet');
    return chunk;
  }

  /** What the footer grows by when the operation is in the chunk. */
  #footerShare(operation: Operation): number {
    if (operation.kind === 'repair') return footerGroupBytes + footerEntryBytes;
    if (operation.kind !== 'append') return 0;
    const { group, entries } = operation;
    const isKnown = group.index.holdsIn(this.#active) || this.#staging.rows.has(group.id);
    let { lastTerm } = group.staged;
    let runs = 0;
    for (const { term } of entries) {
      if (term !== lastTerm) runs++;
      lastTerm = term;
    }
    return entries.length * footerEntryBytes + runs * footerRunBytes + (isKnown ? 8 : footerGroupBytes);
  }

  #countFooterBytes(): number {
    let bytes = footerBaseBytes;
    for (const group of this.groups.values()) {
      for (const { places, starts } of group.index.footerOf(this.#active, group.id)) {
        bytes += footerGroupBytes + starts.length * footerRunBytes + places.length * footerEntryBytes;
      }
    }
    return bytes;
  }

  #batchJob(): Running | null {
    if (!this.hasStaged) return null;
    const batch = this.#staging;
    const { position } = batch.builder;
    const { number } = batch.builder.place;
    const rows = [...batch.rows.values()];
    const written = batch.builder.finish(rows, 0);
    const endPosition = position + written.length;
    const bytes = this.#withStop(batch.builder, written.length, endPosition);
    this.#next = { position: endPosition, number: number + 1, previousEnd: endPosition };
    this.#lastRows = rows;
    this.#writtenBytes += bytes.length;
    this.#staging = this.#standby;
    this.#standby = batch;
    return { kind: 'batch', batch, job: { kind: 'write', bytes, position } };
  }

  /** In a recycled file the block behind the batch is zeroed with it, where an earlier life would look like a torn batch. */
  #withStop(builder: BatchBuilder, lengthBytes: number, endPosition: number): Uint8Array {
    const stop = this.#stopBytes(endPosition);
    builder.bytes.fill(0, lengthBytes, lengthBytes + stop);
    return builder.bytes.subarray(0, lengthBytes + stop);
  }

  #stopBytes(endPosition: number): number {
    const { blockBytes, chunkBytes } = this.#active.header;
    return this.#isRecycled && endPosition < trailerPosition(chunkBytes, blockBytes) ? blockBytes : 0;
  }

  #publish(batch: Batch): void {
    const published = { groups: this.groups, chunk: this.#active };
    for (const effect of batch.effects) publish(effect, published);
    batch.effects.length = 0;
    batch.rows.clear();
  }

  /** The files' thread opens the chunk that an earlier process left. */
  #resumption(): Running | null {
    if (!this.#needsResume) return null;
    this.#needsResume = false;
    const { path, header } = this.#active;
    return other({ kind: 'resume', path, sizeBytes: header.chunkBytes });
  }

  /** The newest chunk was made by a process that died before it wrote a checkpoint there. */
  #firstCheckpoint(): Running | null {
    if (!this.#needsCheckpoint) return null;
    const { blockBytes } = this.#active.header;
    const { position, bytes } = checkpointOf(this.#active, this.groups.values(), blockBytes);
    this.#needsCheckpoint = false;
    this.#baseSequence = this.#active.header.sequence;
    const endPosition = position + bytes.length - blockBytes;
    this.#next = { position: endPosition, number: 2, previousEnd: endPosition };
    return { kind: 'other', job: { kind: 'write', bytes, position } };
  }

  #rotation(): Running | null {
    const file = this.space.takeNext();
    if (file === null) return null;
    const old = this.#chunks.at(-1) ?? null;
    const chunk = this.#makeNextChunk(old);
    const { blockBytes } = chunk.header;
    const seal = old === null ? null : this.#sealOf(old, chunk);
    const checkpoint = checkpointOf(chunk, this.groups.values(), file.isRecycled ? blockBytes : 0);
    const header = headerBytesOf(chunk);
    const job = { kind: 'rotate', from: file.path, to: chunk.path, header, seal, checkpoint } as const;
    return { kind: 'rotate', job, chunk, isRecycled: file.isRecycled };
  }

  #makeNextChunk(old: Chunk | null): Chunk {
    const { chunkBytes, blockBytes } = this.#limits;
    const sequence = (old?.header.sequence ?? 0) + 1;
    const previousSalt = old?.header.salt ?? new Uint8Array(saltBytes);
    const salt = this.#random.bytes(saltBytes);
    const header = { version: formatVersion, sequence, salt, logId: this.#logId, previousSalt, chunkBytes, blockBytes };
    return makeChunk(this.#directory, header);
  }

  /** A footer says where entries are, and not which are lost. Batches do: they are read at each open then. */
  #sealOf(old: Chunk, next: Chunk): RotateJob['seal'] {
    const place = placeIn(old, this.#next, this.#lastRows);
    const groups = old.isShortOfSlots ? [] : this.groups.values();
    return sealOf({ chunk: old, groups, place, nextSalt: next.header.salt });
  }

  #rotated({ chunk, job, isRecycled }: Running & { kind: 'rotate' }): void {
    const { position, bytes } = job.checkpoint;
    const old = this.#chunks.at(-1);
    if (old !== undefined) old.isSealed = true;
    this.#chunks.push(chunk);
    this.#baseSequence = chunk.header.sequence;
    this.#isRecycled = isRecycled;
    const endPosition = position + bytes.length - (isRecycled ? chunk.header.blockBytes : 0);
    this.#next = { position: endPosition, number: 2, previousEnd: endPosition };
    this.#lastRows = [];
    this.#footerBytes = footerBaseBytes;
    // The batch that found no room had begun in the old chunk.
    this.#staging = makeBatchOf(this.#staging.builder.bytes);
  }

  /** Chores keep step with what is written, also when the log is never idle; one at a time, between batches. */
  #dueChore(): Running | null {
    const paceBytes = this.#limits.prepareBytes * chorePace;
    if (this.#writtenBytes < paceBytes) return null;
    const chore = this.#chore();
    // Nothing is owed for a time without chores: the batches behind it would wait for all of them.
    this.#writtenBytes = chore === null ? 0 : this.#writtenBytes - paceBytes;
    return chore;
  }

  #chore(): Running | null {
    return this.#retirement() ?? other(this.space.nextStep());
  }

  /** The oldest chunk, when no group needs anything in it. */
  #retirement(): Running | null {
    const oldest = this.#chunks[0];
    if (oldest === undefined || !this.#isDispensable(oldest)) return null;
    const isReusable = oldest.header.chunkBytes === this.#limits.chunkBytes;
    return other({ kind: 'retire', path: oldest.path, to: isReusable ? this.space.retirementPath() : null });
  }

  /** Its entries are purged, durably, and the state of every group stands in a later chunk. */
  #isDispensable({ references, header }: Chunk): boolean {
    return references === 0 && header.sequence < this.#baseSequence;
  }

  #retired(to: string | null): void {
    const chunk = this.#chunks.shift();
    this.space.retired(to, chunk?.header.chunkBytes ?? 0);
  }
}

function other(job: Job | null): Running | null {
  return job === null ? null : { kind: 'other', job };
}

function makeBatch({ batchBytes, blockBytes }: LogLimits): Batch {
  // Each row of the table, of this batch and of the one before, stands for a record of at least 32 bytes.
  const tableMax = 2 * batchBytes * (rowBytes / recordHeaderBytes);
  return makeBatchOf(
    new Uint8Array(new SharedArrayBuffer(alignBlock(batchBytes + tableMax, blockBytes) + 8 * blockBytes)),
  );
}

function makeBatchOf(bytes: Uint8Array): Batch {
  return { builder: new BatchBuilder(bytes), rows: new Map(), effects: [] };
}
