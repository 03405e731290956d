// What a program or shared library asks of the loader: the libraries that it names, and its interpreter. Reads 64-bit
// little-endian ELF, which is what both architectures of the image are.
import assert from 'node:assert/strict';
import type { Architecture } from './system-files.ts';

export interface LoaderNeeds {
  /** For which machine it is; null for one that the image is not made for. */
  readonly machine: Architecture | null;
  /** Names of shared libraries, in the file's order. */
  readonly libraries: readonly string[];
  /** The path of the loader; null for a library or a static program. */
  readonly interpreter: string | null;
}

const magic = Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1]);
const machines: readonly (readonly [number, Architecture])[] = [
  [0x3e, 'amd64'],
  [0xb7, 'arm64'],
];
const segment = { load: 1, dynamic: 2, interpreter: 3 } as const;
const tag = { end: 0, needed: 1, stringTable: 5 } as const;

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

/** Null for what is not ELF. */
export function readLoaderNeeds(file: Buffer): LoaderNeeds | null {
  if (!file.subarray(0, magic.length).equals(magic)) return null;
  const segments = readSegments(file);
  const interpreter = segments.find(({ type }) => type === segment.interpreter);
  const machine = file.readUInt16LE(0x12);
  return {
    machine: machines.find(([number]) => number === machine)?.[1] ?? null,
    libraries: readLibraries(file, segments),
    interpreter: interpreter === undefined ? null : textAt(file, interpreter.offset),
  };
}

function readSegments(file: Buffer): readonly Segment[] {
  const start = Number(file.readBigUInt64LE(0x20));
  const entrySize = file.readUInt16LE(0x36);
  return Array.from({ length: file.readUInt16LE(0x38) }, (_, index) => {
    const at = start + index * entrySize;
    return {
      type: file.readUInt32LE(at),
      offset: Number(file.readBigUInt64LE(at + 0x08)),
      address: Number(file.readBigUInt64LE(at + 0x10)),
      size: Number(file.readBigUInt64LE(at + 0x20)),
    };
  });
}

function readLibraries(file: Buffer, segments: readonly Segment[]): readonly string[] {
  const dynamic = segments.find(({ type }) => type === segment.dynamic);
  if (dynamic === undefined) return [];
  const nameOffsets: number[] = [];
  let stringsAddress: number | null = null;
  for (let at = dynamic.offset; at < dynamic.offset + dynamic.size; at += 16) {
    const kind = Number(file.readBigInt64LE(at));
    const value = Number(file.readBigUInt64LE(at + 8));
    if (kind === tag.end) break;
    if (kind === tag.needed) nameOffsets.push(value);
    if (kind === tag.stringTable) stringsAddress = value;
  }
  if (nameOffsets.length === 0) return [];
  assert(stringsAddress !== null, 'a dynamic section names libraries without a string table');
  const strings = offsetOf(stringsAddress, segments);
  return nameOffsets.map((offset) => textAt(file, strings + offset));
}

function offsetOf(address: number, segments: readonly Segment[]): number {
  const holder = segments.find(
    (one) => one.type === segment.load && address >= one.address && address < one.address + one.size,
  );
  assert(holder !== undefined, 'a string table lies in no loaded segment');
  return address - holder.address + holder.offset;
}

function textAt(file: Buffer, start: number): string {
  return file.toString('utf8', start, file.indexOf(0, start));
}
