// What was in a slot that nobody can read any more: one history a row, as the disk of member 1 was told it.
import { expect, test } from '@jest/globals';
import { toLogIndex, toTerm } from '@holdfast/base';
import { emptyReplica, toMemberId, type Effects, type Entry, type Recovered } from '@holdfast/raft';
import { noEffects } from '@holdfast/raft/internal';
import { WrittenSlots } from './written-slots.ts';

type Write = NonNullable<Effects['write']>;
type Told = (slots: WrittenSlots) => void;

const one = toMemberId(1);
const slot = toLogIndex(2);

function entry(index: number, term: number): Entry {
  return { index: toLogIndex(index), term: toTerm(term), kind: 'command', data: new Uint8Array(), proposal: null };
}

function steps(ticket: number, part: Partial<Write>): Told {
  const nothing = { vote: null, snapshot: null, truncateAfter: null, commit: null, purgeTo: null, isSettled: false };
  const write = { ticket, ...nothing, entries: [], repairs: [], ...part };
  return (slots) => slots.onStep(one, { ...noEffects(), write });
}

function finds(entries: readonly Entry[], faulty: Recovered['faulty'] = []): Told {
  return (slots) => slots.onRecovered(one, { ...emptyReplica(), entries, faulty });
}

const stores =
  (ticket: number): Told =>
  (slots) =>
    slots.onStored(one, ticket);
const findsDamage = finds([entry(1, 1)], [{ index: slot, term: toTerm(0) }]);
const overwrites = steps(2, { truncateAfter: toLogIndex(1), entries: [entry(2, 3)] });

/** Which terms slot 2 may be of; entry 1 of term 1 and entry 2 of term 2 are durable before. */
test.each<{ what: string; told: readonly Told[]; terms: readonly number[] }>([
  { what: 'its entry was written and rotted', told: [findsDamage], terms: [2] },
  { what: 'another one has taken its place', told: [overwrites, stores(2), findsDamage], terms: [3] },
  { what: 'another one was on its way', told: [overwrites], terms: [2, 3] },
  { what: 'another one was on its way when the process died', told: [overwrites, findsDamage], terms: [2, 3] },
  { what: 'it was damaged in an earlier life already', told: [findsDamage, findsDamage], terms: [2] },
  { what: 'it can be read after all', told: [overwrites, finds([entry(1, 1), entry(2, 3)])], terms: [3] },
  {
    what: 'it was repaired',
    told: [overwrites, findsDamage, steps(3, { repairs: [entry(2, 2)] }), stores(3)],
    terms: [2],
  },
  {
    what: 'it was cut off, and may say anything',
    told: [steps(2, { truncateAfter: toLogIndex(1) }), stores(2)],
    terms: [1, 2, 3, 4],
  },
  { what: 'the log ends before it', told: [finds([entry(1, 1)])], terms: [1, 2, 3, 4] },
])('what a slot may say: $what', ({ told, terms }) => {
  const slots = new WrittenSlots();
  const before = [finds([]), steps(1, { entries: [entry(1, 1), entry(2, 2)] }), stores(1)];
  for (const tell of [...before, ...told]) tell(slots);
  const mayHoldSame = (term: number): boolean => {
    const another = toMemberId(2);
    slots.onRecovered(another, { ...emptyReplica(), entries: [entry(1, 1), entry(2, term)] });
    return slots.mayHoldSame(one, another, slot);
  };
  expect([1, 2, 3, 4].filter(mayHoldSame)).toEqual(terms);
});
