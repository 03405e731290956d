// Where a cluster need no longer come to rest: both sides of each border.
import { expect, test } from '@jest/globals';
import { toLogIndex, toTerm } from '@holdfast/base';
import { toMemberId, votersOnly } from '@holdfast/raft';
import { whyBeyondPromise, type Remnant } from './fault-atlas.ts';

interface Part {
  readonly doubts?: true;
  readonly last?: number;
  readonly damaged?: readonly number[];
}

const configuration = votersOnly([1, 2, 3].map(toMemberId));

function remnant(member: number, { doubts, last = 9, damaged = [] }: Part): Remnant {
  return {
    self: toMemberId(member),
    isSuspect: doubts === true || damaged.length > 0,
    last: { term: toTerm(4), index: toLogIndex(last) },
    damaged: damaged.map(toLogIndex),
    configuration,
  };
}

const doubts = { doubts: true } as const;
const slot = { damaged: [7] };

test.each<{ what: string; members: Record<number, Part>; lost?: number[]; answer: string | null }>([
  {
    what: 'all three doubt their logs, and each can be asked',
    members: { 1: doubts, 2: doubts, 3: doubts },
    answer: null,
  },
  { what: 'one is lost, and two are sound', members: { 1: {}, 2: {} }, lost: [3], answer: null },
  { what: 'one is lost, and one doubts', members: { 1: {}, 2: doubts }, lost: [3], answer: 'a voter is gone for good' },
  { what: 'one is down and not lost, and one doubts', members: { 1: {}, 2: doubts }, answer: null },
  { what: 'one is lost that is no voter any more', members: { 1: {}, 2: doubts, 3: {} }, lost: [4], answer: null },
  {
    what: 'one has a slot that nobody has, and two are sound',
    members: { 1: { last: 6 }, 2: { last: 6 }, 3: slot },
    answer: null,
  },
  {
    what: 'one has a slot that nobody has, and one doubts',
    members: { 1: { last: 6 }, 2: { ...doubts, last: 6 }, 3: slot },
    answer: 'entry 7 was with member 3, and is nowhere',
  },
  {
    what: 'who doubts has what is in the slot',
    members: { 1: { last: 6 }, 2: { ...doubts, last: 7 }, 3: slot },
    answer: null,
  },
  { what: 'a sound one has what is in the slot', members: { 1: {}, 2: { ...doubts, last: 6 }, 3: slot }, answer: null },
  {
    what: 'a newcomer has what is in the slot',
    members: { 1: { last: 6 }, 2: { ...doubts, last: 6 }, 3: slot, 4: {} },
    answer: null,
  },
  {
    what: 'two have the same slot, and cannot read it',
    members: { 1: { last: 6 }, 2: slot, 3: slot },
    answer: 'entry 7 was with member 2, and is nowhere',
  },
  {
    what: 'a newcomer has a slot that nobody has',
    members: { 1: {}, 2: doubts, 3: {}, 4: { last: 12, damaged: [12] } },
    answer: null,
  },
])('$what', ({ members, lost = [], answer }) => {
  const running = Object.entries(members).map(([member, part]) => remnant(Number(member), part));
  const expected = answer === null ? null : `${answer}, and of (1 2 3) no quorum trusts its log`;
  expect(whyBeyondPromise({ running, lost: new Set(lost.map(toMemberId)) })).toBe(expected);
});
