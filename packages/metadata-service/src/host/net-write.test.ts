// Several writes as one, against a log that takes them one after another.
import { expect, test } from '@jest/globals';
import type { LogIndex, Term } from '@holdfast/base';
import { emptyReplica, type Entry, type StorageWrite } from '@holdfast/raft';
import fc from 'fast-check';
import { netOf } from './net-write.ts';

/** A log as its writes leave it: what it begins behind, and the entries' names. */
interface Model {
  begin: number;
  entries: { readonly index: number; readonly name: number }[];
  vote: StorageWrite['vote'];
  commit: number;
  isSettled: boolean;
}

const lastOf = ({ begin, entries }: Model): number => entries.at(-1)?.index ?? begin;

function take(model: Model, write: StorageWrite): void {
  model.vote = write.vote ?? model.vote;
  if (write.snapshot !== null) {
    model.begin = write.snapshot.index;
    model.entries = [];
  }
  const { truncateAfter, purgeTo } = write;
  if (truncateAfter !== null) model.entries = model.entries.filter(({ index }) => index <= truncateAfter);
  for (const { index, term } of write.entries) {
    expect(index).toBe(lastOf(model) + 1);
    model.entries.push({ index, name: term });
  }
  if (purgeTo !== null && purgeTo > model.begin) {
    model.entries = model.entries.filter(({ index }) => index > purgeTo);
    model.begin = purgeTo;
  }
  model.commit = write.commit ?? model.commit;
  model.isSettled ||= write.isSettled;
}

const empty: StorageWrite = {
  ticket: 0,
  vote: null,
  snapshot: null,
  truncateAfter: null,
  entries: [],
  repairs: [],
  commit: null,
  purgeTo: null,
  isSettled: false,
};

type Choice = { readonly kind: number; readonly size: number; readonly share: number };

/** A write that the model in its state can take: what the core would ask for. */
function writeOf({ kind, size, share }: Choice, model: Model, ticket: number): StorageWrite {
  const last = lastOf(model);
  const fixed = Math.max(model.begin, model.commit);
  const within = (low: number, high: number): LogIndex => (low + Math.floor(share * (high - low))) as LogIndex;
  const entriesFrom = (index: number): Entry[] =>
    Array.from({ length: size }, (_, at) => {
      return {
        index: index + at,
        term: ticket,
        kind: 'command',
        data: new Uint8Array(),
        proposal: null,
      } as unknown as Entry;
    });
  const base = { ...empty, ticket, commit: model.commit as LogIndex };
  switch (kind) {
    case 0: {
      const truncateAfter = within(fixed, last);
      return { ...base, truncateAfter, entries: entriesFrom(truncateAfter + 1) };
    }
    case 1:
      return { ...base, vote: { term: ticket as Term, votedFor: null }, isSettled: share > 0.5 };
    case 2: {
      const { snapshot } = emptyReplica();
      const index = (last + 1 + size) as LogIndex;
      return { ...base, commit: index, snapshot: { ...snapshot, index } };
    }
    case 3:
      return { ...base, commit: within(model.commit, last), purgeTo: within(model.begin, model.commit) };
    default:
      return { ...base, commit: within(model.commit, last), entries: entriesFrom(last + 1) };
  }
}

const choice = fc.record({ kind: fc.nat(5), size: fc.nat(4), share: fc.double({ min: 0, max: 0.999, noNaN: true }) });

test('one net write leaves the log as all of them, one after another', () => {
  fc.assert(
    fc.property(
      fc.array(choice, { minLength: 1, maxLength: 4 }),
      fc.array(choice, { maxLength: 6 }),
      (first, later) => {
        const inTurn: Model = { begin: 0, entries: [], vote: null, commit: 0, isSettled: false };
        let ticket = 0;
        for (const each of later) take(inTurn, writeOf(each, inTurn, ++ticket));
        const atOnce = { ...inTurn, entries: [...inTurn.entries] };
        const writes: StorageWrite[] = [];
        for (const each of first) {
          const write = writeOf(each, inTurn, ++ticket);
          writes.push(write);
          take(inTurn, write);
        }
        const [head, ...rest] = writes;
        if (head === undefined) return;
        const net = netOf([head, ...rest]);
        expect(net.ticket).toBe(ticket);
        take(atOnce, net);
        expect(atOnce).toEqual(inTurn);
      },
    ),
    { numRuns: 2_000 },
  );
});

test('repairs of slots that are cut off again are not written', () => {
  const repairs = [3, 5].map((index) => {
    return { index, term: 1, kind: 'empty', data: new Uint8Array(), proposal: null } as unknown as Entry;
  });
  const net = netOf([
    { ...empty, ticket: 1, repairs },
    { ...empty, ticket: 2, truncateAfter: 4 as LogIndex },
  ]);
  expect(net.repairs.map(({ index }) => index)).toEqual([3]);
});
