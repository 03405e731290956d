import { expect, test } from '@jest/globals';
import { toLogIndex, toTerm } from '@holdfast/base';
import fc from 'fast-check';
import { noData, type Entry } from './entry.ts';
import { Log } from './log.ts';

const entry = (index: number, term: number): Entry => ({
  index: toLogIndex(index),
  term: toTerm(term),
  kind: 'command',
  data: new Uint8Array(index % 7),
  proposal: null,
});
const position = (index: number, term: number): { index: Entry['index']; term: Entry['term'] } => ({
  index: toLogIndex(index),
  term: toTerm(term),
});

const action = fc.oneof(
  fc.record({ kind: fc.constant('append' as const), by: fc.nat(2) }),
  fc.record({ kind: fc.constant('cut' as const), by: fc.nat(4) }),
  fc.record({ kind: fc.constant('purge' as const), by: fc.nat(3) }),
);

test('a log answers like a plain list of terms, whatever was appended, cut and purged', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), fc.nat(60), fc.nat(20), (actions, asked, askedTerm) => {
      const log = new Log(position(5, 1));
      let first = 5;
      let terms = [1];
      for (const { kind, by } of actions) {
        const last = first + terms.length - 1;
        if (kind === 'append') {
          const term = (terms.at(-1) ?? 0) + by;
          log.append(entry(last + 1, term));
          terms.push(term);
        } else if (kind === 'cut') {
          const kept = Math.max(1, terms.length - by);
          log.truncateAfter(toLogIndex(first + kept - 1));
          terms = terms.slice(0, kept);
        } else {
          const gone = Math.min(by, terms.length - 1);
          log.purgeTo(position(first + gone, terms[gone] ?? 0));
          first += gone;
          terms = terms.slice(gone);
        }
      }
      expect([log.base.index, log.lastIndex, log.lastTerm]).toEqual([first, first + terms.length - 1, terms.at(-1)]);
      expect(log.termAt(toLogIndex(asked))).toBe(terms[asked - first] ?? null);
      const found = terms.findLastIndex((term, at) => at === 0 || (first + at <= asked && term <= askedTerm));
      expect(log.lastOfTermAtMost(toLogIndex(asked), toTerm(askedTerm)).index).toBe(first + found);
      const entries = log.slice(log.firstIndex, Infinity);
      expect(entries.map((each) => each.term)).toEqual(terms.slice(1));
      expect(log.bytes).toBe(log.sizeOf(entries));
    }),
  );
});

test('a slice holds at least one entry and then as many as fit', () => {
  const log = new Log(position(0, 0));
  for (let index = 1; index <= 9; index++) log.append({ ...entry(index, 1), data: new Uint8Array(36) });
  expect(log.slice(toLogIndex(2), 0)).toHaveLength(1);
  expect(log.slice(toLogIndex(2), 300).map(({ index }) => index)).toEqual([2, 3, 4]);
  expect(log.slice(toLogIndex(10), 300)).toEqual([]);
});

test('a damaged slot is neither had nor absent, ends a slice, and is filled in place', () => {
  const log = new Log(position(0, 0));
  log.append(entry(1, 1));
  log.append({ ...position(2, 1), isTermKnown: false });
  log.append({ ...position(3, 1), isTermKnown: true });
  log.append(entry(4, 3));
  expect([1, 2, 4].map((index) => log.matches(toLogIndex(index), toTerm(1)))).toEqual(['yes', 'damaged', 'no']);
  expect(log.damagedIndices(5)).toEqual([2, 3]);
  expect(log.slice(toLogIndex(1), Infinity)).toHaveLength(1);
  expect([log.isOfSlot(entry(2, 1)), log.isOfSlot(entry(3, 1)), log.isOfSlot(entry(3, 2))]).toEqual([
    false,
    true,
    false,
  ]);
  const through = [entry(1, 1), entry(2, 1), entry(3, 1), entry(3, 2), entry(4, 1)].map((each) =>
    log.leadsThrough(each),
  );
  expect(through).toEqual([true, false, true, false, false]);
  log.repair({ ...entry(2, 2), data: noData });
  expect([log.termAt(toLogIndex(2)), log.termAt(toLogIndex(3)), log.damagedSlots]).toEqual([2, 2, 1]);
});
