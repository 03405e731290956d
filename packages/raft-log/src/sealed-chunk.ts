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
import { readCheckpoint, Replay, type Checkpoint } from './replay.ts';
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

export interface LaterState {
  /** With the states of the checkpoint that follows all that is sealed. */
  readonly groups: ReadonlyMap<number, Group>;
  /** The checkpoint of the next chunk. */
  readonly following: () => Checkpoint | null;
}

export function readSealedChunk(files: Files, chunk: Chunk, later: LaterState): ChunkEntries {
  const trailer = readTrailer(files, chunk.path, chunk.header);
  const blocks = trailer === null ? null : readFooter(files, chunk, trailer);
  return blocks === null || blocks.length === 0 ? scanEntries(files, chunk, later) : { blocks, damages: [], lost: [] };
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
function scanEntries(files: Files, chunk: Chunk, { groups, following }: LaterState): ChunkEntries {
  const batches = [...scanChunk(readChunk(files, chunk.path, chunk.header), { isFollowed: true })];
  const damages = batches.flatMap((batch) => (batch.standing === 'abandoned' ? [] : batch.damages));
  const soundEnd = batches.findLastIndex(({ standing }) => standing === 'sound') + 1;
  if (soundEnd < batches.length) {
    const sound = play(chunk, batches.slice(0, soundEnd), groups);
    if (isEndOf(sound, following())) return { ...entriesOf(sound), damages };
  }
  return { ...entriesOf(play(chunk, batches, groups)), damages };
}

interface Played {
  readonly chunk: Chunk;
  readonly groups: ReadonlyMap<number, Group>;
}

function play(sealed: Chunk, batches: readonly FoundBatch[], later: ReadonlyMap<number, Group>): Played {
  const chunk = { ...sealed };
  const [first] = batches;
  const replay = new Replay(first === undefined ? new Map<number, Group>() : groupsBefore(first, later));
  for (const batch of batches) replay.apply(chunk, batch);
  return { chunk, groups: replay.groups };
}

/**
 * Whether nothing behind this took part in what the next chunk begins with: a recovery gave up the torn end, or it is a footer. Logs
 * that end at one place in one term are one log.
 */
function isEndOf({ groups }: Played, next: Checkpoint | null): boolean {
  if (next?.isWhole !== true) return false;
  return [...next.states].every(([id, { lastIndex, lastTerm }]) => {
    const end = groups.get(id)?.durable ?? emptyState;
    return end.lastIndex === lastIndex && end.lastTerm === lastTerm;
  });
}

function entriesOf({ chunk, groups }: Played): Pick<ChunkEntries, 'blocks' | 'lost'> {
  const found = [...groups.values()];
  return { blocks: found.flatMap(({ id, index }) => index.footerOf(chunk, id)), lost: found.flatMap(lostIn) };
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
