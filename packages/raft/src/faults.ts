// A replica whose log lost acknowledged entries, or may have, and its way back.
//
// The story: a batch was synced and acknowledged, and rotted; or it was never acknowledged and a power cut tore it. At the next
// start both look alike. If the replica went on as if nothing had happened, it could vote for a candidate that lacks what it
// had acknowledged, and a committed entry would be gone with all disks but one in order. So:
//
// - It grants no vote until it has caught up: until its log holds all that its leader had when a quorum confirmed it, after a
//   question that was asked since the start. (An append could be one from before the crash, and say too little.)
// - It votes neither in the term it woke up in nor in the next, even then: a vote may have stood in what was lost.
// - A damaged slot is not an absent one. The leader's appends fill it, or, without a leader, the other members (repairs.ts).
import { greater, lesser, type MemberId } from './ids.ts';
import type { MessageOf } from './message.ts';
import { confirmedContext } from './reads.ts';
import { askForRepairs } from './repairs.ts';
import type { Fault, Leading, State } from './state.ts';
import { draftOf, saveVote, say } from './storage.ts';

export function tickFault(state: State, fault: Fault): void {
  fault.ticks++;
  if (fault.ticks < state.settings.heartbeatTicks) return;
  fault.ticks = 0;
  if (state.leader !== null) askWhereToCatchUp(state, fault, state.leader);
  else askForRepairs(state, fault);
}

function askWhereToCatchUp(state: State, fault: Fault, leader: MemberId): void {
  if (!fault.isSuspect || fault.target?.term === state.term) return;
  say(state, leader, { kind: 'catch-up-request', context: fault.context, lastIndex: state.log.lastIndex });
}

export function handleCatchUpRequest(state: State, leading: Leading, message: MessageOf<'catch-up-request'>): void {
  const { from, context, lastIndex } = message;
  // What this leader counted may be gone over there.
  leading.progress.get(from)?.noteLoss(lesser(lastIndex, state.log.lastIndex));
  if (leading.catchUps.get(from)?.context === context) return;
  leading.catchUps.set(from, { context, since: state.heartbeatContext + 1 });
}

/**
 * A leader who was deposed, and does not know, has not all that was acknowledged in later terms: one who may have lost just that
 * would catch up with too little, and elect somebody who lacks it. So the leader answers when a quorum has confirmed it since.
 */
export function settleCatchUps(state: State, leading: Leading): void {
  if (leading.catchUps.size === 0) return;
  const confirmed = confirmedContext(state, leading);
  for (const [member, { context, since }] of leading.catchUps) {
    if (since > confirmed) continue;
    leading.catchUps.delete(member);
    say(state, member, { kind: 'catch-up-response', context, lastIndex: state.log.lastIndex });
  }
}

export function handleCatchUpResponse(state: State, message: MessageOf<'catch-up-response'>): void {
  const { fault } = state;
  if (fault?.context !== message.context || message.from !== state.leader) return;
  fault.target = { term: state.term, index: message.lastIndex };
}

/** Ends the suspicion once the replica has what it may have lost, and the fault once no vote can be given twice. */
export function settleFault(state: State, fault: Fault): void {
  if (fault.isSuspect && hasCaughtUp(state, fault)) fault.isSuspect = false;
  if (fault.isSuspect || state.term < fault.voteFloor) return;
  // The vote of this term is taken for given: to the leader, who has won without it.
  if (state.term === fault.voteFloor && state.leader === null) return;
  state.votedFor ??= state.leader;
  // Said again with the settlement, so that a log which misses a vote knows from there on that this one is the last.
  saveVote(state);
  state.fault = null;
  draftOf(state).isSettled = true;
}

function hasCaughtUp({ log, term, matched, writes }: State, { target }: Fault): boolean {
  if (log.damagedSlots > 0 || target?.term !== term) return false;
  return lesser(matched, writes.durableIndex) >= greater(target.index, log.base.index);
}
