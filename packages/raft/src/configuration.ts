// Who is a member and who votes, and how one configuration becomes another. A leaf. Each change of the voters goes through a
// joint configuration (C_old,new), in which both halves must agree, also when a single voter comes or goes: the rule for
// single changes has had a hole that only a careful reader finds, and a second entry costs nothing here. A change of learners
// alone moves no quorum and is one step.
//
// An entry holds the whole configuration, not the difference, so that whoever reads one knows all of it.
import type { MemberId } from './ids.ts';
import type { VoterHalves } from './quorum.ts';

export interface Configuration extends VoterHalves {
  /** Receive the log and vote on nothing. */
  readonly learners: readonly MemberId[];
  /** Voters of the outgoing half that become learners when the joint configuration is left. */
  readonly learnersNext: readonly MemberId[];
}

export type ConfigurationChange =
  | { readonly kind: 'add-learner'; readonly member: MemberId }
  | { readonly kind: 'add-voter'; readonly member: MemberId }
  | { readonly kind: 'promote'; readonly member: MemberId }
  | { readonly kind: 'demote'; readonly member: MemberId }
  | { readonly kind: 'remove'; readonly member: MemberId };

/** The problem is a sentence's end: "the change cannot be made: …". */
export type ChangeResult = { readonly next: Configuration } | { readonly problem: string };

export const noConfiguration: Configuration = { voters: [], outgoing: [], learners: [], learnersNext: [] };
export const membersMax = 31;
export const changesMax = 64;

export function votersOnly(voters: readonly MemberId[]): Configuration {
  return { ...noConfiguration, voters };
}

export function isJoint(configuration: Configuration): boolean {
  return configuration.outgoing.length > 0;
}

export function isVoter(configuration: Configuration, member: MemberId): boolean {
  return configuration.voters.includes(member) || configuration.outgoing.includes(member);
}

export function isMember(configuration: Configuration, member: MemberId): boolean {
  return isVoter(configuration, member) || configuration.learners.includes(member);
}

/** Everybody who receives the log, each once. */
export function membersOf(configuration: Configuration): MemberId[] {
  return [...new Set([...configuration.voters, ...configuration.outgoing, ...configuration.learners])];
}

/** Everybody whose vote counts, each once. */
export function votersOf(configuration: Configuration): MemberId[] {
  return [...new Set([...configuration.voters, ...configuration.outgoing])];
}

/** The configuration that a list of changes leads to: joint if it moves the voters, else final. */
export function changeConfiguration(from: Configuration, changes: readonly ConfigurationChange[]): ChangeResult {
  if (isJoint(from)) return { problem: 'another change is being made' };
  if (changes.length === 0) return { problem: 'it changes nothing' };
  if (changes.length > changesMax) return { problem: `it has more than ${changesMax} steps` };
  const voters = new Set(from.voters);
  const learners = new Set(from.learners);
  const touched = new Set<MemberId>();
  for (const change of changes) {
    if (touched.has(change.member)) return { problem: `it names member ${change.member} twice` };
    touched.add(change.member);
    const problem = applyChange(change, voters, learners);
    if (problem !== null) return { problem };
  }
  if (voters.size === 0) return { problem: 'it would leave no voter' };
  if (voters.size + learners.size > membersMax) return { problem: `it would make more than ${membersMax} members` };
  const isMoved = voters.size !== from.voters.length || from.voters.some((voter) => !voters.has(voter));
  if (!isMoved) return { next: { ...from, learners: sorted(learners) } };
  const outgoing = new Set(from.voters);
  return {
    next: {
      voters: sorted(voters),
      outgoing: sorted(outgoing),
      // A voter of the outgoing half still votes, so it cannot be a learner before that half is gone.
      learners: sorted(learners).filter((member) => !outgoing.has(member)),
      learnersNext: sorted(learners).filter((member) => outgoing.has(member)),
    },
  };
}

function applyChange(change: ConfigurationChange, voters: Set<MemberId>, learners: Set<MemberId>): string | null {
  const { kind, member } = change;
  const isKnown = voters.has(member) || learners.has(member);
  if (kind === 'add-learner' || kind === 'add-voter') {
    if (isKnown) return `member ${member} is one already`;
    (kind === 'add-voter' ? voters : learners).add(member);
    return null;
  }
  if (!isKnown) return `${member} is no member`;
  if (kind === 'promote' && voters.has(member)) return `member ${member} votes already`;
  if (kind === 'demote' && learners.has(member)) return `member ${member} is a learner already`;
  voters.delete(member);
  learners.delete(member);
  if (kind === 'promote') voters.add(member);
  if (kind === 'demote') learners.add(member);
  return null;
}

/** What a joint configuration becomes when it is left. */
export function leaveJoint(from: Configuration): Configuration {
  const learners = new Set([...from.learners, ...from.learnersNext]);
  return { voters: from.voters, outgoing: [], learners: sorted(learners), learnersNext: [] };
}

/** What is wrong with a configuration that came from outside, or null. */
export function configurationProblem(configuration: Configuration): string | null {
  const { voters, outgoing, learners, learnersNext } = configuration;
  for (const list of [voters, outgoing, learners, learnersNext]) {
    if (!list.every((member) => Number.isSafeInteger(member) && member >= 1))
      return 'a member that is no number from 1';
    if (new Set(list).size !== list.length) return 'a member twice in one list';
  }
  if (membersOf(configuration).length > 2 * membersMax) return 'too many members';
  if (voters.length === 0 && membersOf(configuration).length > 0) return 'no voter';
  if (learners.some((member) => isVoter(configuration, member))) return 'a learner that votes';
  if (learnersNext.some((member) => !outgoing.includes(member))) return 'a demoted member that did not vote';
  if (learnersNext.some((member) => voters.includes(member))) return 'a demoted member that goes on voting';
  return null;
}

/** As people read it: `(1 2 3)`, `(1 2 4)&(1 2 3)` while joint, `learners (5)` behind it. */
export function formatConfiguration(configuration: Configuration): string {
  const list = (members: readonly MemberId[]): string => `(${members.join(' ')})`;
  const { voters, outgoing, learners, learnersNext } = configuration;
  return [
    outgoing.length === 0 ? list(voters) : `${list(voters)}&${list(outgoing)}`,
    ...(learners.length === 0 ? [] : [`learners ${list(learners)}`]),
    ...(learnersNext.length === 0 ? [] : [`demoted ${list(learnersNext)}`]),
  ].join(' ');
}

function sorted(members: Iterable<MemberId>): MemberId[] {
  return [...members].sort((first, second) => first - second);
}
