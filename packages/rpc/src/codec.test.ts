import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { int64OfRaw, uint64OfRaw } from './codec.ts';
import { Leaf as RawLeaf } from './generated/fixture/everything-static.js';
import {
  decodeChoices,
  decodeLeaf,
  decodeMaps,
  decodeSingles,
  decodeWrappers,
  emptyChoices,
  emptyLists,
  emptyMaps,
  emptySingles,
  emptyWrappers,
  encodeChoices,
  encodeLaterLeaf,
  encodeLeaf,
  encodeLists,
  encodeMaps,
  encodeSingles,
  encodeWrappers,
  type Colour,
  type Singles,
} from './generated/fixture/everything.ts';

test('protobufjs by itself writes 0 for a bigint, which is why only the converters may call it', () => {
  const value = { name: '', size: 5n as unknown as number };
  expect([...RawLeaf.encode(value).finish()]).toEqual([0x10, 0]);
  expect([...encodeLeaf({ name: '', size: 5n })]).toEqual([0x10, 5]);
});

test('the two halves of any 64-bit number become that number', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (value) => {
      const halves = { low: Number(BigInt.asIntN(32, value)), high: Number(BigInt.asIntN(32, value >> 32n)) };
      expect(uint64OfRaw(halves)).toBe(value);
      expect(int64OfRaw(halves)).toBe(BigInt.asIntN(64, value));
    }),
  );
});

test('a decoder that rounds 64-bit fields to numbers ends the process', () => {
  expect(() => int64OfRaw(5)).toThrow('only with the package long');
  expect(() => uint64OfRaw(5)).toThrow('only with the package long');
});

const outOfRange: readonly [field: string, value: Partial<Singles>, shown: string][] = [
  ['an_int32', { anInt32: 2 ** 31 }, '2147483648'],
  ['an_int32', { anInt32: -(2 ** 31) - 1 }, '-2147483649'],
  ['an_int32', { anInt32: 0.5 }, '0.5'],
  ['an_int32', { anInt32: NaN }, 'NaN'],
  ['a_uint32', { aUint32: -1 }, '-1'],
  ['a_uint32', { aUint32: 2 ** 32 }, '4294967296'],
  ['a_sint32', { aSint32: 2 ** 31 }, '2147483648'],
  ['a_fixed32', { aFixed32: -1 }, '-1'],
  ['a_sfixed32', { aSfixed32: Infinity }, 'Infinity'],
  ['colour', { colour: 2 ** 31 }, '2147483648'],
  ['colour', { colour: 'MAUVE' as Colour }, 'MAUVE'],
  ['colour', { colour: 'toString' as Colour }, 'toString'],
];
test.each(outOfRange)('%s does not take %o', (field, value, shown) => {
  expect(() => encodeSingles({ ...emptySingles, ...value })).toThrow(
    expect.objectContaining({
      code: 'FIELD_OUT_OF_RANGE',
      details: { field: `holdfast.fixture.v1.Singles.${field}`, value: shown },
    }),
  );
});

test('half a surrogate pair is refused wherever text can stand, for no other implementation would read it', () => {
  const half = '\ud800';
  const notUnicode = expect.objectContaining({ code: 'FIELD_NOT_UNICODE' });
  expect(() => encodeSingles({ ...emptySingles, aString: half })).toThrow(notUnicode);
  expect(() => encodeLists({ ...emptyLists, strings: [half] })).toThrow(notUnicode);
  expect(() => encodeMaps({ ...emptyMaps, strings: { [half]: '' } })).toThrow(notUnicode);
  expect(() => encodeMaps({ ...emptyMaps, strings: { key: half } })).toThrow(notUnicode);
  expect(() => encodeMaps({ ...emptyMaps, int64s: { [half]: 1n } })).toThrow(notUnicode);
  expect(() => encodeWrappers({ ...emptyWrappers, aString: half })).toThrow(notUnicode);
  expect(() => encodeChoices({ ...emptyChoices, value: { kind: 'codec', value: half } })).toThrow(notUnicode);
});

test('an enum value that only a later version knows is kept as its number', () => {
  const bytes = encodeSingles({ ...emptySingles, colour: 77 });
  expect(decodeSingles(bytes).colour).toBe(77);
  expect(encodeSingles(decodeSingles(bytes))).toEqual(bytes);
});

test('a known enum value is a name, also if its number was sent', () => {
  expect(decodeSingles(encodeSingles({ ...emptySingles, colour: -3 })).colour).toBe('BELOW_ZERO');
});

test('a key of a map is nothing but a key', () => {
  const strings = JSON.parse('{"__proto__": "sent", "hasOwnProperty": "sent"}') as Record<string, string>;
  const decoded = decodeMaps(encodeMaps({ ...emptyMaps, strings })).strings;
  expect(Object.entries(decoded)).toEqual([
    ['__proto__', 'sent'],
    ['hasOwnProperty', 'sent'],
  ]);
  expect(decoded['__proto__']).toBe('sent');
  expect(decoded['constructor']).toBeUndefined();
});

test('a wrapper tells an absent value from a zero', () => {
  const value = { ...emptyWrappers, anInt64: 0n, aBool: false, aString: '' };
  expect(decodeWrappers(encodeWrappers(value))).toEqual(value);
});

test('of two members of a oneof in the bytes the later one stands', () => {
  const first = encodeChoices({ ...emptyChoices, value: { kind: 'codec', value: 'text' } });
  const second = encodeChoices({ ...emptyChoices, value: { kind: 'from', value: 0n } });
  expect(decodeChoices(Buffer.concat([first, second])).value).toEqual({ kind: 'from', value: 0n });
  expect(decodeChoices(Buffer.concat([second, first])).value).toEqual({ kind: 'codec', value: 'text' });
});

test('fields of a later version are skipped', () => {
  const later = encodeLaterLeaf({
    name: 'leaf',
    size: 7n,
    addedText: 'unknown here',
    addedMessages: [emptySingles, { ...emptySingles, aString: 'unknown here' }],
    addedFixed64: 2n ** 64n - 1n,
    addedFloat: 1.5,
  });
  expect(decodeLeaf(later)).toEqual({ name: 'leaf', size: 7n });
});

const unknownGroupStart = (9 << 3) | 3;
const malformed: readonly [name: string, bytes: Uint8Array][] = [
  ['cut within a text', encodeLeaf({ name: 'leaf', size: 0n }).subarray(0, 4)],
  ['cut within a number', encodeLeaf({ name: '', size: -1n }).subarray(0, 6)],
  ['cut after a tag', Uint8Array.of(0x10)],
  ['a number of eleven bytes', Uint8Array.of(0x10, ...Array<number>(11).fill(0xff))],
  ['a text that is not UTF-8', Uint8Array.of(0x0a, 2, 0xc3, 0x28)],
  ['a length of 4 GiB', Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f)],
  ['field number 0', Uint8Array.of(0x00, 0x01)],
  ['a wire type that does not exist', Uint8Array.of(0x0f)],
  ['a group that does not end', Uint8Array.of(unknownGroupStart)],
  ['100,000 groups in each other', new Uint8Array(100_000).fill(unknownGroupStart)],
];
test.each(malformed)('%s is refused as a malformed message', (_name, bytes) => {
  expect(() => decodeLeaf(bytes)).toThrow(
    expect.objectContaining({ code: 'MESSAGE_MALFORMED', kind: 'invalid', retriable: false }),
  );
  expect(() => decodeLeaf(bytes)).toThrow('the bytes are not a message holdfast.fixture.v1.Leaf: ');
});

test('a Buffer and a plain array of bytes are read alike', () => {
  const bytes = encodeLeaf({ name: 'Größe', size: -5n });
  expect(decodeLeaf(Uint8Array.from(bytes))).toEqual(decodeLeaf(Buffer.from(bytes)));
});
