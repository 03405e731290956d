import { crc32 } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { checksum, checksumByTable, headerStart, payloadStart } from './checksum.ts';
import { EntryCache } from './entry-cache.ts';
import { counterMax, readCounter, viewOf, writeCounter } from './format.ts';
import { Histogram } from './histogram.ts';
import { Slots } from './slots.ts';
import { TermRuns } from './term-runs.ts';

describe('the checksum', () => {
  test('is the same by the table and by the native call, whatever it starts from', () => {
    const start = fc.integer({ min: 0, max: 2 ** 32 - 1 });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), start, (bytes, from) => {
        const expected = crc32(bytes, from);
        expect(checksumByTable(bytes, 0, bytes.length, from)).toBe(expected);
        expect(checksum(bytes, 0, bytes.length, from)).toBe(expected);
      }),
    );
  });

  test('starts elsewhere at every other position, and for every other group', () => {
    const starts = new Set<number>();
    for (let position = 0; position < 8000; position += 8) starts.add(headerStart(7, position));
    for (let group = 0; group < 1000; group++) starts.add(payloadStart(7, 8000, group));
    expect(starts.size).toBe(2000);
    expect(headerStart(1, 8)).not.toBe(headerStart(2, 8));
  });
});

test('a counter of 48 bits comes back, and a larger one is not written', () => {
  const view = viewOf(new Uint8Array(8));
  for (const value of [0, 1, 2 ** 32 - 1, 2 ** 32, counterMax]) {
    writeCounter(view, 2, value);
    expect(readCounter(view, 2)).toBe(value);
  }
  for (const value of [-1, 0.5, counterMax + 1]) expect(() => writeCounter(view, 0, value)).toThrow('has no 48 bits');
});

test('slots hold what a set of numbers holds, as ranges', () => {
  const change = fc.tuple(fc.boolean(), fc.nat(30), fc.nat(8));
  fc.assert(
    fc.property(fc.array(change, { maxLength: 20 }), (changes) => {
      const slots = new Slots();
      const model = new Set<number>();
      for (const [isAdded, from, length] of changes) {
        if (isAdded) slots.add(from, from + length);
        else slots.remove(from, from + length);
        for (let index = from; index <= from + length; index++) {
          if (isAdded) model.add(index);
          else model.delete(index);
        }
      }
      const held = Array.from({ length: 50 }, (_, index) => index).filter((index) => slots.has(index));
      expect(held).toEqual([...model].sort((left, right) => left - right));
      for (const [at, range] of slots.ranges.entries()) {
        expect(range.to).toBeGreaterThanOrEqual(range.from);
        expect(range.from).toBeGreaterThan((slots.ranges[at - 1]?.to ?? -2) + 1);
      }
    }),
  );
});

test('runs of terms tell what an array tells', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('append' as const), term: fc.nat(3) }),
    fc.record({ kind: fc.constantFrom('truncate' as const, 'purge' as const, 'set' as const), share: fc.nat(100) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const runs = new TermRuns();
      const model = new Map<number, number>();
      let [first, last] = [1, 0];
      for (const each of steps) {
        const index = each.kind === 'append' ? 0 : first - 1 + Math.floor((each.share / 101) * (last - first + 2));
        if (each.kind === 'append') {
          runs.append(++last, each.term);
          model.set(last, each.term);
        } else if (each.kind === 'truncate') {
          runs.truncateAfter(index);
          last = index;
        } else if (each.kind === 'purge') {
          runs.purgeTo(index);
          first = index + 1;
        } else if (index >= first) {
          runs.set(index, 9);
          model.set(index, 9);
        }
        for (let held = first; held <= last; held++) expect(runs.at(held)).toBe(model.get(held));
      }
    }),
  );
});

describe('the cache', () => {
  const entriesOf = (from: number, ...sizes: number[]): { index: number; payload: Uint8Array }[] =>
    sizes.map((size, at) => ({ index: from + at, payload: new Uint8Array(size) }));

  test('keeps what came last within its bytes, and hands out what it was given, uncopied', () => {
    const cache = new EntryCache(400);
    const added = entriesOf(1, 100, 100);
    cache.add(1, added);
    expect(cache.get(1, 2)).toBe(added[1]?.payload);
    cache.add(2, entriesOf(1, 100));
    expect(cache.usedBytes).toBeLessThanOrEqual(400);
    expect(cache.get(1, 1)).toBeNull();
    expect(cache.get(2, 1)).not.toBeNull();
  });

  test('forgets what is truncated, purged or replaced, and counts every byte back', () => {
    const cache = new EntryCache(10_000);
    cache.add(1, entriesOf(5, 10, 10, 10, 10));
    cache.truncateAfter(1, 7);
    cache.purgeTo(1, 5);
    expect([5, 6, 7, 8].map((index) => cache.get(1, index) !== null)).toEqual([false, true, true, false]);
    cache.add(1, entriesOf(7, 20));
    expect(cache.get(1, 7)).toHaveLength(20);
    cache.add(1, entriesOf(50, 10));
    expect(cache.get(1, 6)).toBeNull();
    cache.drop(1);
    expect(cache.usedBytes).toBe(0);
  });
});

test('a histogram counts each value under the first bound that holds it', () => {
  const histogram = new Histogram(1, 3);
  for (const value of [0.5, 1, 3, 4, 100]) histogram.add(value);
  expect(histogram.read()).toEqual({ bounds: [1, 2, 4], counts: [2, 0, 2, 1], sum: 108.5, count: 5 });
});
