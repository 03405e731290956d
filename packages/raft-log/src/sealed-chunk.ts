// Where the entries of a chunk lie whose state nobody asks for any more: from its footer, or from all of it when the footer
// cannot be used.
import { batchHeadBytes } from './batch-head.ts';
import { readChunk, readRange, readTrailer, withFile } from './chunk-files.ts';
import { fileSeed } from './checksum.ts';
import { scanChunk, type Damage } from './chunk-scan.ts';
import type { Chunk } from './chunk.ts';
import type { Files } from '@holdfast/base';
import { decodeFooter, type FooterBlock, type Trailer } from './footer.ts';
import { recordAlignment, recordBytes, viewOf } from './format.ts';
import { decodeRecordHeader, isPayloadIntact, payloadOf, type Region } from './record-header.ts';

export interface ChunkEntries {
  readonly blocks: readonly FooterBlock[];
  readonly damages: readonly Damage[];
}

export function readSealedChunk(files: Files, chunk: Chunk): ChunkEntries {
  const trailer = readTrailer(files, chunk.path, chunk.header);
  const blocks = trailer === null ? null : readFooter(files, chunk, trailer);
  return blocks === null ? scanEntries(files, chunk) : { blocks, damages: [] };
}

/** null unless every record of the footer verifies. */
function readFooter(files: Files, chunk: Chunk, trailer: Trailer): FooterBlock[] | null {
  const { bytes } = withFile(files, chunk.path, (file) => readRange(file, trailer.position, trailer.lengthBytes));
  const region: Region = { bytes, view: viewOf(bytes), position: trailer.position, seed: fileSeed(chunk.header.salt) };
  const blocks: FooterBlock[] = [];
  for (let offset = batchHeadBytes; offset < trailer.lengthBytes;) {
    const header = decodeRecordHeader(region, offset, bytes.length);
    if (header === null || !isPayloadIntact(region, offset, header)) return null;
    if (header.kind === 'footer') {
      const { group, index: firstIndex, isRepair } = header;
      blocks.push({ group, firstIndex, isRepair, ...decodeFooter(payloadOf(region, offset, header)) });
    }
    offset += recordBytes(header.payloadBytes);
  }
  return blocks;
}

/** The blocks that a footer would hold, from the records; an index that is written again replaces what it held. */
export function scanEntries(files: Files, chunk: Chunk): ChunkEntries {
  const damages: Damage[] = [];
  const finders = new Map<number, BlockFinder>();
  for (const batch of scanChunk(readChunk(files, chunk.path, chunk.header), { isFollowed: true })) {
    if (batch.standing !== 'abandoned') damages.push(...batch.damages);
    for (const { header, position } of batch.records) {
      if (header.kind !== 'entry') continue;
      const finder = finders.get(header.group) ?? new BlockFinder(header.group);
      finders.set(header.group, finder);
      finder.add(header, position);
    }
  }
  return { blocks: [...finders.values()].flatMap((finder) => finder.blocks()), damages };
}

interface OpenBlock {
  readonly firstIndex: number;
  readonly places: number[];
  readonly terms: number[];
}

class BlockFinder {
  readonly #group: number;
  readonly #blocks: OpenBlock[] = [];
  readonly #repairs: FooterBlock[] = [];

  constructor(group: number) {
    this.#group = group;
  }

  add(header: { readonly index: number; readonly term: number; readonly isRepair: boolean }, position: number): void {
    const { index, term } = header;
    const place = position / recordAlignment;
    if (header.isRepair) {
      const places = Uint32Array.of(place);
      this.#repairs.push({
        group: this.#group,
        firstIndex: index,
        isRepair: true,
        places,
        starts: [index],
        terms: [term],
      });
      return;
    }
    this.#cutFrom(index);
    const last = this.#blocks.at(-1);
    if (last !== undefined && last.firstIndex + last.places.length === index) {
      last.places.push(place);
      last.terms.push(term);
    } else {
      this.#blocks.push({ firstIndex: index, places: [place], terms: [term] });
    }
  }

  blocks(): FooterBlock[] {
    const found = this.#blocks.map(({ firstIndex, places, terms }) => {
      const starts = terms.flatMap((term, at) => (term === terms[at - 1] ? [] : [at]));
      return {
        group: this.#group,
        firstIndex,
        isRepair: false,
        places: Uint32Array.from(places),
        starts: starts.map((at) => firstIndex + at),
        terms: starts.map((at) => terms[at] ?? 0),
      };
    });
    return [...found, ...this.#repairs];
  }

  #cutFrom(index: number): void {
    for (let last = this.#blocks.at(-1); last !== undefined; last = this.#blocks.at(-1)) {
      const kept = index - last.firstIndex;
      if (kept >= last.places.length) return;
      if (kept > 0) {
        last.places.length = kept;
        last.terms.length = kept;
        return;
      }
      this.#blocks.pop();
    }
  }
}
