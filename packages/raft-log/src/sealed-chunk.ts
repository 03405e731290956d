// Where the entries of a chunk lie whose state nobody asks for any more: from its footer, or from all of it when the footer
// cannot be used.
import { batchHeadBytes } from './batch-head.ts';
import { readChunk, readRange, readTrailer, withFile } from './chunk-files.ts';
import { fileSeed } from './checksum.ts';
import { scanChunk, type Damage, type FoundBatch } from './chunk-scan.ts';
import type { Chunk } from './chunk.ts';
import type { Files } from '@holdfast/base';
import { decodeFooter, type FooterBlock, type Trailer } from './footer.ts';
import { recordBytes, viewOf } from './format.ts';
import { Group } from './group.ts';
import { emptyState } from './group-state.ts';
import { decodeRecordHeader, isPayloadIntact, payloadOf, type Region } from './record-header.ts';
import { readCheckpoint, Replay } from './replay.ts';
import type { SlotRange } from './slots.ts';

export interface ChunkEntries {
  readonly blocks: readonly FooterBlock[];
  readonly damages: readonly Damage[];
  /** Slots that hold something else than they should, wherever it stands. */
  readonly lost: readonly LostSlots[];
}

export interface LostSlots extends SlotRange {
  readonly group: number;
}

/** `groups` with the states of the checkpoint that follows all that is sealed. */
export function readSealedChunk(files: Files, chunk: Chunk, groups: ReadonlyMap<number, Group>): ChunkEntries {
  const trailer = readTrailer(files, chunk.path, chunk.header);
  const blocks = trailer === null ? null : readFooter(files, chunk, trailer);
  return blocks === null || blocks.length === 0 ? scanEntries(files, chunk, groups) : { blocks, damages: [], lost: [] };
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

/**
 * What a footer would say, from the batches. They tell more where something is lost: an entry that stands there may be one whose
 * place another one took, here or in an older chunk, so they are played as at an open of the chunk.
 */
function scanEntries(files: Files, chunk: Chunk, groups: ReadonlyMap<number, Group>): ChunkEntries {
  const copy = { ...chunk };
  const damages: Damage[] = [];
  let replay: Replay | null = null;
  for (const batch of scanChunk(readChunk(files, chunk.path, chunk.header), { isFollowed: true })) {
    if (batch.standing !== 'abandoned') damages.push(...batch.damages);
    replay ??= new Replay(groupsBefore(batch, groups));
    replay.apply(copy, batch);
  }
  const found = [...(replay?.groups.values() ?? [])];
  return { blocks: found.flatMap(({ id, index }) => index.footerOf(copy, id)), damages, lost: found.flatMap(lostIn) };
}

/** As the chunk's checkpoint says; a group whose state is lost may have had whatever it has later. */
function groupsBefore(first: FoundBatch, later: ReadonlyMap<number, Group>): Map<number, Group> {
  const widest = [...later].map(([id, { durable }]) => [id, { ...emptyState, lastIndex: durable.lastIndex }] as const);
  const states = new Map([...widest, ...readCheckpoint(first).states]);
  return new Map(
    [...states].map(([id, state]) => {
      const group = new Group(id, state);
      group.index.terms.append(state.purgedIndex + 1, 0);
      return [id, group];
    }),
  );
}

function lostIn({ id, faulty }: Group): LostSlots[] {
  return faulty.ranges.map(({ from, to }) => ({ group: id, from, to }));
}
