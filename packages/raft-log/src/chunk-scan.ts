// The decoder: every record of a chunk in the order in which it was written, with its position, and every place that does not
// verify. It works on damaged, torn and live files alike and decides what damage means:
//
// - A batch that does not verify although a later one exists was durable before that one was written: it is `damaged`.
// - With no later one nobody can know whether it was torn by a crash before its fdatasync returned, or rotted after it was
//   acknowledged: it is the `tail`, and ambiguous.
// - A tail that an earlier recovery cut stays in the file; the batch after says so, and it is `abandoned`.
//
// Inside a batch that does not verify the records that do are still found, each at its own place.
import { isDeepStrictEqual } from 'node:util';
import { batchHeadBytes, decodeBatchHead, type BatchHead } from './batch-head.ts';
import { decodeTable, hasKind, type BatchTable, type TableRow } from './batch-table.ts';
import { fileSeed } from './checksum.ts';
import { firstBatchPosition, type FileHeader } from './file-header.ts';
import { trailerPosition } from './footer.ts';
import { alignBlock, isZero, recordAlignment, recordBytes, viewOf } from './format.ts';
import { decodeRecordHeader, isPayloadIntact, payloadOf, type RecordHeader, type Region } from './record-header.ts';

export interface Range {
  readonly position: number;
  readonly lengthBytes: number;
}

export interface Damage extends Range {
  readonly reason: string;
}

export interface FoundRecord {
  readonly position: number;
  readonly header: RecordHeader;
  /** null when the header verifies and the payload does not. */
  readonly payload: Uint8Array | null;
}

export type Standing = 'sound' | 'damaged' | 'tail' | 'abandoned';

export interface FoundBatch {
  readonly standing: Standing;
  readonly position: number;
  /** Where the next batch begins, or may begin. */
  readonly endPosition: number;
  /** null when it is lost. */
  readonly head: BatchHead | null;
  /** Without the head; second copies are marked in their headers. */
  readonly records: readonly FoundRecord[];
  readonly damages: readonly Damage[];
  /** What the next batch tells of this one's end; null when it tells nothing, or when this one's own table is there. */
  readonly rowsOfNext: readonly TableRow[] | null;
  /** Something was in here of which neither a record nor a table is left. */
  readonly isUnknown: boolean;
}

/** A chunk's bytes, as far as they could be read. */
export interface ChunkBytes {
  readonly header: FileHeader;
  readonly bytes: Uint8Array;
  /** The disk refused these; the bytes are zeroes. */
  readonly unreadable: readonly Range[];
}

export interface ScanOptions {
  /** Something that was written later is known to exist: nothing in here is ambiguous. */
  readonly isFollowed: boolean;
}

export function* scanChunk(chunk: ChunkBytes, options: ScanOptions): Generator<FoundBatch, void, void> {
  yield* new ChunkScan(chunk, options).batches();
}

interface Survivors {
  readonly records: FoundRecord[];
  readonly damages: Damage[];
}

class ChunkScan {
  readonly #region: Region;
  readonly #salt: Uint8Array;
  readonly #blockBytes: number;
  readonly #endPosition: number;
  readonly #unreadable: readonly Range[];
  readonly #isFollowed: boolean;
  #lastNumber = 0;
  /** What the batch before said; null when that one does not verify. Nothing is before the first one. */
  #rowsBefore: readonly TableRow[] | null = [];

  constructor({ header, bytes, unreadable }: ChunkBytes, { isFollowed }: ScanOptions) {
    this.#endPosition = Math.min(bytes.length, trailerPosition(header.chunkBytes, header.blockBytes));
    const data = bytes.subarray(0, this.#endPosition);
    this.#region = { bytes: data, view: viewOf(data), position: 0, seed: fileSeed(header.salt) };
    this.#salt = header.salt;
    this.#blockBytes = header.blockBytes;
    this.#unreadable = unreadable;
    this.#isFollowed = isFollowed;
  }

  *batches(): Generator<FoundBatch, void, void> {
    let position = firstBatchPosition(this.#blockBytes);
    while (position < this.#endPosition) {
      const head = this.#headAt(position);
      const batch = head === null ? this.#headless(position) : this.#headed(head);
      if (batch === null) return;
      yield batch;
      if (batch.standing === 'tail') return;
      this.#lastNumber = head?.number ?? this.#lastNumber;
      this.#rowsBefore = batch.standing === 'sound' ? (tablesOf(batch.records)[0]?.rows ?? null) : null;
      position = batch.endPosition;
    }
  }

  #headAt(position: number): BatchHead | null {
    return decodeBatchHead(this.#region, position, this.#salt);
  }

  #nextHead(from: number): BatchHead | null {
    for (let position = from; position < this.#endPosition; position += this.#blockBytes) {
      const head = this.#headAt(position);
      if (head !== null) return head;
    }
    return null;
  }

  #headed(head: BatchHead): FoundBatch {
    const { position } = head;
    const { records, damages } = this.#survivors(position + batchHeadBytes, position + head.batchBytes);
    const endPosition = alignBlock(position + head.batchBytes, this.#blockBytes);
    const batch = { position, endPosition, head, records, damages, rowsOfNext: null, isUnknown: false };
    if (damages.length === 0 && isCountRight(head, records)) return { ...batch, standing: 'sound' };
    const next = this.#nextHead(endPosition);
    const standing = this.#standingBefore(next, position);
    const cutEnd = standing === 'damaged' ? endPosition : this.#endOfCut(endPosition, next);
    if (cutEnd > endPosition) return { ...batch, standing, endPosition: cutEnd, isUnknown: true };
    if (hasTable(records)) return { ...batch, standing };
    // The next one repeats nothing of what was cut, nor of what stands before a cut.
    const isRepeated = next?.previousEnd === endPosition && next.position === endPosition;
    const rowsOfNext = isRepeated ? this.#previousRowsOf(next) : null;
    return { ...batch, standing, rowsOfNext, isUnknown: rowsOfNext === null };
  }

  /** The batch, or the batches, of which no head is left; null where the log ends. */
  #headless(position: number): FoundBatch | null {
    const next = this.#nextHead(position + this.#blockBytes);
    const limit = next?.position ?? this.#endPosition;
    const survivors = this.#survivors(position, limit);
    if (next === null && !this.#hasTrace(position, survivors.records)) return null;
    const standing = this.#standingBefore(next, position);
    const { endPosition, isToldToItsEnd } = this.#extentOf(position, survivors.records, next);
    const damages = clip(survivors.damages, endPosition);
    const rowsOfNext = next === null ? null : this.#previousRowsOf(next);
    const isTold =
      next !== null && standing === 'damaged'
        ? this.#isOneBefore(next) && (rowsOfNext !== null || survivors.records.some(isTable))
        : isToldToItsEnd && this.#isOneOf(survivors.records);
    return {
      standing,
      position,
      endPosition,
      head: null,
      records: survivors.records,
      damages: damages.length > 0 ? damages : [{ position, lengthBytes: endPosition - position, reason: lostHead }],
      rowsOfNext,
      isUnknown: !isTold,
    };
  }

  /**
   * Whether one batch is lost before this one. Where more are, or where the one before is damaged too, a recovery may have cut
   * some of them, and have said so in a head that is lost as well: then tables of what was cut pass for those that are missed.
   */
  #isOneBefore(next: BatchHead): boolean {
    return this.#rowsBefore !== null && next.number === this.#lastNumber + 2;
  }

  /** With no head that counts them, it is one batch if its table repeats what the one before said, and no other can. */
  #isOneOf(records: readonly FoundRecord[]): boolean {
    const before = this.#rowsBefore;
    if (before === null || before.some(mayBeSaidTwice)) return false;
    const repeated = tablesOf(records).map(({ previousRows }) => previousRows);
    return isDeepStrictEqual(repeated, [before]);
  }

  /**
   * Behind a batch that is cut others may have been begun, of which no head is left: whatever they held is cut with it. What is
   * written next goes behind them, so that each later open finds the same gap.
   */
  #endOfCut(position: number, next: BatchHead | null): number {
    if (next !== null) return next.position;
    const { records } = this.#survivors(position, this.#endPosition);
    return this.#hasTrace(position, records) ? this.#endOf(position, records) : position;
  }

  #standingBefore(next: BatchHead | null, position: number): Standing {
    if (next === null) return this.#isFollowed ? 'damaged' : 'tail';
    return wasCutAt(next, position) ? 'abandoned' : 'damaged';
  }

  /** All is told if a table comes last, with its copies, and nothing behind it. */
  #extentOf(
    position: number,
    records: readonly FoundRecord[],
    next: BatchHead | null,
  ): { readonly endPosition: number; readonly isToldToItsEnd: boolean } {
    const recordsEnd = this.#endOf(position, records);
    const behindBytes = this.#hasTrace(recordsEnd, []) ? this.#blockBytes : 0;
    const endPosition = next?.position ?? recordsEnd + behindBytes;
    return { endPosition, isToldToItsEnd: endPosition === recordsEnd && endsWithTable(records) };
  }

  /** A batch was begun here: something of it reached the disk. Where nothing did, nothing was acknowledged. */
  #hasTrace(position: number, records: readonly FoundRecord[]): boolean {
    const end = Math.min(position + this.#blockBytes, this.#endPosition);
    if (this.#isUnreadable(position, end)) return true;
    if (!isZero(this.#region.bytes, position, end)) return true;
    return records.some((record) => record.payload !== null);
  }

  #isUnreadable(from: number, to: number): boolean {
    return this.#unreadable.some(({ position, lengthBytes }) => position < to && position + lengthBytes > from);
  }

  #endOf(position: number, records: readonly FoundRecord[]): number {
    const last = records.findLast((record) => record.payload !== null);
    const end = last === undefined ? position + 1 : last.position + recordBytes(last.header.payloadBytes);
    return alignBlock(end, this.#blockBytes);
  }

  #previousRowsOf(head: BatchHead): readonly TableRow[] | null {
    const { records } = this.#survivors(head.position + batchHeadBytes, head.position + head.batchBytes);
    const payload = records.find(isTable)?.payload ?? null;
    return payload === null ? null : decodeTable(payload).previousRows;
  }

  /** The records that verify between two places. What does not is searched for the next one that does. */
  #survivors(from: number, to: number): Survivors {
    const records: FoundRecord[] = [];
    const damages: Damage[] = [];
    let lostFrom = -1;
    for (let offset = from; offset < to;) {
      const header = decodeRecordHeader(this.#region, offset, to);
      if (header === null) {
        if (lostFrom === -1) lostFrom = offset;
        offset += recordAlignment;
        continue;
      }
      if (lostFrom !== -1) damages.push({ position: lostFrom, lengthBytes: offset - lostFrom, reason: lostHeader });
      lostFrom = -1;
      const isIntact = isPayloadIntact(this.#region, offset, header);
      records.push({ position: offset, header, payload: isIntact ? payloadOf(this.#region, offset, header) : null });
      const lengthBytes = recordBytes(header.payloadBytes);
      if (!isIntact) damages.push({ position: offset, lengthBytes, reason: lostPayload(header) });
      offset += lengthBytes;
    }
    if (lostFrom !== -1) damages.push({ position: lostFrom, lengthBytes: to - lostFrom, reason: lostHeader });
    return { records, damages };
  }
}

const lostHeader = 'no record verifies here';
const lostHead = 'the head of a batch does not verify';

function lostPayload(header: RecordHeader): string {
  const what = header.kind === 'entry' ? `entry ${header.index} of group ${header.group}` : `a ${header.kind} record`;
  return `the payload of ${what} does not verify`;
}

function isCountRight(head: BatchHead, records: readonly FoundRecord[]): boolean {
  return records.length === head.recordCount;
}

/** A recovery cut what begins at `position`, and wrote on at `next`. */
function wasCutAt(next: BatchHead, position: number): boolean {
  return next.previousEnd === position;
}

function isTable(record: FoundRecord): boolean {
  return record.header.kind === 'table' && record.payload !== null;
}

/** What follows a table without a hole, up to the last record, are the copies of its own batch. */
function endsWithTable(records: readonly FoundRecord[]): boolean {
  const table = records.findLastIndex(isTable);
  const behind = records.slice(table + 1);
  return table !== -1 && behind.every((record, at) => record.position === endOf(records[table + at]));
}

function endOf(record: FoundRecord | undefined): number | null {
  return record === undefined ? null : record.position + recordBytes(record.header.payloadBytes);
}

function tablesOf(records: readonly FoundRecord[]): BatchTable[] {
  return records.flatMap(({ header: { kind }, payload }) =>
    kind !== 'table' || payload === null ? [] : [decodeTable(payload)],
  );
}

/** Two batches in a row that hold one vote each leave the same rows, though not the same vote. */
function mayBeSaidTwice(row: TableRow): boolean {
  return hasKind(row, 'vote') || hasKind(row, 'userData');
}

function hasTable(records: readonly FoundRecord[]): boolean {
  return records.some(isTable);
}

function clip(damages: readonly Damage[], endPosition: number): Damage[] {
  return damages
    .filter(({ position }) => position < endPosition)
    .map((damage) => ({ ...damage, lengthBytes: Math.min(damage.lengthBytes, endPosition - damage.position) }));
}
