// The log's checksum: CRC-32 of the IEEE polynomial, natively by node:zlib for long ranges and by a table for short ones, where
// the native call costs more than the work (packages/tooling/adr/0009-checksum-of-the-log.md has the figures). Both compute the
// same function, so the format knows one checksum.
//
// The starting value carries what the bytes do not say themselves: the file's salt, the position and the group. Two
// starting values never give the same checksum for the same bytes, so a block that lies in another place, in another
// file, or in the next life of a recycled file does not verify.
import { crc32 } from 'node:zlib';

/** Below this many bytes the table is faster than the native call. */
const tableLimitBytes = 128;

const polynomial = 0xedb88320;
const slices = 8;
const table = makeTable();

/** Continues `start` over bytes [from, to) of `bytes`. */
export function checksum(bytes: Uint8Array, from: number, to: number, start: number): number {
  if (to - from >= tableLimitBytes) return crc32(bytes.subarray(from, to), start);
  return checksumByTable(bytes, from, to, start);
}

export function checksumByTable(bytes: Uint8Array, from: number, to: number, start: number): number {
  let crc = ~start;
  let at = from;
  for (; at + slices <= to; at += slices) {
    crc ^= byte(bytes, at) | (byte(bytes, at + 1) << 8) | (byte(bytes, at + 2) << 16) | (byte(bytes, at + 3) << 24);
    crc =
      slice(7, crc) ^
      slice(6, crc >>> 8) ^
      slice(5, crc >>> 16) ^
      slice(4, crc >>> 24) ^
      slice(3, byte(bytes, at + 4)) ^
      slice(2, byte(bytes, at + 5)) ^
      slice(1, byte(bytes, at + 6)) ^
      slice(0, byte(bytes, at + 7));
  }
  for (; at < to; at++) crc = (crc >>> 8) ^ slice(0, crc ^ byte(bytes, at));
  return ~crc >>> 0;
}

/** What every checksum of a file starts from. */
export function fileSeed(salt: Uint8Array): number {
  return checksumByTable(salt, 0, salt.length, 0);
}

/** The starting value of a header at `position`: a file is shorter than 2^35 bytes, so positions differ in 32 bits. */
export function headerStart(seed: number, position: number): number {
  return (seed ^ (position / 8)) >>> 0;
}

const groupFactor = 0x9e3779b1;

/** The starting value of a payload: bound to its place as the header is, and to its group. */
export function payloadStart(seed: number, position: number, group: number): number {
  return (headerStart(seed, position) ^ Math.imul(group + 1, groupFactor)) >>> 0;
}

function slice(number: number, value: number): number {
  return table[(number << 8) | (value & 0xff)] ?? 0;
}

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}

function makeTable(): Uint32Array {
  const made = new Uint32Array(slices * 256);
  for (let value = 0; value < 256; value++) {
    let crc = value;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    made[value] = crc;
  }
  for (let number = 1; number < slices; number++) {
    for (let value = 0; value < 256; value++) {
      const before = made[((number - 1) << 8) | value] ?? 0;
      made[(number << 8) | value] = (before >>> 8) ^ (made[before & 0xff] ?? 0);
    }
  }
  return made;
}
