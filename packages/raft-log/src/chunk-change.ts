// The bytes of a change of chunks: the header and the checkpoint of the next one, the footer and the trailer of the old one.
import { invariant } from '@holdfast/base';
import type { TableRow } from './batch-table.ts';
import { BatchBuilder, type BatchPlace } from './batch-builder.ts';
import type { Chunk } from './chunk.ts';
import { encodeFileHeader, firstBatchPosition } from './file-header.ts';
import { encodeFooter, encodeTrailer, footerPayloadBytes, trailerPosition, type FooterBlock } from './footer.ts';
import { alignBlock, recordBytes, recordFlags } from './format.ts';
import type { Group } from './group.ts';
import { encodeState, stateBytes, type GroupState } from './group-state.ts';
import type { PlacedBytes, RotateJob } from './job.ts';
import { batchHeadBytes } from './batch-head.ts';
import { tableBytes } from './batch-table.ts';

/** Both copies of the header, and zeroes where the first batch begins: a recycled file has something else there. */
export function headerBytesOf(chunk: Chunk): Uint8Array {
  const { blockBytes } = chunk.header;
  const bytes = new Uint8Array(firstBatchPosition(blockBytes) + blockBytes);
  bytes.set(encodeFileHeader(chunk.header));
  return bytes;
}

/** The state of every group, each in two places. */
export function checkpointOf(chunk: Chunk, groups: Iterable<Group>, stopBytes: number): PlacedBytes {
  const position = firstBatchPosition(chunk.header.blockBytes);
  const states = [...groups].map(({ id, durable }) => {
    const payload = new Uint8Array(stateBytes(durable));
    encodeState(durable, payload);
    return { id, payload };
  });
  const records = states.reduce((sum, { payload }) => sum + recordBytes(payload.length), recordBytes(0));
  const builder = new BatchBuilder(roomFor(2 * records, chunk));
  builder.begin(placeIn(chunk, { position, number: 1, previousEnd: position }, []));
  builder.addTwice({
    kind: 'checkpoint',
    group: 0,
    index: states.length,
    term: 0,
    flags: 0,
    payload: new Uint8Array(),
  });
  for (const { id, payload } of states) {
    builder.addTwice({ kind: 'state', group: id, index: 0, term: 0, flags: 0, payload });
  }
  const bytes = builder.finish([], stopBytes);
  invariant(isWithin(chunk, position + bytes.length - stopBytes), 'a checkpoint is longer than its chunk');
  return { position, bytes };
}

function isWithin({ header: { chunkBytes, blockBytes } }: Chunk, endPosition: number): boolean {
  return endPosition <= trailerPosition(chunkBytes, blockBytes);
}

/** What the state of a group takes in a checkpoint. */
export function stateBytesTwice(state: Pick<GroupState, 'userData'>): number {
  return 2 * recordBytes(stateBytes(state));
}

export interface SealPlan {
  readonly chunk: Chunk;
  readonly groups: Iterable<Group>;
  readonly place: BatchPlace;
  readonly nextSalt: Uint8Array;
}

/** null when the chunk has no room left for its footer; it is scanned then. */
export function sealOf({ chunk, groups, place, nextSalt }: SealPlan): RotateJob['seal'] {
  const { blockBytes, chunkBytes } = chunk.header;
  const blocks = blocksOf(chunk, [...groups]);
  const payloads = blocks.map((block) => ({ block, payload: encodeFooter(block) }));
  const records = payloads.reduce((sum, { payload }) => sum + recordBytes(payload.length), 0);
  const builder = new BatchBuilder(roomFor(records + tableBytes(place.previousRows.length), chunk));
  builder.begin(place);
  const end = trailerPosition(chunkBytes, blockBytes);
  if (alignBlock(place.position + builder.endBytes(0, records), blockBytes) > end) return null;
  for (const { block, payload } of payloads) {
    const flags = block.isRepair ? recordFlags.isRepair : 0;
    builder.add({ kind: 'footer', group: block.group, index: block.firstIndex, term: 0, flags, payload });
  }
  const lengthBytes = builder.endBytes(0);
  const isStopNeeded = alignBlock(place.position + lengthBytes, blockBytes) < end;
  const footer = { position: place.position, bytes: builder.finish([], isStopNeeded ? blockBytes : 0) };
  const trailer = encodeTrailer({ position: place.position, lengthBytes, nextSalt }, end, chunk.seed);
  return { footer, trailer: { position: end, bytes: trailer } };
}

/** All places of a chunk that grows no more lie in one piece of memory: thousands of small ones leave as many holes. */
function blocksOf(chunk: Chunk, groups: readonly Group[]): FooterBlock[] {
  const places = new Uint32Array(groups.reduce((sum, { index }) => sum + index.countIn(chunk), 0));
  let used = 0;
  const room = (entries: number): Uint32Array => places.subarray(used, (used += entries));
  return groups.flatMap((group) => group.index.footerOf(chunk, group.id, room));
}

export function placeIn(
  chunk: Chunk,
  next: { readonly position: number; readonly number: number; readonly previousEnd: number },
  previousRows: readonly TableRow[],
): BatchPlace {
  const { salt, blockBytes } = chunk.header;
  return { ...next, previousRows, salt, blockBytes, seed: chunk.seed };
}

function roomFor(recordsBytes: number, chunk: Chunk): Uint8Array {
  const { blockBytes } = chunk.header;
  return new Uint8Array(
    alignBlock(batchHeadBytes + recordsBytes + recordBytes(tableBytes(0)), blockBytes) + 4 * blockBytes,
  );
}

/** What a footer takes for a group's first entry in a chunk, and for each entry. */
export const footerGroupBytes = recordBytes(footerPayloadBytes(1, 0)) + 8;
export const footerRunBytes = footerPayloadBytes(1, 0) - footerPayloadBytes(0, 0);
export const footerEntryBytes = 4;
/** A footer without groups, with its table and its blocks' rests. */
export const footerBaseBytes = batchHeadBytes + recordBytes(tableBytes(0));
