import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { formatBytes, parseBytes } from './byte-size.ts';
import { formatDuration, parseDurationMs } from './duration.ts';

test.each([
  ['0B', 0],
  ['1B', 1],
  ['1KiB', 1024],
  ['1MiB', 1048576],
  ['1 MiB', 1048576],
  ['1.5GiB', 1610612736],
  ['0.0009765625KiB', 1],
  ['4503599627370495.5KiB', null],
  ['7.9PiB', null],
  ['7.5PiB', 8444249301319680],
  ['9007199254740991B', 9007199254740991],
  ['9007199254740992B', null],
  ['0.1KiB', null],
])('the byte size %s is read exactly or refused', (text, expected) => {
  if (expected === null)
    expect(() => parseBytes(text)).toThrow(expect.objectContaining({ code: 'QUANTITY_OUT_OF_RANGE' }));
  else expect(parseBytes(text)).toBe(expected);
});

test.each([
  ['1ms', 1],
  ['8s', 8000],
  ['0.5s', 500],
  ['2m', 120_000],
  ['1.5h', 5_400_000],
  ['30d', 2_592_000_000],
  ['0.5ms', null],
])('the duration %s is read exactly or refused', (text, expected) => {
  if (expected === null) {
    expect(() => parseDurationMs(text)).toThrow(expect.objectContaining({ code: 'QUANTITY_OUT_OF_RANGE' }));
  } else {
    expect(parseDurationMs(text)).toBe(expected);
  }
});

test.each(['MB', 'M', 'Mi', 'mib', 'GB', 's'])('a byte size in %s is refused with the units there are', (unit) => {
  expect(() => parseBytes(`1${unit}`)).toThrow(
    expect.objectContaining({
      code: 'UNIT_UNKNOWN',
      message: `"1${unit}" has the unit ${unit}, but a byte size is written in one of B, KiB, MiB, GiB, TiB, PiB`,
    }),
  );
});

test.each(['sec', 'min', 'M', 'µs', 'S'])('a duration in %s is refused with the units there are', (unit) => {
  expect(() => parseDurationMs(`1${unit}`)).toThrow(/one of ms, s, m, h, d$/);
});

test.each([
  '',
  '64',
  'MiB',
  '-1MiB',
  '+1MiB',
  '1e3MiB',
  '1,5MiB',
  '1.MiB',
  '.5MiB',
  '1  MiB',
  ' 1MiB',
  '1MiB\n',
  '0x1B',
  '9'.repeat(100) + 'B',
])('the text %j is no byte size', (text) => {
  expect(() => parseBytes(text)).toThrow(expect.objectContaining({ code: 'QUANTITY_MALFORMED' }));
});

test('what is formatted is parsed to the same number', () => {
  const amounts = fc.oneof(
    fc.maxSafeNat(),
    fc.tuple(fc.nat(8191), fc.nat(4)).map(([count, power]) => count * 1024 ** power),
    fc.tuple(fc.nat(99999), fc.constantFrom(1, 1000, 60_000, 3_600_000, 86_400_000)).map(([count, ms]) => count * ms),
  );
  fc.assert(
    fc.property(amounts, (amount) => {
      expect(parseBytes(formatBytes(amount))).toBe(amount);
      expect(parseDurationMs(formatDuration(amount))).toBe(amount);
    }),
  );
});

test('an amount is formatted in the largest unit that is exact', () => {
  expect([0, 1, 1024, 1536, 1048576, 3 * 2 ** 30].map(formatBytes)).toEqual([
    '0B',
    '1B',
    '1KiB',
    '1536B',
    '1MiB',
    '3GiB',
  ]);
  expect([0, 999, 90_000, 86_400_000].map(formatDuration)).toEqual(['0ms', '999ms', '90s', '1d']);
});

test.each([-1, 0.5, Number.NaN, 2 ** 53])('the amount %p is not formatted', (amount) => {
  expect(() => formatBytes(amount)).toThrow(expect.objectContaining({ code: 'QUANTITY_OUT_OF_RANGE' }));
});
