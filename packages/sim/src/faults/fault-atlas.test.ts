// Where a cluster need no longer come to rest: both sides of each border.
import { expect, test } from '@jest/globals';
import { toLogIndex, toTerm } from '@holdfast/base';
import { formatConfiguration, toMemberId, votersOnly, type Configuration } from '@holdfast/raft';
import { whyBeyondPromise, type Remnant } from './fault-atlas.ts';

interface Part {
  readonly doubts?: true;
  readonly last?: number;
  readonly term?: number;
  readonly commit?: number;
  readonly damaged?: readonly number[];
  /** What it has in each slot is another entry than the one with which the others fill theirs. */
  readonly isAnother?: true;
}

const of = (...voters: number[]): Configuration => votersOnly(voters.map(toMemberId));

function remnant(member: number, configuration: Configuration, part: Part): Remnant {
  const { doubts, last = 9, term = 4, commit = 5, damaged = [] } = part;
  return {
    self: toMemberId(member),
    isSuspect: doubts === true || damaged.length > 0,
    last: { term: toTerm(term), index: toLogIndex(last) },
    commit: toLogIndex(commit),
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
  {
    what: 'who doubts has another entry in the slot, in an older log',
    members: { 1: { last: 6 }, 2: { ...doubts, last: 8, term: 3, isAnother: true }, 3: slot },
    answer: 'entry 7 was with member 3, and is nowhere',
  },
  {
    what: 'who doubts has what is in the slot, in an older log',
    members: { 1: { last: 6 }, 2: { ...doubts, last: 8, term: 3 }, 3: slot },
    answer: null,
  },
  {
    what: 'who doubts has another entry in the slot, and it is committed',
    members: { 1: { last: 6 }, 2: { ...doubts, last: 8, term: 3, commit: 7, isAnother: true }, 3: slot },
    answer: null,
  },
  {
    what: 'who doubts has another entry in the slot, in a newer log',
    members: { 1: { last: 6 }, 2: { ...doubts, last: 8, term: 5, isAnother: true }, 3: slot },
    answer: null,
  },
  {
    what: 'of two slots only one is in another log',
    members: { 1: { last: 6 }, 2: { ...doubts, last: 7 }, 3: { damaged: [7, 8] } },
    answer: 'entry 8 was with member 3, and is nowhere',
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
])('of three voters, $what', ({ members, lost = [], answer }) => {
  expect(whyOf(of(1, 2, 3), members, lost)).toBe(answer);
});

const halves: Configuration = { ...of(1, 2, 3, 4), outgoing: [1, 5, 6].map(toMemberId) };

test.each<{
  what: string;
  voters: Configuration;
  members: Record<number, Part>;
  lost?: number[];
  answer: string | null;
}>([
  {
    what: 'one is lost, two are sound, and one doubts',
    voters: of(1, 2, 3, 4),
    members: { 1: {}, 2: {}, 3: doubts },
    lost: [4],
    answer: null,
  },
  {
    what: 'one is lost, and two doubt',
    voters: of(1, 2, 3, 4),
    members: { 1: {}, 2: doubts, 3: doubts },
    lost: [4],
    answer: 'a voter is gone for good',
  },
  {
    what: 'two are lost, and two are sound',
    voters: of(1, 2, 3, 4),
    members: { 1: {}, 2: {} },
    lost: [3, 4],
    answer: 'a voter is gone for good',
  },
  {
    what: 'one is lost, two are sound, and one has a slot that nobody has',
    voters: of(1, 2, 3, 4),
    members: { 1: { last: 6 }, 2: { last: 6 }, 3: slot },
    lost: [4],
    answer: 'a voter is gone for good',
  },
  {
    what: 'two are sound, one doubts, and one has a slot that nobody has',
    voters: of(1, 2, 3, 4),
    members: { 1: { last: 6 }, 2: { last: 6 }, 3: { ...doubts, last: 6 }, 4: slot },
    answer: null,
  },
  {
    what: 'two are sound of the one half and one of the other, which has lost one',
    voters: halves,
    members: { 1: {}, 2: {}, 3: doubts, 4: doubts, 5: doubts },
    lost: [6],
    answer: 'a voter is gone for good',
  },
])('of an even number, $what', ({ voters, members, lost = [], answer }) => {
  expect(whyOf(voters, members, lost)).toBe(answer);
});

function whyOf(configuration: Configuration, members: Record<number, Part>, lost: readonly number[]): string | null {
  const running = Object.entries(members).map(([member, part]) => remnant(Number(member), configuration, part));
  const mayHoldSame = (one: number, other: number): boolean => ![one, other].some((each) => members[each]?.isAnother);
  const why = whyBeyondPromise({ running, lost: new Set(lost.map(toMemberId)), written: { mayHoldSame } });
  return why?.replace(`, and of ${formatConfiguration(configuration)} too few trust their logs`, '') ?? null;
}
