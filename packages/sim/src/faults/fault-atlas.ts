// Which combinations of faults the promises hold under, in one place. Consensus bears anything that happens to time, to the network and
// to processes, and any loss of what was never synced; it cannot bear the loss of what a majority has acknowledged, because then
// nobody knows it any more. So of each seed's members a few are fragile, chosen before the run, and damage to what a disk holds
// durably (rot, misdirected sectors, wrong reads, a disk that is replaced by an empty one) hits only them:
//
// | what                                       | whom it may hit        | why no more                                             |
// |--------------------------------------------|------------------------|---------------------------------------------------------|
// | clocks, pauses, the network, kills         | everybody, at any time | nothing durable depends on them                         |
// | power loss, death at a call, a failed sync | everybody, at any time | what is lost was never acknowledged                     |
// | errors of reads and writes, a full disk    | everybody, at any time | the process ends, and what was acknowledged stays       |
// | damage to durable data                     | fragile members        | an entry may have only a majority's copies, and a       |
// |                                            |                        | majority must keep one that is whole                    |
// | an empty disk in place of the old one      | fragile members        | the same; and the member must be removed and a new one  |
// |                                            |                        | added, because its votes and acknowledgements are gone  |
//
// One damage no log can tell: the disk writes the last sectors that it was given elsewhere, and says that all is well. As long as nothing is
// written behind them their place looks as if they had never come. A member that starts in this moment votes as if it had not
// acknowledged them, and so a majority may not know what it has committed. What is broken in a run behind that is no finding
// (judge/loss-judge.ts); that the disk did it is read from the disk, not from the plan.
//
// What the promise to come to rest needs besides: a quorum of voters that trust their logs, or one in every quorum and enough others to
// vote with them, or all that the voters ever acknowledged.
// After a torn write a log cannot tell whether it lost what it had acknowledged, so such a member waits for a leader or for the word of
// all the others. If one of those is gone for good meanwhile, or has a slot that it cannot read and whose entry nobody else has, then
// the doubting ones may have acknowledged with it what nobody holds any more, and a person has to decide (adr/0017). Seed 2005 is such a
// world. What an older log has in the slot is the lost entry or another one: that is decided by what the disks were told to hold.
//
// A fragile member stays fragile for the whole run: an entry that it lost counts as lost until it is repaired, and no seed tries to
// know when that is. Fragile voters are a minority, of the founders and of every configuration that the operator makes.
import type { SeededRandom } from '@holdfast/base/internal';
import {
  formatConfiguration,
  isJoint,
  type MemberId,
  type Configuration,
  type ConfigurationChange,
  type Status,
} from '@holdfast/raft';
import { changeConfiguration, isUpToDate } from '@holdfast/raft/internal';
import { areInEveryMajority, isQuorum } from '../judge/configuration-rules.ts';
import type { WrittenSlots } from '../judge/written-slots.ts';

/** Voters that the operator always leaves. */
export const votersMin = 3;

/** The members whose durable data the seed may damage; none in a third of all seeds. */
export function drawFragile<Name>(random: SeededRandom, founders: readonly Name[]): Name[] {
  const most = minorityOf(founders.length);
  const count = random.below(3) === 0 ? 0 : 1 + random.below(most);
  const left = [...founders];
  return Array.from({ length: count }, () => left.splice(random.below(left.length), 1)).flat();
}

export function minorityOf(voters: number): number {
  return Math.floor((voters - 1) / 2);
}

/** Whether the promises hold while these members vote. */
export function isWithinPromise({ voters, outgoing }: Configuration, fragile: ReadonlySet<number>): boolean {
  return [voters, outgoing].every((half) => {
    if (half.length === 0) return true;
    return half.length >= votersMin && half.filter((voter) => fragile.has(voter)).length <= minorityOf(half.length);
  });
}

/** Whether the operator may ask for this change. */
export function isChangeWithinPromise(
  from: Configuration,
  changes: readonly ConfigurationChange[],
  fragile: ReadonlySet<number>,
): boolean {
  if (isJoint(from)) return false;
  const result = changeConfiguration(from, changes);
  return 'next' in result && isWithinPromise(result.next, fragile);
}

/** Starts in a row that end in an error before a member's disk counts as lost. */
export const failedStartsMax = 4;

/** What the disks of a cluster still have. */
export interface Remains {
  readonly running: readonly Remnant[];
  /** Members whose disk never starts again. */
  readonly lost: ReadonlySet<MemberId>;
  readonly written: Pick<WrittenSlots, 'mayHoldSame'>;
}
export type Remnant = Pick<Status, 'self' | 'isSuspect' | 'last' | 'commit' | 'damaged' | 'configuration'>;

/** Why a cluster need not come to rest with what its disks have lost; null if it must. */
export function whyBeyondPromise({ running, lost, written }: Remains): string | null {
  const latest = running.toSorted((one, other) => other.last.index - one.last.index)[0] ?? null;
  if (latest === null) return null;
  const { configuration } = latest;
  const isSound = (member: MemberId): boolean => running.some(({ self, isSuspect }) => self === member && !isSuspect);
  if (isQuorum(configuration, isSound)) return null;
  const hole = running.map((each) => holeOf(each, running, written));
  const isAble = (member: MemberId): boolean => running.some(({ self }, at) => self === member && hole[at] === null);
  // Of four voters two who trust their logs can tell what was committed, and a third may vote with them.
  if (areInEveryMajority(configuration, isSound) && isQuorum(configuration, isAble)) return null;
  const isVoter = (member: MemberId): boolean => isAmong(configuration, member);
  const found = running.findIndex(({ self }, at) => hole[at] !== null && isVoter(self));
  const holed =
    found < 0 ? null : `entry ${hole[found] ?? 0} was with member ${running[found]?.self ?? 0}, and is nowhere`;
  const what = [...lost].some(isVoter) ? 'a voter is gone for good' : holed;
  return what === null ? null : `${what}, and of ${formatConfiguration(configuration)} too few trust their logs`;
}

function isAmong({ voters, outgoing }: Configuration, member: MemberId): boolean {
  return voters.includes(member) || outgoing.includes(member);
}

/** A slot that the member cannot read, and whose entry no log can give it. */
function holeOf(holed: Remnant, running: readonly Remnant[], written: Remains['written']): number | null {
  const hasEntry = (other: Remnant, index: number): boolean =>
    isReadable(other, index) && (mayTell(other, holed, index) || written.mayHoldSame(holed.self, other.self, index));
  return holed.damaged.find((index) => !running.some((other) => hasEntry(other, index))) ?? null;
}

/** Also what a snapshot stands for. */
function isReadable({ last, damaged }: Remnant, index: number): boolean {
  return index <= last.index && !damaged.some((each) => each === index);
}

/** Whatever the other one has there: it is what was committed, or of a log that may lead past the damaged one. */
function mayTell(other: Remnant, holed: Remnant, index: number): boolean {
  return index <= other.commit || isUpToDate(other.last, holed.last);
}
