// The 32 bytes before each record's payload. The header has a checksum of its own that covers the length, so a flipped
// bit in a length is damage of one record and not the end of the log; the payload's checksum stands in the header.
import { checksum, headerStart, payloadStart } from './checksum.ts';
import {
  kindOf,
  knownFlags,
  readCounter,
  recordBytes,
  recordFlags,
  recordHeaderBytes,
  recordKinds,
  recordMagic,
  writeCounter,
  type RecordKind,
} from './format.ts';

export interface RecordHeader {
  readonly kind: RecordKind;
  readonly isCopy: boolean;
  readonly isRepair: boolean;
  /** Of a vote: an earlier one was lost when it was written, and it may be less than that one. */
  readonly isInDoubt: boolean;
  readonly payloadBytes: number;
  readonly group: number;
  readonly index: number;
  readonly term: number;
  readonly payloadChecksum: number;
}

/** What of a header its writer chooses. */
export interface RecordFields {
  readonly kind: RecordKind;
  readonly group: number;
  readonly index: number;
  readonly term: number;
  readonly flags: number;
}

const at = {
  kind: 0,
  flags: 1,
  magic: 2,
  payloadBytes: 4,
  group: 8,
  payloadChecksum: 12,
  index: 16,
  term: 22,
  headerChecksum: 28,
} as const;

/** Bytes that are read and written as one piece of a file: `bytes[0]` lies at `position` of the file with `seed`. */
export interface Region {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly position: number;
  readonly seed: number;
}

/** Writes the header of the record at `offset`, whose payload of `payloadBytes` stands behind it already. */
export function encodeRecordHeader(region: Region, offset: number, fields: RecordFields, payloadBytes: number): void {
  const { bytes, view, seed } = region;
  const position = region.position + offset;
  const payload = offset + recordHeaderBytes;
  const start = payloadStart(seed, position, fields.group);
  view.setUint8(offset + at.kind, recordKinds[fields.kind]);
  view.setUint8(offset + at.flags, fields.flags);
  view.setUint16(offset + at.magic, recordMagic, true);
  view.setUint32(offset + at.payloadBytes, payloadBytes, true);
  view.setUint32(offset + at.group, fields.group, true);
  view.setUint32(offset + at.payloadChecksum, checksum(bytes, payload, payload + payloadBytes, start), true);
  writeCounter(view, offset + at.index, fields.index);
  writeCounter(view, offset + at.term, fields.term);
  const end = offset + at.headerChecksum;
  view.setUint32(end, checksum(bytes, offset, end, headerStart(seed, position)), true);
}

/** The header at `offset`, or null if none verifies there that ends before `endOffset`. */
export function decodeRecordHeader(region: Region, offset: number, endOffset: number): RecordHeader | null {
  const { view } = region;
  if (offset + recordHeaderBytes > endOffset) return null;
  if (!hasRecordMagic(view, offset) || !isRecordHeaderIntact(region, offset)) return null;
  const kind = kindOf(view.getUint8(offset + at.kind));
  const flags = view.getUint8(offset + at.flags);
  const payloadBytes = view.getUint32(offset + at.payloadBytes, true);
  if (kind === null || (flags & ~knownFlags) !== 0) return null;
  if (!fits(offset, payloadBytes, endOffset)) return null;
  return {
    kind,
    isCopy: (flags & recordFlags.isCopy) !== 0,
    isRepair: (flags & recordFlags.isRepair) !== 0,
    isInDoubt: (flags & recordFlags.isInDoubt) !== 0,
    payloadBytes,
    group: view.getUint32(offset + at.group, true),
    index: readCounter(view, offset + at.index),
    term: readCounter(view, offset + at.term),
    payloadChecksum: view.getUint32(offset + at.payloadChecksum, true),
  };
}

function hasRecordMagic(view: DataView, offset: number): boolean {
  return view.getUint16(offset + at.magic, true) === recordMagic;
}

function isRecordHeaderIntact(region: Region, offset: number): boolean {
  const end = offset + at.headerChecksum;
  const start = headerStart(region.seed, region.position + offset);
  return region.view.getUint32(end, true) === checksum(region.bytes, offset, end, start);
}

function fits(offset: number, payloadBytes: number, endOffset: number): boolean {
  return offset + recordBytes(payloadBytes) <= endOffset;
}

/** Whether the payload behind a header that verified is what was written. */
export function isPayloadIntact(region: Region, offset: number, header: RecordHeader): boolean {
  const start = payloadStart(region.seed, region.position + offset, header.group);
  const payload = offset + recordHeaderBytes;
  return checksum(region.bytes, payload, payload + header.payloadBytes, start) === header.payloadChecksum;
}

export function payloadOf(region: Region, offset: number, header: RecordHeader): Uint8Array {
  const payload = offset + recordHeaderBytes;
  return region.bytes.subarray(payload, payload + header.payloadBytes);
}
