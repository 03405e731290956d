import { expect, test } from '@jest/globals';
import { toLogIndex, toTerm } from '@holdfast/base';
import fc from 'fast-check';
import { noData, type Entry } from './entry.ts';
import { Log, type DamagedSlot } from './log.ts';

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
const lost = (index: number, term: number): DamagedSlot => ({ ...position(index, term), isTermKnown: false });
/** What a leader begins its term with. */
const begun = (index: number, term: number): Entry => ({ ...entry(index, term), kind: 'empty', data: noData });
/** By the log alone; null of a slot that may have been of more than one. */
const knownTerms = (log: Log, slots: number[]): (number | null)[] =>
  slots.map((index) => [1, 2, 3, 4, 5].find((term) => log.leadsThrough(position(index, term))) ?? null);

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

test('what is packed is answered, cut, purged and repaired around as before', () => {
  const log = new Log(position(0, 0));
  const held = (index: number): Entry => ({
    ...entry(index, 1 + Math.floor(index / 50)),
    kind: index === 70 ? 'configuration' : 'command',
    proposal: index % 3 === 0 ? null : { session: 2 ** 50 + index, sequence: index },
    data: Uint8Array.from({ length: index % 7 }, (_, at) => index + at),
  });
  for (let index = 1; index <= 400; index++) {
    log.append(index === 100 ? { ...position(100, 3), isTermKnown: true } : held(index));
  }
  const { bytes } = log;
  log.packTo(toLogIndex(300));
  expect([log.bytes, log.damagedSlots, log.lastTerm]).toEqual([bytes, 1, 9]);
  log.repair(held(100));
  log.purgeTo(position(30, 1));
  log.truncateAfter(toLogIndex(250));
  log.packTo(toLogIndex(250));
  const left = Array.from({ length: 220 }, (_, at) => held(31 + at));
  expect(log.slice(log.firstIndex, Infinity)).toEqual(left);
  expect(left.map(({ index }) => log.termAt(index))).toEqual(left.map(({ term }) => term));
  expect([log.bytes, log.lastKnown]).toEqual([log.sizeOf(left), position(250, 6)]);
  expect(log.sharedUpTo(position(300, 4))).toBe(199);
  log.purgeTo(position(250, 6));
  expect([log.bytes, log.lastIndex]).toEqual([0, 250]);
});

test('what was packed holds on to nothing that it was given', () => {
  const log = new Log(position(0, 0));
  const data = new Uint8Array([1, 2, 3]);
  for (let index = 1; index <= 64; index++) log.append({ ...entry(index, 1), data });
  log.packTo(toLogIndex(64));
  data.fill(0);
  expect(log.entryAt(toLogIndex(64))?.data).toEqual(new Uint8Array([1, 2, 3]));
});

test('a damaged slot is neither had nor absent, ends a slice, and is filled in place', () => {
  const log = new Log(position(0, 0));
  log.append(entry(1, 1));
  log.append(lost(2, 1));
  log.append({ ...position(3, 2), isTermKnown: true });
  log.append(lost(4, 2));
  log.append(begun(5, 4));
  expect([1, 2, 5].map((index) => log.matches(toLogIndex(index), toTerm(1)))).toEqual(['yes', 'damaged', 'no']);
  expect(log.damagedIndices(5)).toEqual([2, 3, 4]);
  expect(log.slice(toLogIndex(1), Infinity)).toHaveLength(1);
  expect([entry(2, 1), entry(3, 2), entry(3, 1)].map((each) => log.isOfSlot(each))).toEqual([false, true, false]);
  const through = [entry(1, 1), entry(2, 1), entry(3, 2), entry(3, 3), entry(5, 1)];
  expect(through.map((each) => log.leadsThrough(each))).toEqual([true, false, true, false, false]);
  expect(() => {
    log.repair(entry(3, 1));
  }).toThrow('slot 3 is not of term 1');
  log.repair({ ...entry(3, 2), data: noData });
  log.repair({ ...entry(2, 2), data: noData });
  expect([2, 3, 4].map((index) => log.termAt(toLogIndex(index)))).toEqual([2, 2, 2]);
  expect(log.damagedSlots).toBe(1);
});

test.each([
  { what: 'the term before and behind is one', behind: [entry(4, 3)], known: [3, 3] },
  { what: 'a leader of the next term began behind it', behind: [begun(4, 4)], known: [3, 3] },
  { what: 'what is damaged behind it is of the same term', behind: [position(4, 3)], known: [3, 3] },
  { what: 'what stands behind it does not begin its term', behind: [entry(4, 5)], known: [null, 5] },
  { what: 'nothing stands behind it', behind: [], known: [null, null] },
  { what: 'what is damaged behind it may begin its term', behind: [position(4, 4)], known: [null, null] },
  { what: 'a term lies between those before and behind', behind: [begun(4, 5)], known: [null, null] },
])('the term of a slot is known if only one is possible: $what', ({ behind, known }) => {
  const log = new Log(position(0, 3));
  log.append(entry(1, 3));
  for (const index of [2, 3]) log.append(lost(index, 3));
  for (const slot of behind) log.append('kind' in slot ? slot : { ...slot, isTermKnown: true });
  expect(knownTerms(log, [2, 3])).toEqual(known);
});

test('a slot that is filled tells the terms of those beside it, if only one is possible', () => {
  const log = new Log(position(0, 2));
  log.append(entry(1, 2));
  for (const index of [2, 3, 4, 5, 6]) log.append(lost(index, 2));
  log.append(begun(7, 4));
  const slots = [2, 3, 4, 5, 6];
  expect(knownTerms(log, slots)).toEqual([null, null, null, null, null]);
  log.repair(begun(4, 3));
  expect(knownTerms(log, slots)).toEqual([2, 2, 3, 3, 3]);
});

test('a slot at the end stays of an unknown term, whatever is filled before it', () => {
  const log = new Log(position(0, 2));
  for (const index of [1, 2, 3]) log.append(lost(index, 2));
  log.repair(entry(2, 2));
  expect(knownTerms(log, [1, 2, 3])).toEqual([2, 2, null]);
});

test.each([
  { what: 'both end in the same term', of: [5, 9], shared: 5 },
  { what: 'the other one ends before', of: [4, 9], shared: 4 },
  { what: 'the other one ends in an earlier term', of: [9, 4], shared: 2 },
  { what: 'the slot where they part is damaged, of a known term', of: [3, 7], shared: 3 },
  { what: 'only slots whose term nobody knows are of the term', of: [3, 4], shared: 2 },
  { what: 'the other one ends in a term of which nothing is here', of: [9, 8], shared: null },
])('two logs are the same up to the last place that both know to be of one term: $what', ({ of, shared }) => {
  const log = new Log(position(0, 0));
  for (const index of [1, 2]) log.append(entry(index, 4));
  if (of[1] === 4) log.append(lost(3, 4));
  else log.append({ ...position(3, 7), isTermKnown: true });
  for (const index of [4, 5]) log.append(entry(index, 9));
  const [index = 0, term = 0] = of;
  expect(log.sharedUpTo(position(index, term))).toBe(shared);
});

test('the last place that is known is the last one that is whole, or damaged and of a known term', () => {
  const log = new Log(position(4, 2));
  log.append(lost(5, 2));
  expect(log.lastKnown).toEqual(position(4, 2));
  log.append({ ...position(6, 3), isTermKnown: true });
  log.append(lost(7, 3));
  expect(log.lastKnown).toMatchObject(position(6, 3));
  log.append(entry(8, 3));
  expect(log.lastKnown).toMatchObject(position(8, 3));
});
