import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  bitString,
  element,
  integer,
  objectIdentifier,
  readChildren,
  readElement,
  sequence,
  tags,
  time,
  utf8String,
} from './der.ts';

const hex = (bytes: Buffer): string => bytes.toString('hex');

describe('the writer', () => {
  test.each([
    ['a short length', hex(utf8String('ab')), '0c026162'],
    ['an integer whose first bit is set', hex(integer(Buffer.from([0x80]))), '02020080'],
    ['an integer with leading zeroes', hex(integer(Buffer.from([0, 0, 5]))), '020105'],
    ['zero', hex(integer(Buffer.from([0]))), '020100'],
    ['an object identifier with long arcs', hex(objectIdentifier('1.2.840.10045.4.3.2')), '06082a8648ce3d040302'],
    ['a bit string with unused bits', hex(bitString(Buffer.from([0x80]), 7)), '03020780'],
    [
      'a time before 2050',
      time(Date.UTC(2049, 11, 31, 23, 59, 59))
        .subarray(2)
        .toString(),
      '491231235959Z',
    ],
    [
      'a time from 2050 on',
      time(Date.UTC(2050, 0, 1))
        .subarray(2)
        .toString(),
      '20500101000000Z',
    ],
  ])('writes %s', (_what, written, expected) => {
    expect(written).toBe(expected);
  });
});

describe('the reader', () => {
  test('reads back what the writer wrote, at every size of the length', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 300 }), (parts) => {
        const whole = sequence(...parts.map((part) => element(tags.octetString, part)));
        const children = readChildren(readElement(whole), tags.sequence);
        expect(children.map((child) => hex(child.contents))).toEqual(parts.map((part) => hex(Buffer.from(part))));
      }),
      { numRuns: 50 },
    );
  });

  test.each([
    ['nothing', ''],
    ['a tag alone', '30'],
    ['an element cut short', '3003020105'.slice(0, 8)],
    ['bytes after the end', '3003020105ff'],
    ['a length of no fixed size', '3080020105'],
    ['a length longer than it needs to be', '308103020105'],
    ['a length with a leading zero', '3082000302010500'],
    ['a length of five bytes', '30850000000003020105'],
  ])('refuses %s', (_what, bytes) => {
    expect(() => readElement(Buffer.from(bytes, 'hex'))).toThrow(expect.objectContaining({ name: 'DerError' }));
  });
});
