import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { toMemberId, type MemberId } from './ids.ts';
import { countVotes, isInEveryMajority, majorityOf, quorumReached, type VoterHalves } from './quorum.ts';

const member = fc.integer({ min: 1, max: 8 }).map(toMemberId);
const half = (minLength: number): fc.Arbitrary<MemberId[]> => fc.uniqueArray(member, { minLength, maxLength: 5 });
const halves: fc.Arbitrary<VoterHalves> = fc.record({ voters: half(1), outgoing: half(0) });

/** Every set of members that is a majority of each half, found by trying all sets. */
function quorumsOf({ voters, outgoing }: VoterHalves): MemberId[][] {
  const all = [...new Set([...voters, ...outgoing])];
  const subsets = Array.from({ length: 2 ** all.length }, (_, bits) => all.filter((_, at) => (bits >> at) % 2 === 1));
  const holds = (list: readonly MemberId[], set: readonly MemberId[]): boolean =>
    list.length === 0 || list.filter((each) => set.includes(each)).length > list.length / 2;
  return subsets.filter((set) => holds(voters, set) && holds(outgoing, set));
}

test('what a quorum reached is the best that the slowest of some quorum reached', () => {
  fc.assert(
    fc.property(halves, fc.array(fc.nat(9), { minLength: 9, maxLength: 9 }), (sets, numbers) => {
      const reached = (each: MemberId): number => numbers[each] ?? 0;
      const best = Math.max(...quorumsOf(sets).map((quorum) => Math.min(...quorum.map(reached))));
      expect(quorumReached(sets, reached)).toBe(best);
    }),
  );
});

test('a vote is won when some quorum granted, and lost when no quorum can any more', () => {
  const answer = fc.constantFrom(true, false, null);
  fc.assert(
    fc.property(halves, fc.array(answer, { minLength: 9, maxLength: 9 }), (sets, answers) => {
      const given = (each: MemberId): boolean | null => answers[each] ?? null;
      const quorums = quorumsOf(sets);
      const isWon = quorums.some((quorum) => quorum.every((each) => given(each) === true));
      const isOpen = quorums.some((quorum) => quorum.every((each) => given(each) !== false));
      expect(countVotes(sets, given)).toBe(isWon ? 'won' : isOpen ? 'pending' : 'lost');
    }),
  );
});

test('members are in every majority when each majority of either half has one of them', () => {
  fc.assert(
    fc.property(halves, fc.array(member), ({ voters, outgoing }, some) => {
      const majorities = [voters, outgoing].flatMap((each) =>
        each.length === 0 ? [] : quorumsOf({ voters: each, outgoing: [] }),
      );
      const expected = majorities.every((majority) => majority.some((each) => some.includes(each)));
      expect(isInEveryMajority({ voters, outgoing }, (each) => some.includes(each))).toBe(expected);
    }),
  );
});

test('any two quorums of one configuration share a member', () => {
  fc.assert(
    fc.property(halves, (sets) => {
      const quorums = quorumsOf(sets);
      for (const first of quorums) {
        for (const second of quorums) expect(first.some((each) => second.includes(each))).toBe(true);
      }
    }),
    { numRuns: 20 },
  );
});

test('a majority is more than half', () => {
  expect([1, 2, 3, 4, 5].map(majorityOf)).toEqual([1, 2, 2, 3, 3]);
});
