// The numbers of the format (docs/format.md says them byte by byte), and how they are laid into bytes. All integers are
// little-endian; counters have 48 bits, which a number holds exactly.
import { invariant } from '@holdfast/base';

export const formatVersion = 1;

/** Records begin at multiples of this. */
export const recordAlignment = 8;
export const recordHeaderBytes = 32;
/** Marks a record's header, so that a search need not compute a checksum at every place. */
export const recordMagic = 0x4652;

/** No counter of the log goes beyond 48 bits. */
export const counterMax = 2 ** 48 - 1;
export const groupMax = 2 ** 32 - 1;
/** Positions are kept as a 32-bit count of 8 bytes. */
export const chunkBytesMax = 2 ** 32;

/** The kinds of records; the numbers stand in files and keep their meaning for ever. */
export const recordKinds = {
  batch: 1,
  entry: 2,
  vote: 3,
  commit: 4,
  truncate: 5,
  purge: 6,
  userData: 7,
  snapshot: 8,
  create: 9,
  destroy: 10,
  state: 11,
  gap: 12,
  close: 13,
  checkpoint: 14,
  settle: 15,
  table: 16,
  footer: 17,
} as const;
export type RecordKind = keyof typeof recordKinds;

const kindNames = new Map<number, RecordKind>();
for (const [name, number] of Object.entries(recordKinds)) kindNames.set(number, name as RecordKind);

export function kindOf(number: number): RecordKind | null {
  return kindNames.get(number) ?? null;
}

/** Flags of a record's header. */
export const recordFlags = { isCopy: 1, isRepair: 2, isInDoubt: 4 } as const;
export const knownFlags = recordFlags.isCopy | recordFlags.isRepair | recordFlags.isInDoubt;

export function alignRecord(bytes: number): number {
  return bytes + (-bytes & (recordAlignment - 1));
}

export function alignBlock(position: number, blockBytes: number): number {
  return Math.ceil(position / blockBytes) * blockBytes;
}

/** What a record takes in the file. */
export function recordBytes(payloadBytes: number): number {
  return recordHeaderBytes + alignRecord(payloadBytes);
}

export function isCounter(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= counterMax;
}

const low = 2 ** 32;

export function writeCounter(view: DataView, at: number, value: number): void {
  // The text is made only for who needs it: this runs several times for each record.
  if (!isCounter(value)) invariant(false, `the counter ${value} has no 48 bits`);
  view.setUint32(at, value % low, true);
  view.setUint16(at + 4, value / low, true);
}

export function readCounter(view: DataView, at: number): number {
  return view.getUint16(at + 4, true) * low + view.getUint32(at, true);
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function isZero(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at] !== 0) return false;
  return true;
}

/** Bytes of one's own; `slice` of a Buffer would only be another view of memory that somebody reuses. */
export function copyOf(bytes: Uint8Array, from = 0, to = bytes.length): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes.subarray(from, to));
}
