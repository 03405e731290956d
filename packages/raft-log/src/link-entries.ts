// Joins what the older chunks hold into the index of each group. The newest place of an index counts; what the checkpoint
// says is purged or beyond the end is left out; what the checkpoint says is there and no chunk holds is faulty.
import type { Chunk } from './chunk.ts';
import type { FooterBlock } from './footer.ts';
import { recordAlignment } from './format.ts';
import type { Group } from './group.ts';
import type { ChunkEntries, LostSlots } from './sealed-chunk.ts';

export interface LinkedChunk extends Pick<ChunkEntries, 'blocks' | 'lost'> {
  readonly chunk: Chunk;
}

/** `older` by sequence, `groups` with the states of the checkpoint that follows them. */
export function linkEntries(groups: ReadonlyMap<number, Group>, older: readonly LinkedChunk[]): void {
  for (const linked of older) {
    forEachBlock(groups, linked, linkBlock);
    for (const slots of linked.lost) markLost(groups.get(slots.group) ?? null, slots);
  }
  for (const group of groups.values()) markHoles(group);
  for (const linked of older) {
    forEachBlock(groups, linked, tellRepair);
    for (const slots of linked.lost) forgetLost(groups.get(slots.group) ?? null, slots);
  }
}

function forEachBlock(
  groups: ReadonlyMap<number, Group>,
  { chunk, blocks }: LinkedChunk,
  use: (group: Group, chunk: Chunk, block: FooterBlock) => void,
): void {
  for (const block of blocks) {
    const group = groups.get(block.group);
    if (group !== undefined) use(group, chunk, block);
  }
}

function markLost(group: Group | null, { from, to }: LostSlots): void {
  if (group === null) return;
  const { purgedIndex, lastIndex } = group.durable;
  group.faulty.add(Math.max(from, purgedIndex + 1), Math.min(to, lastIndex));
}

/** What stands there is not to be read, of whatever term it is. */
function forgetLost(group: Group | null, { from, to }: LostSlots): void {
  if (group === null) return;
  for (let index = from; index <= to; index++) if (group.faulty.has(index)) group.index.terms.set(index, 0);
}

function linkBlock(group: Group, chunk: Chunk, block: FooterBlock): void {
  const { purgedIndex, lastIndex } = group.durable;
  const firstIndex = Math.max(block.firstIndex, purgedIndex + 1);
  const endIndex = Math.min(block.firstIndex + block.places.length, lastIndex + 1);
  if (firstIndex >= endIndex) return;
  if (block.isRepair) {
    group.index.repair(chunk, firstIndex, placeOf(block));
    group.faulty.remove(firstIndex, firstIndex);
    return;
  }
  const places = block.places.subarray(firstIndex - block.firstIndex, endIndex - block.firstIndex);
  group.truncateAfter(firstIndex - 1);
  group.index.terms.truncateAfter(firstIndex - 1);
  // A chunk that was read whole may tell of a purge that a recovery had cut off: then it has no terms where its entries begin.
  const before = group.index.nextIndex ?? purgedIndex + 1;
  if (firstIndex > before || (block.starts[0] ?? endIndex) > firstIndex) group.index.terms.append(before, 0);
  group.index.appendBlock(chunk, { firstIndex, places });
  for (const [run, start] of block.starts.entries()) {
    if (start < endIndex) group.index.terms.append(Math.max(start, firstIndex), block.terms[run] ?? 0);
  }
}

/** Only when everything has its place: where the entries around a repaired one are lost, nothing holds its term before. */
function tellRepair(group: Group, chunk: Chunk, block: FooterBlock): void {
  if (!block.isRepair) return;
  const location = group.index.locate(block.firstIndex);
  if (location?.chunk !== chunk || location.position !== placeOf(block)) return;
  group.index.terms.set(block.firstIndex, block.terms[0] ?? 0);
}

function placeOf({ places }: FooterBlock): number {
  return (places[0] ?? 0) * recordAlignment;
}

function markHoles(group: Group): void {
  const { purgedIndex, lastIndex, lastTerm } = group.durable;
  for (const { from, to } of group.index.holes(purgedIndex + 1, lastIndex)) group.faulty.add(from, to);
  const next = group.index.nextIndex ?? purgedIndex + 1;
  if (next > lastIndex) return;
  group.index.terms.append(next, 0);
  group.index.terms.append(lastIndex, lastTerm);
}
