// The first record of each batch: the durable mark. A batch is written only after the fdatasync of the one before
// returned, so a head that verifies proves that everything before its place was durable: damage there is rot and not a
// torn write. The head also says where the batch before ended; what lies between was cut by a recovery.
import { recordBytes, viewOf } from './format.ts';
import { decodeRecordHeader, isPayloadIntact, payloadOf, type Region } from './record-header.ts';
import { isSameSalt, saltBytes } from './file-header.ts';

export interface BatchHead {
  /** Where the batch begins: everything before was durable when it was written. */
  readonly position: number;
  /** Counts the batches of a chunk, from 1. */
  readonly number: number;
  /** With its head, without the rest of its last block. */
  readonly batchBytes: number;
  readonly recordCount: number;
  /** Where the batch before ended, or the first batch's place: [previousEnd, position) was given up. */
  readonly previousEnd: number;
}

export const headPayloadBytes = 24;
export const batchHeadBytes = recordBytes(headPayloadBytes);
const at = { salt: 0, batchBytes: 8, recordCount: 12, previousEnd: 16 } as const;

export function encodeHeadPayload(head: BatchHead, salt: Uint8Array, into: Uint8Array): void {
  const view = viewOf(into);
  into.set(salt, at.salt);
  view.setUint32(at.batchBytes, head.batchBytes, true);
  view.setUint32(at.recordCount, head.recordCount, true);
  view.setUint32(at.previousEnd, head.previousEnd, true);
  view.setUint32(at.previousEnd + 4, 0, true);
}

/** The head at `offset`, or null if no batch of this life of the file begins there and ends within the region. */
export function decodeBatchHead(region: Region, offset: number, salt: Uint8Array): BatchHead | null {
  const head = decodeLoneHead(region, offset, salt);
  if (head === null) return null;
  return offset + head.batchBytes <= region.bytes.length ? head : null;
}

/** The same of a region that need not reach as far as the batch does. */
export function decodeLoneHead(region: Region, offset: number, salt: Uint8Array): BatchHead | null {
  const header = decodeRecordHeader(region, offset, region.bytes.length);
  if (header?.kind !== 'batch' || header.payloadBytes !== headPayloadBytes) return null;
  if (!isPayloadIntact(region, offset, header)) return null;
  const payload = payloadOf(region, offset, header);
  const view = viewOf(payload);
  const head = {
    position: header.index,
    number: header.term,
    batchBytes: view.getUint32(at.batchBytes, true),
    recordCount: view.getUint32(at.recordCount, true),
    previousEnd: view.getUint32(at.previousEnd, true),
  };
  return !isOfThisLife(payload, salt) || !isInItsPlace(head, region.position + offset) ? null : head;
}

function isOfThisLife(payload: Uint8Array, salt: Uint8Array): boolean {
  return isSameSalt(payload.subarray(at.salt, at.salt + saltBytes), salt);
}

function isInItsPlace(head: BatchHead, position: number): boolean {
  return head.position === position;
}
