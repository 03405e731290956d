import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  changeConfiguration,
  configurationProblem,
  formatConfiguration,
  isJoint,
  leaveJoint,
  membersMax,
  membersOf,
  votersOnly,
  type Configuration,
  type ConfigurationChange,
} from './configuration.ts';
import { toMemberId, type MemberId } from './ids.ts';
import { countVotes } from './quorum.ts';

const member = fc.integer({ min: 1, max: 7 }).map(toMemberId);
const change: fc.Arbitrary<ConfigurationChange> = fc.record({
  kind: fc.constantFrom('add-learner', 'add-voter', 'promote', 'demote', 'remove'),
  member,
});
const ids = (...numbers: number[]): MemberId[] => numbers.map(toMemberId);
const start = votersOnly(ids(1, 2, 3));
const voters = (configuration: Configuration): number[] => [...configuration.voters];

/** What a change means, said on sets and without a word about how it is reached. */
function naively(
  from: Configuration,
  changes: readonly ConfigurationChange[],
): { voters: number[]; learners: number[] } {
  const roles = new Map<number, string>();
  for (const each of from.voters) roles.set(each, 'voter');
  for (const each of from.learners) roles.set(each, 'learner');
  for (const { kind, member: each } of changes) {
    if (kind === 'remove') roles.delete(each);
    else roles.set(each, kind === 'add-voter' || kind === 'promote' ? 'voter' : 'learner');
  }
  const of = (role: string): number[] => [...roles].filter((entry) => entry[1] === role).map(([each]) => each);
  return { voters: of('voter').sort((a, b) => a - b), learners: of('learner').sort((a, b) => a - b) };
}

test('a chain of changes ends where its steps say, through configurations that are whole', () => {
  fc.assert(
    fc.property(fc.array(fc.array(change, { minLength: 1, maxLength: 3 }), { maxLength: 6 }), (chain) => {
      let current = start;
      for (const changes of chain) {
        const result = changeConfiguration(current, changes);
        if ('problem' in result) continue;
        const wanted = naively(current, changes);
        expect(configurationProblem(result.next)).toBeNull();
        const left = isJoint(result.next) ? leaveJoint(result.next) : result.next;
        expect(configurationProblem(left)).toBeNull();
        expect([voters(left), [...left.learners]]).toEqual([wanted.voters, wanted.learners]);
        expect(isJoint(result.next)).toBe(wanted.voters.join() !== voters(current).join());
        current = left;
      }
    }),
  );
});

test('whatever the change, a quorum before it and one while it is joint share a voter, and so do that one and one after', () => {
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), fc.nat(127), (changes, bits) => {
      const result = changeConfiguration(start, changes);
      if ('problem' in result || !isJoint(result.next)) return;
      const agrees = (each: number): boolean => (bits >> (each - 1)) % 2 === 1;
      if (countVotes(result.next, agrees) !== 'won') return;
      const others = (each: number): boolean => !agrees(each);
      expect(countVotes(start, others)).not.toBe('won');
      expect(countVotes(leaveJoint(result.next), others)).not.toBe('won');
    }),
  );
});

const add = (count: number): ConfigurationChange[] =>
  Array.from({ length: count }, (_, at) => ({ kind: 'add-learner', member: toMemberId(at + 10) }));

test.each<{ why: string; changes: ConfigurationChange[] }>([
  { why: 'it changes nothing', changes: [] },
  { why: 'it names member 4 twice', changes: [1, 2].map(() => ({ kind: 'add-voter', member: toMemberId(4) })) },
  { why: 'member 1 is one already', changes: [{ kind: 'add-learner', member: toMemberId(1) }] },
  { why: '9 is no member', changes: [{ kind: 'remove', member: toMemberId(9) }] },
  { why: 'member 2 votes already', changes: [{ kind: 'promote', member: toMemberId(2) }] },
  { why: 'it would leave no voter', changes: [1, 2, 3].map((each) => ({ kind: 'remove', member: toMemberId(each) })) },
  { why: 'it would leave no voter', changes: [1, 2, 3].map((each) => ({ kind: 'demote', member: toMemberId(each) })) },
  { why: `it would make more than ${membersMax} members`, changes: add(membersMax) },
  { why: 'it has more than 64 steps', changes: add(65) },
])('a change is refused because $why', ({ why, changes }) => {
  expect(changeConfiguration(start, changes)).toEqual({ problem: why });
});

test('a voter that is demoted goes on voting in the outgoing half, and learns afterwards', () => {
  const result = changeConfiguration(start, [{ kind: 'demote', member: toMemberId(3) }]);
  if ('problem' in result) throw new Error(result.problem);
  expect(formatConfiguration(result.next)).toBe('(1 2)&(1 2 3) demoted (3)');
  expect(formatConfiguration(leaveJoint(result.next))).toBe('(1 2) learners (3)');
  expect(membersOf(result.next)).toEqual([1, 2, 3]);
  expect(changeConfiguration(result.next, [{ kind: 'remove', member: toMemberId(1) }])).toEqual({
    problem: 'another change is being made',
  });
});

test.each<{ why: string; wrong: Partial<Configuration> }>([
  { why: 'no voter', wrong: { voters: [], learners: ids(4) } },
  { why: 'a member twice in one list', wrong: { voters: ids(1, 1) } },
  { why: 'a learner that votes', wrong: { learners: ids(1) } },
  { why: 'a demoted member that did not vote', wrong: { learnersNext: ids(5) } },
  { why: 'a demoted member that goes on voting', wrong: { outgoing: ids(1, 2), learnersNext: ids(1) } },
  { why: 'a member that is no number from 1', wrong: { voters: [0 as MemberId] } },
])('a configuration from outside is refused for $why', ({ why, wrong }) => {
  expect(configurationProblem({ ...start, ...wrong })).toBe(why);
});
