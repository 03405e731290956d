// One chunk as the open log knows it.
import { join } from 'node:path';
import { fileSeed } from './checksum.ts';
import type { FileHeader } from './file-header.ts';

export interface Chunk {
  readonly header: FileHeader;
  readonly path: string;
  readonly seed: number;
  /** What the index holds in here; a chunk with none may go once all before it went. */
  references: number;
  isSealed: boolean;
  /** When it was opened as the active one, slots were faulty. */
  isShortOfSlots: boolean;
}

export function makeChunk(directory: string, header: FileHeader): Chunk {
  const path = join(directory, chunkName(header.sequence));
  return { header, path, seed: fileSeed(header.salt), references: 0, isSealed: false, isShortOfSlots: false };
}

const sequenceDigits = 16;

export function chunkName(sequence: number): string {
  return `${String(sequence).padStart(sequenceDigits, '0')}.chunk`;
}

/** null if this is no chunk's name. */
export function sequenceOf(name: string): number | null {
  const match = /^(\d{16})\.chunk$/.exec(name);
  return match === null ? null : Number(match[1]);
}
