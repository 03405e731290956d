import { crc32 } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { checksum, checksumByTable, headerStart, payloadStart } from './checksum.ts';
import { makeChunk, type Chunk } from './chunk.ts';
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
  const chunkOf = (sequence: number): Chunk => {
    const salt = new Uint8Array(8).fill(sequence);
    const sizes = { chunkBytes: 2 ** 20, blockBytes: 512 };
    return makeChunk('/log', { version: 1, sequence, salt, logId: salt, previousSalt: salt, ...sizes });
  };
  const batchOf = (lengthBytes: number, fill: number): Uint8Array => new Uint8Array(lengthBytes).fill(fill);
  const byteAt = (cache: EntryCache, chunk: Chunk, position: number): number | null => {
    const region = cache.regionOf({ chunk, position });
    return region === null ? null : (region.bytes[position - region.position] ?? null);
  };

  test('keeps the batches that came last, in places of their own', () => {
    const cache = new EntryCache(2048);
    const [first, second] = [chunkOf(1), chunkOf(2)];
    cache.keep(first, { position: 1024, endPosition: 1536 }, batchOf(100, 1));
    cache.keep(first, { position: 1536, endPosition: 2560 }, batchOf(1000, 2));
    cache.keep(second, { position: 1024, endPosition: 1536 }, batchOf(512, 3));
    expect([1023, 1024, 1536, 2559, 2560].map((position) => byteAt(cache, first, position))).toEqual([
      null,
      1,
      2,
      0,
      null,
    ]);
    expect(byteAt(cache, second, 1024)).toBe(3);
    expect(cache.usedBytes).toBe(2048);
    cache.keep(second, { position: 1536, endPosition: 2048 }, batchOf(512, 4));
    expect(byteAt(cache, first, 1024)).toBeNull();
    expect(byteAt(cache, first, 1536)).toBe(2);
    expect(byteAt(cache, second, 1536)).toBe(4);
  });

  test('does not hold a batch that is larger than itself', () => {
    const cache = new EntryCache(1024);
    cache.keep(chunkOf(1), { position: 1024, endPosition: 2560 }, batchOf(1536, 1));
    expect(byteAt(cache, chunkOf(1), 1024)).toBeNull();
    expect(cache.usedBytes).toBe(0);
  });

  test('holds what was written or nothing, and never more than its limit, whatever the batches', () => {
    const step = fc.record({ blocks: fc.integer({ min: 1, max: 9 }), isNewChunk: fc.boolean() });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4096 }), fc.array(step, { maxLength: 60 }), (limitBytes, steps) => {
        const cache = new EntryCache(limitBytes);
        const written: { chunk: Chunk; position: number; endPosition: number; fill: number }[] = [];
        let chunk = chunkOf(1);
        let position = 1024;
        for (const [at, { blocks, isNewChunk }] of steps.entries()) {
          if (isNewChunk) [chunk, position] = [chunkOf(at + 2), 1024];
          const endPosition = position + blocks * 512;
          const batch = { chunk, position, endPosition, fill: at + 1 };
          cache.keep(chunk, batch, batchOf(blocks * 512, batch.fill));
          written.push(batch);
          position = endPosition;
          for (const each of written) {
            const held = byteAt(cache, each.chunk, each.position);
            const isLast = each === batch && blocks * 512 <= limitBytes;
            expect(isLast ? [each.fill] : [each.fill, null]).toContain(held);
          }
          expect(cache.usedBytes).toBeLessThanOrEqual(limitBytes);
        }
      }),
    );
  });
});

test('a histogram counts each value under the first bound that holds it', () => {
  const histogram = new Histogram(1, 3);
  for (const value of [0.5, 1, 3, 4, 100]) histogram.add(value);
  expect(histogram.read()).toEqual({ bounds: [1, 2, 4], counts: [2, 0, 2, 1], sum: 108.5, count: 5 });
});
