// The roles and the moves between them, without what a role does: only what begins and ends with it.
import { invariant, OpError, type Term } from '@holdfast/base';
import type { MemberId } from './ids.ts';
import { saveVote } from './storage.ts';
import type { Campaign, Leading, State } from './state.ts';

/** Follows in `term`; `leader` is null while nobody is known to lead it. */
export function becomeFollower(state: State, term: Term, leader: MemberId | null): void {
  invariant(term >= state.term, `a step back from term ${state.term} to ${term}`);
  if (term > state.term) {
    state.term = term;
    state.votedFor = null;
    saveVote(state);
    // What was matched with the leader of an earlier term proves nothing about this one's log.
    state.matched = state.commit;
  }
  leaveRole(state);
  if (leader !== null) forgetGift(state);
  state.role = 'follower';
  state.leader = leader;
  restartTimer(state);
}

export function becomePreCandidate(state: State, candidacy: Term): void {
  leaveRole(state);
  state.role = 'pre-candidate';
  state.leader = null;
  state.campaign = { candidacy, sound: null, answers: new Map() };
  // What is asked changes nothing and is answered from memory: an answer that is not here soon is not on its way.
  restartTimer(state);
  shortenWait(state);
}

export function becomeCandidate(state: State, candidacy: Term, sound: Campaign['sound']): void {
  invariant(candidacy > state.term, `a candidacy for term ${candidacy} in term ${state.term}`);
  leaveRole(state);
  state.role = 'candidate';
  state.leader = null;
  state.term = candidacy;
  state.votedFor = state.self;
  state.matched = state.commit;
  saveVote(state);
  state.campaign = { candidacy, sound, answers: new Map() };
  restartTimer(state);
}

export function becomeLeader(state: State, leading: Leading): void {
  invariant(state.role === 'candidate', `a ${state.role} became leader`);
  leaveRole(state);
  forgetGift(state);
  state.role = 'leader';
  state.leader = state.self;
  state.leading = leading;
  restartTimer(state);
}

/** A leader brings what is missing in its own way, and one that leads misses nothing. */
function forgetGift(state: State): void {
  const { incoming } = state;
  if (incoming !== null && incoming.giver !== null && incoming.step !== 'installing') state.incoming = null;
}

function leaveRole(state: State): void {
  const { leading } = state;
  state.campaign = null;
  state.isAsleep = false;
  if (leading === null) return;
  state.leading = null;
  const reads = [...leading.readRounds.flatMap((round) => round.reads), ...leading.readsWaiting];
  for (const { id, origin } of reads) {
    if (origin === null) state.out.refusedReads.push({ id, error: new OpError('RAFT_LEADER_CHANGED', {}) });
  }
}

/** Each wait is drawn anew, so that members who tied once do not tie for ever. */
export function restartTimer(state: State): void {
  const { electionTicks } = state.settings;
  state.elapsedTicks = 0;
  state.timeoutTicks = electionTicks + state.random.below(electionTicks);
}

/** The silence itself has lasted long enough: only the part that is drawn by lot is waited for again. */
export function shortenWait(state: State): void {
  state.elapsedTicks = Math.max(state.elapsedTicks, state.settings.electionTicks);
}
