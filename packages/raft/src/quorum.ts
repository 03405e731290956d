// Majorities, of one set of voters or of two at once (joint consensus): what is acknowledged by a quorum, and how a vote
// stands. A leaf: it knows members and numbers, and nothing of logs. An empty set of voters agrees to everything, so that a
// configuration that is not joint has an outgoing half that never holds anything up; callers see to it that the incoming
// half is not empty.
import type { MemberId } from './ids.ts';

/** The two halves whose majorities must both agree; `outgoing` is empty outside a change. */
export interface VoterHalves {
  readonly voters: readonly MemberId[];
  readonly outgoing: readonly MemberId[];
}

export type VoteResult = 'won' | 'lost' | 'pending';

export function majorityOf(count: number): number {
  return Math.floor(count / 2) + 1;
}

/** The highest number that a quorum has reached, where `reached` tells each member's; 0 if there is none. */
export function quorumReached(halves: VoterHalves, reached: (member: MemberId) => number): number {
  const incoming = majorityReached(halves.voters, reached);
  return halves.outgoing.length === 0 ? incoming : Math.min(incoming, majorityReached(halves.outgoing, reached));
}

function majorityReached(voters: readonly MemberId[], reached: (member: MemberId) => number): number {
  if (voters.length === 0) return Number.MAX_SAFE_INTEGER;
  const sorted = voters.map(reached).sort((first, second) => second - first);
  return sorted[majorityOf(voters.length) - 1] ?? 0;
}

/** How a vote stands; `answer` is null for who has not answered. */
export function countVotes(halves: VoterHalves, answer: (member: MemberId) => boolean | null): VoteResult {
  const incoming = countHalf(halves.voters, answer);
  const outgoing = countHalf(halves.outgoing, answer);
  if (incoming === 'lost' || outgoing === 'lost') return 'lost';
  return incoming === 'won' && outgoing === 'won' ? 'won' : 'pending';
}

/**
 * Whether no majority of either half is without these. Of each half, not of the two together: what was committed before a change
 * began had a majority of the outgoing one alone.
 */
export function isInEveryMajority({ voters, outgoing }: VoterHalves, has: (member: MemberId) => boolean): boolean {
  return [voters, outgoing].every((half) => {
    const without = half.filter((voter) => !has(voter)).length;
    return half.length === 0 || without < majorityOf(half.length);
  });
}

function countHalf(voters: readonly MemberId[], answer: (member: MemberId) => boolean | null): VoteResult {
  if (voters.length === 0) return 'won';
  let granted = 0;
  let refused = 0;
  for (const voter of voters) {
    const given = answer(voter);
    if (given === true) granted++;
    if (given === false) refused++;
  }
  const needed = majorityOf(voters.length);
  if (granted >= needed) return 'won';
  return refused > voters.length - needed ? 'lost' : 'pending';
}
