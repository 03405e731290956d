import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { continueTrace, formatTraceparent, parseTraceparent } from './trace-context.ts';
import { countingRandom } from './testing.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const spanId = '00f067aa0ba902b7';

test.each([
  ['a sampled caller', `00-${traceId}-${spanId}-01`, { traceId, spanId, sampled: true }],
  ['an unsampled caller', `00-${traceId}-${spanId}-00`, { traceId, spanId, sampled: false }],
  ['flags of a later version', `00-${traceId}-${spanId}-03`, { traceId, spanId, sampled: true }],
  ['a later version with more fields', `cc-${traceId}-${spanId}-01-what-comes`, { traceId, spanId, sampled: true }],
  ['no header', null, null],
  ['an empty header', '', null],
  ['version ff', `ff-${traceId}-${spanId}-01`, null],
  ['version 00 with more fields', `00-${traceId}-${spanId}-01-x`, null],
  ['a trace id of zeroes', `00-${'0'.repeat(32)}-${spanId}-01`, null],
  ['a span id of zeroes', `00-${traceId}-${'0'.repeat(16)}-01`, null],
  ['upper-case digits', `00-${traceId.toUpperCase()}-${spanId}-01`, null],
  ['a short trace id', `00-${traceId.slice(1)}-${spanId}-01`, null],
  ['an endless header', `01-${traceId}-${spanId}-01-${'x'.repeat(100_000)}`, null],
])('traceparent with %s is read as W3C says', (_name, header, expected) => {
  expect(parseTraceparent(header)).toEqual(expected);
});

test('what is formatted is parsed to the same', () => {
  const hex = (length: number): fc.Arbitrary<string> =>
    fc
      .uint8Array({ minLength: length, maxLength: length })
      .filter((bytes) => bytes.some((byte) => byte !== 0))
      .map((bytes) => Buffer.from(bytes).toString('hex'));
  fc.assert(
    fc.property(fc.record({ traceId: hex(16), spanId: hex(8), sampled: fc.boolean() }), (trace) => {
      expect(parseTraceparent(formatTraceparent(trace))).toEqual(trace);
    }),
  );
});

test('a trace goes on in a span of our own whose parent is the caller', () => {
  const trace = continueTrace(countingRandom(), `00-${traceId}-${spanId}-01`);
  expect(trace).toEqual({ traceId, spanId: '0101010101010101', parentSpanId: spanId, sampled: true });
});

test('a malformed header starts a fresh trace, and ids are never all zeroes', () => {
  const zeroes = { ...countingRandom(), bytes: (length: number) => new Uint8Array(length) };
  expect(continueTrace(zeroes, 'rubbish')).toEqual({
    traceId: `${'0'.repeat(31)}1`,
    spanId: `${'0'.repeat(15)}1`,
    parentSpanId: null,
    sampled: false,
  });
});
