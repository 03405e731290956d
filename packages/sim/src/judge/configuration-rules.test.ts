import { expect, test } from '@jest/globals';
import { toMemberId, votersOnly, type Configuration } from '@holdfast/raft';
import { quorumsIntersect } from './configuration-rules.ts';

const of = (...voters: number[]): Configuration => votersOnly(voters.map(toMemberId));
const joint = (voters: number[], outgoing: number[]): Configuration => ({
  ...of(...voters),
  outgoing: outgoing.map(toMemberId),
});

test.each<{ what: string; first: Configuration; second: Configuration; answer: boolean }>([
  { what: 'a configuration and itself', first: of(1, 2, 3), second: of(1, 2, 3), answer: true },
  { what: 'one voter more', first: of(1, 2, 3), second: of(1, 2, 3, 4), answer: true },
  { what: 'two voters more', first: of(1, 2, 3), second: of(1, 2, 3, 4, 5), answer: false },
  { what: 'another set of voters', first: of(1, 2, 3), second: of(4, 5, 6), answer: false },
  { what: 'the way into a joint one', first: of(1, 2, 3), second: joint([4, 5, 6], [1, 2, 3]), answer: true },
  { what: 'the way out of it', first: joint([4, 5, 6], [1, 2, 3]), second: of(4, 5, 6), answer: true },
  { what: 'a swap of one in three', first: of(1, 2, 3), second: of(1, 2, 4), answer: false },
  { what: 'a swap of two in three', first: of(1, 2, 3), second: of(1, 4, 5), answer: false },
])('whether every two quorums of $what meet: $answer', ({ first, second, answer }) => {
  expect([quorumsIntersect(first, second), quorumsIntersect(second, first)]).toEqual([answer, answer]);
});
