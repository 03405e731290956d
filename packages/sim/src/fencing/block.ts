// What a block of the raw device holds in the model: whose data, and who put it there. Zeroes are null data.

/** One write of a user; `sequence` counts the volume's writes. */
export interface Tag {
  readonly tenant: string;
  readonly volume: string;
  readonly block: number;
  readonly generation: number;
  readonly epoch: number;
  readonly sequence: number;
}

/** Who submits: the engine's volume as it was opened. */
export interface Writer {
  readonly node: string;
  readonly session: string;
  readonly volume: string;
  readonly generation: number;
  readonly epoch: number;
}

export interface Block {
  readonly data: Tag | null;
  readonly writer: Writer;
}

/** Blocks of one extent. Two are enough for a write that covers an extent in part. */
export const extentBlocks = 2;

/** The order in which a volume's users wrote. */
export function isAfter(left: Tag | null, right: Tag | null): boolean {
  if (right === null) return left !== null;
  if (left === null) return false;
  if (left.generation !== right.generation) return left.generation > right.generation;
  if (left.epoch !== right.epoch) return left.epoch > right.epoch;
  return left.sequence > right.sequence;
}

export function formatTag(tag: Tag | null): string {
  return tag === null ? 'zeroes' : `${tag.volume}[${tag.block}] e${tag.generation}.${tag.epoch} #${tag.sequence}`;
}
