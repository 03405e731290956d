// What a quorum is, and whether two configurations could decide without one another. A leaf, with a count of its own: a judge that
// counted as the judged do would be wrong with them. Brute force over who agrees, remembered, because a world has few
// configurations and asks often.
import { membersOf, type Configuration, type MemberId } from '@holdfast/raft';

/** More than half of the voters, and while a change is made, more than half of the outgoing ones. */
export function isQuorum({ voters, outgoing }: Configuration, agrees: (member: MemberId) => boolean): boolean {
  return [voters, outgoing].every((half) => half.length === 0 || 2 * half.filter(agrees).length > half.length);
}

/** Whether each majority of either half has one who agrees: nothing was ever decided without all of the others being asked. */
export function areInEveryMajority(
  { voters, outgoing }: Configuration,
  agrees: (member: MemberId) => boolean,
): boolean {
  return [voters, outgoing].every((half) => half.length === 0 || 2 * half.filter(agrees).length >= half.length);
}

const known = new Map<string, boolean>();
const rememberedMax = 10_000;

/** False if there are two quorums, one of each, that share no member. */
export function quorumsIntersect(first: Configuration, second: Configuration): boolean {
  const name = `${halves(first)} ${halves(second)}`;
  const remembered = known.get(name);
  if (remembered !== undefined) return remembered;
  const answer = !hasDisjointQuorums(first, second);
  if (known.size < rememberedMax) known.set(name, answer);
  return answer;
}

/** It is enough to give each member to one side: more on either side only helps it. */
function hasDisjointQuorums(first: Configuration, second: Configuration): boolean {
  const members = [...new Set([...membersOf(first), ...membersOf(second)])];
  for (let sides = 0; sides < 2 ** members.length; sides++) {
    const isOnFirst = (member: MemberId): boolean => (sides & (1 << members.indexOf(member))) !== 0;
    if (isQuorum(first, isOnFirst) && isQuorum(second, (member) => !isOnFirst(member))) return true;
  }
  return false;
}

function halves({ voters, outgoing }: Configuration): string {
  return `${voters.join(',')}/${outgoing.join(',')}`;
}
