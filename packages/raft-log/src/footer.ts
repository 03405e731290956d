// The index at the end of a sealed chunk: one record for each group that has entries in it, and a trailer in the file's last
// block that leads there. Open reads these instead of the chunk.
import { invariant } from '@holdfast/base';
import { checksum, headerStart } from './checksum.ts';
import { saltBytes } from './file-header.ts';
import { copyOf, readCounter, viewOf, writeCounter } from './format.ts';

export interface FooterTerms {
  /** The first index of each run of one term, ascending. */
  readonly starts: readonly number[];
  readonly terms: readonly number[];
}

/** The entries of one group in one chunk: consecutive from `firstIndex`, or one that was repaired. */
export interface FooterBlock extends FooterTerms {
  readonly group: number;
  readonly firstIndex: number;
  readonly isRepair: boolean;
  /** Of each entry: its place in the file divided by 8. */
  readonly places: Uint32Array;
}

const headBytes = 16;
const runBytes = 16;

export function footerPayloadBytes(runs: number, entries: number): number {
  return headBytes + runs * runBytes + entries * 4;
}

export function encodeFooter(block: FooterBlock): Uint8Array {
  const payload = new Uint8Array(footerPayloadBytes(block.starts.length, block.places.length));
  const view = viewOf(payload);
  view.setUint32(0, block.places.length, true);
  view.setUint32(4, block.starts.length, true);
  for (const [run, start] of block.starts.entries()) {
    writeCounter(view, headBytes + run * runBytes, start);
    writeCounter(view, headBytes + run * runBytes + 8, block.terms[run] ?? 0);
  }
  payload.set(
    new Uint8Array(block.places.buffer, block.places.byteOffset, block.places.byteLength),
    headBytes + block.starts.length * runBytes,
  );
  return payload;
}

export function decodeFooter(payload: Uint8Array): Pick<FooterBlock, 'places' | 'starts' | 'terms'> {
  const view = viewOf(payload);
  const entries = view.getUint32(0, true);
  const runs = view.getUint32(4, true);
  invariant(payload.length === footerPayloadBytes(runs, entries), 'a footer that verified has another length');
  const starts: number[] = [];
  const terms: number[] = [];
  for (let run = 0; run < runs; run++) {
    starts.push(readCounter(view, headBytes + run * runBytes));
    terms.push(readCounter(view, headBytes + run * runBytes + 8));
  }
  return { starts, terms, places: numbersAt(payload, headBytes + runs * runBytes) };
}

/** In place where they can be: a log of millions of entries would copy them all while it opens. */
function numbersAt(payload: Uint8Array, from: number): Uint32Array {
  const start = payload.byteOffset + from;
  if (start % Uint32Array.BYTES_PER_ELEMENT !== 0) return new Uint32Array(copyOf(payload, from).buffer);
  return new Uint32Array(payload.buffer, start, (payload.length - from) / Uint32Array.BYTES_PER_ELEMENT);
}

export interface Trailer {
  /** The place of the batch that holds the footer. */
  readonly position: number;
  readonly lengthBytes: number;
  /** Of the next chunk, which was durable before this trailer was written. */
  readonly nextSalt: Uint8Array;
}

export const trailerBytes = 48;
const magic = Buffer.from('HFSEALED', 'latin1');
const trailerAt = { magic: 0, position: 8, lengthBytes: 16, nextSalt: 24, checksum: 32 } as const;

/** The trailer's own place: the last block of the file. */
export function trailerPosition(chunkBytes: number, blockBytes: number): number {
  return chunkBytes - blockBytes;
}

export function encodeTrailer(trailer: Trailer, position: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(trailerBytes);
  const view = viewOf(bytes);
  bytes.set(magic, trailerAt.magic);
  writeCounter(view, trailerAt.position, trailer.position);
  writeCounter(view, trailerAt.lengthBytes, trailer.lengthBytes);
  bytes.set(trailer.nextSalt, trailerAt.nextSalt);
  const sum = checksum(bytes, 0, trailerAt.checksum, headerStart(seed, position));
  view.setUint32(trailerAt.checksum, sum, true);
  return bytes;
}

/** null when the chunk is not sealed, or what sealed it is damaged. */
export function decodeTrailer(bytes: Uint8Array, position: number, seed: number): Trailer | null {
  const view = viewOf(bytes);
  if (!magic.every((byte, index) => bytes[index] === byte)) return null;
  if (!isTrailerIntact(bytes, position, seed)) return null;
  return {
    position: readCounter(view, trailerAt.position),
    lengthBytes: readCounter(view, trailerAt.lengthBytes),
    nextSalt: copyOf(bytes, trailerAt.nextSalt, trailerAt.nextSalt + saltBytes),
  };
}

function isTrailerIntact(bytes: Uint8Array, position: number, seed: number): boolean {
  const sum = checksum(bytes, 0, trailerAt.checksum, headerStart(seed, position));
  return viewOf(bytes).getUint32(trailerAt.checksum, true) === sum;
}
