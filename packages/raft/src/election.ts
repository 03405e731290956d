// Elections: who may stand, who may vote, and what it takes to win.
//
// A pre-vote comes first and changes nothing, so that a member which was cut off cannot unseat a leader whom the others hear
// (the same reason for which those who hear a leader answer no candidate). A vote, and the request for one, leave only after
// the vote and the whole log before it are durable: a grant that arrives after a crash would else count for a log that has
// lost its tail.
//
// A voter whose log may have lost what it acknowledged grants nothing (faults.ts). If too many are like that, the vote is a recovery,
// which suspect voters may grant, as soon as nothing that a majority once held can be overlooked: when each voter answered the
// pre-vote and none has more; or when those who trust their logs are in every majority, as two of four are, and vote for it.
import { isVoter, votersOf, type Configuration } from './configuration.ts';
import { isUpToDate, type MemberId } from './ids.ts';
import { startLeading } from './leadership.ts';
import type { MessageOf } from './message.ts';
import { countVotes, isInEveryMajority } from './quorum.ts';
import { becomeCandidate, becomeFollower, becomePreCandidate, restartTimer, shortenWait } from './roles.ts';
import { configurationOf, type Campaign, type CampaignAnswer, type State } from './state.ts';
import { saveVote, say, sayWhenDurable } from './storage.ts';
import type { Term } from '@holdfast/base';

export function tickElection(state: State): void {
  state.elapsedTicks++;
  if (state.elapsedTicks >= state.timeoutTicks) standForPreVote(state);
}

/** Whether this member could lead: it votes, or may have to, and its log has no holes and is not being replaced. */
export function canStand(state: State): boolean {
  const isInstalling = state.incoming !== null && state.incoming.step === 'installing';
  return isPerhapsVoter(state) && state.log.damagedSlots === 0 && !isInstalling;
}

/**
 * A member that was removed may be the only one with the entry that says so. The others need its vote while they do not know,
 * and it refuses everybody who has less: so it stands itself, does not count itself, commits the change and goes.
 */
function isPerhapsVoter({ configurations, self }: State): boolean {
  return configurations.some(({ configuration }) => isVoter(configuration, self));
}

export function standForPreVote(state: State): void {
  if (!canStand(state)) {
    // Its leader is silent all the same: what is missing here has to come from somebody else.
    becomeFollower(state, state.term, null);
    return;
  }
  const floor = Math.max(state.term, state.candidacyFloor, state.fault?.voteFloor ?? 0);
  const candidacy = (floor + 1) as Term;
  becomePreCandidate(state, candidacy);
  takeAnswer(state, state.self, {
    isGranted: !isSuspect(state),
    isSuspect: isSuspect(state),
    context: contextOf(state),
  });
  // Alone, the member has won already.
  if (state.role !== 'pre-candidate') return;
  for (const voter of votersOf(configurationOf(state))) {
    if (voter !== state.self) say(state, voter, { kind: 'pre-vote-request', candidacy, last: state.log.last });
  }
}

interface Candidacy {
  readonly term: Term;
  readonly isTransfer: boolean;
  /** Who answered the pre-vote of a recovery, and how; null of a vote like others. */
  readonly recovery: Campaign['answers'] | null;
  readonly sound: Campaign['sound'];
}

function standForVote(state: State, { term, isTransfer, recovery, sound }: Candidacy): void {
  becomeCandidate(state, term, sound);
  for (const voter of votersOf(configurationOf(state))) {
    if (voter !== state.self) {
      const context = recovery?.get(voter)?.context ?? 0;
      const isRecovery = recovery !== null;
      sayWhenDurable(state, voter, { kind: 'vote-request', last: state.log.last, isTransfer, isRecovery, context });
    }
  }
  // The own vote counts when it is durable, like anybody's; a suspect one only in a recovery.
  const isGranted = recovery !== null || !isSuspect(state);
  sayWhenDurable(state, state.self, { kind: 'vote-response', isGranted });
}

export function handleTimeoutNow(state: State, message: MessageOf<'timeout-now'>): void {
  if (message.from !== state.leader || !canStand(state) || isSuspect(state)) return;
  const term = (Math.max(state.term, state.fault?.voteFloor ?? 0) + 1) as Term;
  standForVote(state, { term, isTransfer: true, recovery: null, sound: null });
}

function isSuspect(state: State): boolean {
  return state.fault?.isSuspect === true;
}

function contextOf(state: State): number {
  return isSuspect(state) ? (state.fault?.context ?? 0) : 0;
}

/** Whether this member hears a leader, or is one: then a candidate is somebody who was cut off. */
export function hearsLeader(state: State, candidate: MemberId): boolean {
  if (state.leader === null || state.leader === candidate) return false;
  return state.role === 'leader' || state.elapsedTicks < state.settings.electionTicks;
}

export function handlePreVoteRequest(state: State, message: MessageOf<'pre-vote-request'>): void {
  const { from, candidacy } = message;
  const voteFloor = (state.fault?.voteFloor ?? 0) as Term;
  const isWilling =
    !hearsLeader(state, from) &&
    candidacy > state.term &&
    candidacy > voteFloor &&
    isUpToDate(message.last, state.log.last);
  // What is said stays true after a crash: nothing is promised, and a log only grows or is reported as damaged.
  say(state, from, {
    kind: 'pre-vote-response',
    candidacy,
    isGranted: isWilling && !isSuspect(state),
    isSuspect: isWilling && isSuspect(state),
    context: contextOf(state),
    last: state.log.last,
    voteFloor,
  });
}

export function handlePreVoteResponse(state: State, message: MessageOf<'pre-vote-response'>): void {
  if (message.voteFloor > state.candidacyFloor) state.candidacyFloor = message.voteFloor;
  if (state.role !== 'pre-candidate' || state.campaign?.candidacy !== message.candidacy) return;
  const hasLess = isUpToDate(state.log.last, message.last);
  takeAnswer(state, message.from, {
    isGranted: message.isGranted && hasLess,
    isSuspect: message.isSuspect && hasLess,
    context: message.context,
  });
}

export function handleVoteRequest(state: State, message: MessageOf<'vote-request'>): void {
  const { from } = message;
  const isGranted = maySupport(state, message) && isUpToDate(message.last, state.log.last);
  if (isGranted) {
    // Again to the same candidate is the same vote, and not news to storage.
    if (state.votedFor !== from) saveVote(state);
    state.votedFor = from;
    restartTimer(state);
  }
  sayWhenDurable(state, from, { kind: 'vote-response', isGranted });
}

function maySupport(state: State, message: MessageOf<'vote-request'>): boolean {
  const { fault, votedFor } = state;
  const { from, term } = message;
  if (votedFor === null ? state.leader !== null : votedFor !== from) return false;
  if (fault === null) return true;
  if (term <= fault.voteFloor) return false;
  if (!fault.isSuspect) return true;
  // An answer of an earlier life was about a log that may have had more.
  return message.isRecovery && message.context === fault.context;
}

export function handleVoteResponse(state: State, message: MessageOf<'vote-response'>): void {
  if (state.role !== 'candidate') return;
  const { isGranted } = message;
  takeAnswer(state, message.from, { isGranted, isSuspect: false, context: 0 });
  // Two stood at once. Where a third is gone neither loses, and neither should wait for as long as a leader may be silent.
  if (!isGranted && message.from !== state.self) shortenWait(state);
}

function takeAnswer(state: State, member: MemberId, answer: CampaignAnswer): void {
  const { campaign } = state;
  const configuration = configurationOf(state);
  // The first answer counts: a doubled or late message must not turn it round.
  if (campaign === null || campaign.answers.has(member) || !isVoter(configuration, member)) return;
  campaign.answers.set(member, answer);
  const result = countVotes(configuration, (voter) => {
    const given = campaign.answers.get(voter);
    // A suspect voter has not refused: once it caught up it may grant.
    return given === undefined || given.isSuspect ? null : given.isGranted;
  });
  if (result === 'lost') {
    becomeFollower(state, state.term, null);
    shortenWait(state);
  } else if (state.role === 'candidate') {
    if (result === 'won' && isCarriedBySound(configuration, campaign)) startLeading(state);
  } else {
    const recovery = result === 'won' ? null : campaign.answers;
    const candidacy = { term: campaign.candidacy, isTransfer: false, recovery, sound: null };
    if (result === 'won' || isEverybodyHeard(configuration, campaign)) standForVote(state, candidacy);
    else if (mayRecover(configuration, campaign)) {
      standForVote(state, { ...candidacy, sound: grantedOf(campaign) });
    }
  }
}

function isEverybodyHeard(configuration: Configuration, { answers }: Campaign): boolean {
  return votersOf(configuration).every((voter) => isWilling(answers.get(voter)));
}

/** Whether those who trust their logs may decide for all, and enough others would vote with them. */
function mayRecover(configuration: Configuration, campaign: Campaign): boolean {
  const granted = grantedOf(campaign);
  if (!isInEveryMajority(configuration, (voter) => granted.has(voter))) return false;
  return countVotes(configuration, (voter) => isWilling(campaign.answers.get(voter)) || null) === 'won';
}

/**
 * Whoever of them votes in a term has had all that it acknowledged in earlier ones, and takes no more of those: an entry that a
 * majority has is with one of them, and so with the candidate.
 */
function isCarriedBySound(configuration: Configuration, campaign: Campaign): boolean {
  const { sound } = campaign;
  if (sound === null) return true;
  const granted = grantedOf(campaign);
  return isInEveryMajority(configuration, (voter) => sound.has(voter) && granted.has(voter));
}

function grantedOf({ answers }: Campaign): ReadonlySet<MemberId> {
  return new Set([...answers].flatMap(([voter, { isGranted }]) => (isGranted ? [voter] : [])));
}

function isWilling(answer: CampaignAnswer | undefined): boolean {
  return answer !== undefined && (answer.isGranted || answer.isSuspect);
}
