// The table at the end of each batch: for every group that the batch touches, the state in which the batch leaves it, beside
// the same rows of the batch before. Whoever finds a batch damaged learns from it, or from the next batch, which slots are
// lost; without it a lost entry at the end of a group would leave no trace.
import { invariant } from '@holdfast/base';
import { readCounter, recordKinds, viewOf, writeCounter, type RecordKind } from './format.ts';

export interface TableRow {
  readonly group: number;
  /** Bit k for each kind number k that the batch holds of this group; bit 0: the group exists afterwards. */
  kinds: number;
  /** The least index that the batch appends; 0 if it appends none. Everything from there to the last index stands in the batch. */
  firstIndex: number;
  lastIndex: number;
  lastTerm: number;
  purgedIndex: number;
  purgedTerm: number;
}

export interface BatchTable {
  readonly rows: readonly TableRow[];
  /** Of the batch before in this chunk. */
  readonly previousRows: readonly TableRow[];
}

export const rowBytes = 40;
const headBytes = 8;
const existsBit = 1;
const at = {
  group: 0,
  kinds: 4,
  firstIndex: 8,
  lastIndex: 14,
  lastTerm: 20,
  purgedIndex: 26,
  purgedTerm: 32,
} as const;

export function tableBytes(rows: number): number {
  return headBytes + rows * rowBytes;
}

export function bitOf(kind: RecordKind): number {
  return 1 << recordKinds[kind];
}

export function hasKind(row: TableRow, kind: RecordKind): boolean {
  return (row.kinds & bitOf(kind)) !== 0;
}

/** Of two first indexes, of which 0 is none. */
export function lesserFirst(one: number, other: number): number {
  return one === 0 || other === 0 ? Math.max(one, other) : Math.min(one, other);
}

export function existsAfter(row: TableRow): boolean {
  return (row.kinds & existsBit) !== 0;
}

export function withExistence(kinds: number, exists: boolean): number {
  return exists ? kinds | existsBit : kinds & ~existsBit;
}

export function encodeTable(table: BatchTable, into: Uint8Array): void {
  const view = viewOf(into);
  view.setUint32(0, table.rows.length, true);
  view.setUint32(4, table.previousRows.length, true);
  let offset = headBytes;
  for (const rows of [table.rows, table.previousRows]) {
    for (const row of rows) {
      encodeRow(row, view, offset);
      offset += rowBytes;
    }
  }
}

export function decodeTable(payload: Uint8Array): BatchTable {
  const view = viewOf(payload);
  const rows = view.getUint32(0, true);
  const previous = view.getUint32(4, true);
  invariant(payload.length === tableBytes(rows + previous), 'a table that verified has another length than it says');
  const all = Array.from({ length: rows + previous }, (_, index) => decodeRow(view, headBytes + index * rowBytes));
  return { rows: all.slice(0, rows), previousRows: all.slice(rows) };
}

function encodeRow(row: TableRow, view: DataView, offset: number): void {
  view.setUint32(offset + at.group, row.group, true);
  view.setUint32(offset + at.kinds, row.kinds >>> 0, true);
  writeCounter(view, offset + at.firstIndex, row.firstIndex);
  writeCounter(view, offset + at.lastIndex, row.lastIndex);
  writeCounter(view, offset + at.lastTerm, row.lastTerm);
  writeCounter(view, offset + at.purgedIndex, row.purgedIndex);
  writeCounter(view, offset + at.purgedTerm, row.purgedTerm);
}

function decodeRow(view: DataView, offset: number): TableRow {
  return {
    group: view.getUint32(offset + at.group, true),
    kinds: view.getUint32(offset + at.kinds, true),
    firstIndex: readCounter(view, offset + at.firstIndex),
    lastIndex: readCounter(view, offset + at.lastIndex),
    lastTerm: readCounter(view, offset + at.lastTerm),
    purgedIndex: readCounter(view, offset + at.purgedIndex),
    purgedTerm: readCounter(view, offset + at.purgedTerm),
  };
}
