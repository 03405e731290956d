// Entries for readers: from the cache by one copy, and past it from the chunks, many neighbours by one read. What comes from a
// chunk is checked before it is handed out: header, payload, and that it is the entry that was asked for.
import { invariant, OpError, type Files, type OpenFile } from '@holdfast/base';
import { readRange } from './chunk-files.ts';
import type { Chunk } from './chunk.ts';
import type { EntryCache } from './entry-cache.ts';
import { copyOf, recordBytes, recordHeaderBytes, viewOf } from './format.ts';
import type { Location } from './group-index.ts';
import type { Group } from './group.ts';
import type { NewEntry } from './operation.ts';
import { decodeRecordHeader, isPayloadIntact, payloadOf, type RecordHeader, type Region } from './record-header.ts';

/** Of one read; more would only be copied through the processor's caches. */
const windowBytesMax = 256 * 1024;
const windowBytesMin = 4096;
/** Chunks that are held open for reading. */
const openFilesMax = 64;

interface Window extends Region {
  readonly chunk: Chunk;
}

export interface ReadRequest {
  readonly group: Group;
  readonly from: number;
  readonly to: number;
  readonly budgetBytes: number;
}

/** What is left of a request. */
interface Wanted {
  readonly to: number;
  readonly leftBytes: number;
}

export class EntryReader {
  readonly #files: Files;
  readonly #cache: EntryCache;
  readonly #open = new Map<Chunk, OpenFile>();
  #window: Window | null = null;

  constructor(files: Files, cache: EntryCache) {
    this.#files = files;
    this.#cache = cache;
  }

  /** As many entries from `from` on as the budget holds, and one at least. Stops before a faulty one; throws if it is the first. */
  read(request: ReadRequest): NewEntry[] {
    const { group, from, to, budgetBytes } = request;
    const entries: NewEntry[] = [];
    let leftBytes = budgetBytes;
    for (let index = from; index <= to; index++) {
      const payload = this.#readEntry(group, index, { to, leftBytes });
      if (payload === null) {
        if (index === from) throw this.#faulty(group, index);
        break;
      }
      leftBytes -= payload.length;
      if (leftBytes < 0 && index > from) break;
      entries.push({ index, term: group.index.terms.at(index), payload });
    }
    this.#window = null;
    return entries;
  }

  /** Closes the files of chunks that are gone. */
  keep(chunks: readonly Chunk[]): void {
    for (const chunk of this.#open.keys()) if (!chunks.includes(chunk)) this.#close(chunk);
  }

  close(): void {
    this.keep([]);
  }

  /** null when it cannot be read or is not what was written. */
  #readEntry(group: Group, index: number, wanted: Wanted): Uint8Array | null {
    const location = group.index.locate(index);
    if (location === null) return this.#lost(group, index);
    const cached = this.#cache.regionOf(location);
    if (cached !== null) return cachedPayload(cached, location, { group, index });
    return this.#payloadAt(location, group, { index, wanted }) ?? this.#lost(group, index);
  }

  #lost(group: Group, index: number): null {
    group.faulty.add(index, index);
    return null;
  }

  #payloadAt(
    location: Location,
    group: Group,
    { index, wanted }: { index: number; wanted: Wanted },
  ): Uint8Array | null {
    let window = this.#windowAt(location, () => this.#spanBytes(group, location, wanted));
    let offset = location.position - window.position;
    let header = offset + recordHeaderBytes > window.bytes.length ? null : decodeRecordHeader(window, offset, Infinity);
    if (header === null || !isWanted(header, group, index)) return null;
    const lengthBytes = recordBytes(header.payloadBytes);
    if (offset + lengthBytes > window.bytes.length) {
      window = this.#load(location, Math.max(lengthBytes, this.#spanBytes(group, location, wanted)));
      offset = 0;
      header = decodeRecordHeader(window, offset, window.bytes.length);
    }
    if (header === null || !isPayloadIntact(window, offset, header)) return null;
    return payloadOf(window, offset, header);
  }

  #windowAt({ chunk, position }: Location, spanBytes: () => number): Window {
    const window = this.#window;
    const isInside =
      window?.chunk === chunk &&
      position >= window.position &&
      position + recordHeaderBytes <= window.position + window.bytes.length;
    return isInside ? window : this.#load({ chunk, position }, spanBytes());
  }

  /** As far as the last entry that is wanted, if it lies behind this one, and no further than the budget reaches. */
  #spanBytes(group: Group, { chunk, position }: Location, { to, leftBytes }: Wanted): number {
    const last = group.index.locate(to);
    const end = last === null ? Infinity : last.position;
    const span = last?.chunk === chunk || last === null ? end - position : Infinity;
    return Math.min(windowBytesMax, Math.max(0, Math.min(span, leftBytes)) + windowBytesMin);
  }

  #load({ chunk, position }: Location, lengthBytes: number): Window {
    const { bytes } = readRange(this.#fileOf(chunk), position, lengthBytes);
    this.#window = { chunk, bytes, view: viewOf(bytes), position, seed: chunk.seed };
    return this.#window;
  }

  #fileOf(chunk: Chunk): OpenFile {
    const known = this.#open.get(chunk);
    if (known !== undefined) return known;
    const [oldest] = this.#open.keys();
    if (oldest !== undefined && this.#open.size >= openFilesMax) this.#close(oldest);
    const file = this.#files.open(chunk.path, 'read');
    this.#open.set(chunk, file);
    return file;
  }

  #close(chunk: Chunk): void {
    this.#open.get(chunk)?.close();
    this.#open.delete(chunk);
  }

  #faulty(group: Group, index: number): OpError {
    const location = group.index.locate(index);
    const place = location === null ? 'nothing is left of it' : `${location.chunk.path} at ${location.position}`;
    return new OpError('RAFT_LOG_ENTRY_FAULTY', { group: group.id, index, place });
  }
}

/** A copy: the ring goes on. */
function cachedPayload(
  region: Region,
  { position }: Location,
  { group, index }: { readonly group: Group; readonly index: number },
): Uint8Array {
  const offset = position - region.position;
  const header = decodeRecordHeader(region, offset, region.bytes.length);
  invariant(
    header !== null && isWanted(header, group, index),
    `the cache holds another record than entry ${index} of group ${group.id}`,
  );
  return copyOf(payloadOf(region, offset, header));
}

/** The index led here, and the record must agree. */
function isWanted(header: RecordHeader, group: Group, index: number): boolean {
  if (header.kind !== 'entry' || header.group !== group.id || header.index !== index) return false;
  return header.term === group.index.terms.at(index);
}
