// Joins what the older chunks hold into the index of each group. The newest place of an index counts; what the checkpoint
// says is purged or beyond the end is left out; what the checkpoint says is there and no chunk holds is faulty.
import type { Chunk } from './chunk.ts';
import type { FooterBlock } from './footer.ts';
import { recordAlignment } from './format.ts';
import type { Group } from './group.ts';

export interface LinkedChunk {
  readonly chunk: Chunk;
  readonly blocks: readonly FooterBlock[];
}

/** `older` by sequence, `groups` with the states of the checkpoint that follows them. */
export function linkEntries(groups: ReadonlyMap<number, Group>, older: readonly LinkedChunk[]): void {
  forEachBlock(groups, older, linkBlock);
  for (const group of groups.values()) markHoles(group);
  forEachBlock(groups, older, tellRepair);
}

function forEachBlock(
  groups: ReadonlyMap<number, Group>,
  older: readonly LinkedChunk[],
  use: (group: Group, chunk: Chunk, block: FooterBlock) => void,
): void {
  for (const { chunk, blocks } of older) {
    for (const block of blocks) {
      const group = groups.get(block.group);
      if (group !== undefined) use(group, chunk, block);
    }
  }
}

function linkBlock(group: Group, chunk: Chunk, block: FooterBlock): void {
  const { purgedIndex, lastIndex } = group.durable;
  const firstIndex = Math.max(block.firstIndex, purgedIndex + 1);
  const endIndex = Math.min(block.firstIndex + block.places.length, lastIndex + 1);
  if (firstIndex >= endIndex) return;
  if (block.isRepair) {
    group.index.repair(chunk, firstIndex, placeOf(block));
    return;
  }
  const places = block.places.subarray(firstIndex - block.firstIndex, endIndex - block.firstIndex);
  group.index.truncateAfter(firstIndex - 1);
  group.index.terms.truncateAfter(firstIndex - 1);
  const before = group.index.nextIndex ?? purgedIndex + 1;
  if (firstIndex > before) group.index.terms.append(before, 0);
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
