// The few DER shapes that certificates and signing requests are made of: a writer, and a strict reader for the one document
// that strangers hand us (a signing request). Everything else is read by OpenSSL through node:crypto. Why this is not a
// library: adr/0008-x509.md.
import { invariant } from '@holdfast/base';

export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** A tag of the context: `[number]`, holding either bytes or further elements. */
export function contextTag(number: number, holds: 'bytes' | 'elements'): number {
  return (holds === 'elements' ? 0xa0 : 0x80) | number;
}

export function element(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const length = contents.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([Buffer.from([tag]), encodeLength(length), ...contents]);
}

export function sequence(...elements: readonly Uint8Array[]): Buffer {
  return element(tags.sequence, ...elements);
}

export function set(...elements: readonly Uint8Array[]): Buffer {
  return element(tags.set, ...elements);
}

/** A number that is not negative, most significant byte first. */
export function integer(magnitude: Uint8Array): Buffer {
  let start = 0;
  while (start < magnitude.length - 1 && magnitude[start] === 0) start++;
  const trimmed = magnitude.subarray(start);
  const needsSignByte = ((trimmed[0] ?? 0) & 0x80) !== 0;
  return element(tags.integer, Buffer.alloc(needsSignByte ? 1 : 0), trimmed);
}

export function bitString(bytes: Uint8Array, unusedBits = 0): Buffer {
  return element(tags.bitString, Buffer.from([unusedBits]), bytes);
}

export function octetString(bytes: Uint8Array): Buffer {
  return element(tags.octetString, bytes);
}

export function utf8String(text: string): Buffer {
  return element(tags.utf8String, Buffer.from(text, 'utf8'));
}

export const booleanTrue = element(tags.boolean, Buffer.from([0xff]));

export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second, ...rest.flatMap(base128)];
  return element(tags.objectIdentifier, Buffer.from(bytes));
}

function base128(arc: number): number[] {
  const digits = [arc & 0x7f];
  for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128)) digits.unshift((rest & 0x7f) | 0x80);
  return digits;
}

/** X.509 asks for two-digit years before 2050 and four digits from then on; both in whole seconds. */
export function time(atMs: number): Buffer {
  const digits = new Date(atMs).toISOString().replaceAll(/[-:T]|\.\d+/g, '');
  const year = Number(digits.slice(0, 4));
  invariant(year >= 1950 && year <= 9999, `the year ${year} does not fit into a certificate`);
  return year < 2050
    ? element(tags.utcTime, Buffer.from(digits.slice(2), 'latin1'))
    : element(tags.generalizedTime, Buffer.from(digits, 'latin1'));
}

function encodeLength(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest & 0xff);
  return Buffer.from([0x80 | bytes.length, ...bytes]);
}

/** One element of a document: what is in it, and the whole of it as it was signed. */
export interface DerElement {
  readonly tag: number;
  readonly contents: Buffer;
  readonly whole: Buffer;
}

/** The bytes are not the DER that was asked for. The caller says which document it was. */
export class DerError extends Error {
  override readonly name = 'DerError';
}

/** Exactly one element that fills `bytes`. */
export function readElement(bytes: Buffer): DerElement {
  const found = readNext(bytes, 0);
  if (found.whole.length !== bytes.length) throw new DerError('bytes after the end');
  return found;
}

/** The elements inside of `parent`, which must be of `tag`. */
export function readChildren(parent: DerElement | undefined, tag: number): DerElement[] {
  const contents = readContents(parent, tag);
  const children: DerElement[] = [];
  for (let offset = 0; offset < contents.length;) {
    const child = readNext(contents, offset);
    children.push(child);
    offset += child.whole.length;
  }
  return children;
}

export function readContents(from: DerElement | undefined, tag: number): Buffer {
  if (from?.tag !== tag) throw new DerError(`no element with the tag ${tag}`);
  return from.contents;
}

function readNext(bytes: Buffer, offset: number): DerElement {
  const { length, headerEnd } = readLength(bytes, offset + 1);
  const end = headerEnd + length;
  if (end > bytes.length) throw new DerError('an element is cut short');
  return { tag: bytes[offset] ?? 0, contents: bytes.subarray(headerEnd, end), whole: bytes.subarray(offset, end) };
}

function readLength(bytes: Buffer, offset: number): { length: number; headerEnd: number } {
  const first = bytes[offset];
  if (first === undefined) throw new DerError('a length is missing');
  if (first < 0x80) return { length: first, headerEnd: offset + 1 };
  const count = first & 0x7f;
  if (count === 0 || count > 4 || offset + 1 + count > bytes.length) throw new DerError('a length is malformed');
  const length = bytes.readUIntBE(offset + 1, count);
  // The shortest form is the only one: two spellings of one document would have two signatures.
  if (length < 0x80 || length < 2 ** (8 * (count - 1))) throw new DerError('a length is not in its shortest form');
  return { length, headerEnd: offset + 1 + count };
}
