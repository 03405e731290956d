// Lays records into a buffer so that the buffer is one write: head, records, table, and the second copies of what is kept
// twice in blocks of their own behind a gap. Checksums are computed as records arrive, so that the place in the file is
// fixed when a batch begins.
import { invariant } from '@holdfast/base';
import { batchHeadBytes, encodeHeadPayload, headPayloadBytes } from './batch-head.ts';
import { encodeTable, tableBytes, type TableRow } from './batch-table.ts';
import { alignBlock, recordBytes, recordFlags, recordHeaderBytes, viewOf } from './format.ts';
import { encodeRecordHeader, type RecordFields, type Region } from './record-header.ts';

export interface BatchPlace {
  readonly position: number;
  readonly number: number;
  readonly previousEnd: number;
  readonly seed: number;
  readonly salt: Uint8Array;
  readonly blockBytes: number;
  readonly previousRows: readonly TableRow[];
}

export interface NewRecord extends RecordFields {
  readonly payload: Uint8Array;
}

interface Doubled {
  readonly fields: RecordFields;
  readonly offset: number;
  readonly payloadBytes: number;
}

export class BatchBuilder {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #place: BatchPlace | null = null;
  #region: Region | null = null;
  #offset = 0;
  #records = 0;
  #doubled: Doubled[] = [];
  #doubledBytes = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
  }

  get bytes(): Uint8Array {
    return this.#bytes;
  }
  get isBegun(): boolean {
    return this.#place !== null;
  }
  /** Records without the head. */
  get records(): number {
    return this.#records;
  }
  get position(): number {
    return this.place.position;
  }

  get place(): BatchPlace {
    invariant(this.#place !== null, 'a batch that has not begun has no place');
    return this.#place;
  }

  begin(place: BatchPlace): void {
    invariant(place.position % place.blockBytes === 0, 'a batch begins with a block');
    this.#place = place;
    this.#region = { bytes: this.#bytes, view: this.#view, position: place.position, seed: place.seed };
    this.#offset = batchHeadBytes;
    this.#records = 0;
    this.#doubled = [];
    this.#doubledBytes = 0;
  }

  /** What the batch will take, if it ends with `rows` in its table and `added` bytes more, of which `addedTwice` are copied. */
  endBytes(rows: number, added = 0, addedTwice = 0): number {
    const table = recordBytes(tableBytes(rows + this.place.previousRows.length));
    const copies = this.#doubledBytes + addedTwice;
    const gap = copies === 0 ? 0 : recordHeaderBytes + this.place.blockBytes;
    return this.#offset + added + table + gap + copies;
  }

  /** Returns the position of the record in the file. */
  add(record: NewRecord): number {
    this.#bytes.set(record.payload, this.#offset + recordHeaderBytes);
    return this.#addInPlace(record, record.payload.length);
  }

  /** The payload stands where it belongs already. */
  #addInPlace(fields: RecordFields, payloadBytes: number): number {
    const offset = this.#offset;
    const payloadEnd = offset + recordHeaderBytes + payloadBytes;
    const endOffset = offset + recordBytes(payloadBytes);
    if (payloadEnd < endOffset) this.#bytes.fill(0, payloadEnd, endOffset);
    const region = this.#openRegion;
    encodeRecordHeader(region, offset, fields, payloadBytes);
    this.#offset = endOffset;
    this.#records++;
    return region.position + offset;
  }

  /** As `add`, with a second copy in a later block: one bad block does not lose it. */
  addTwice(record: NewRecord): void {
    const { kind, group, index, term, flags } = record;
    const fields = { kind, group, index, term, flags: flags | recordFlags.isCopy };
    this.#doubled.push({ fields, offset: this.#offset, payloadBytes: record.payload.length });
    this.#doubledBytes += recordBytes(record.payload.length);
    this.add(record);
  }

  /**
   * Completes the batch; the bytes of the result are what is written at the batch's place. `stopBytes` zeroes follow it: in
   * a recycled file they take away what an earlier life left where the next batch will begin.
   */
  finish(rows: readonly TableRow[], stopBytes: number): Uint8Array {
    const { place } = this;
    const payload = this.#offset + recordHeaderBytes;
    const payloadBytes = tableBytes(rows.length + place.previousRows.length);
    const table = this.#bytes.subarray(payload, payload + payloadBytes).fill(0);
    encodeTable({ rows, previousRows: place.previousRows }, table);
    this.#addInPlace({ kind: 'table', group: 0, index: 0, term: 0, flags: 0 }, payloadBytes);
    if (this.#doubled.length > 0) this.#addCopies();
    const lengthBytes = this.#offset;
    this.#encodeHead(lengthBytes);
    const written = alignBlock(lengthBytes, place.blockBytes) + stopBytes;
    this.#bytes.fill(0, lengthBytes, written);
    this.#place = null;
    this.#region = null;
    return this.#bytes.subarray(0, written);
  }

  get #openRegion(): Region {
    invariant(this.#region !== null, 'records are added to a batch that has begun');
    return this.#region;
  }

  #addCopies(): void {
    const gapEnd = alignBlock(this.#offset + recordHeaderBytes, this.place.blockBytes);
    const gap = new Uint8Array(gapEnd - this.#offset - recordHeaderBytes);
    this.add({ kind: 'gap', group: 0, index: 0, term: 0, flags: 0, payload: gap });
    for (const { fields, offset, payloadBytes } of this.#doubled) {
      const payload = offset + recordHeaderBytes;
      this.add({ ...fields, payload: this.#bytes.subarray(payload, payload + payloadBytes) });
    }
  }

  #encodeHead(batchBytes: number): void {
    const { position, number, previousEnd, salt } = this.place;
    const payload = this.#bytes.subarray(recordHeaderBytes, batchHeadBytes);
    encodeHeadPayload({ position, number, batchBytes, recordCount: this.#records, previousEnd }, salt, payload);
    const fields = { kind: 'batch', group: 0, index: position, term: number, flags: 0 } as const;
    encodeRecordHeader(this.#openRegion, 0, fields, headPayloadBytes);
  }
}
