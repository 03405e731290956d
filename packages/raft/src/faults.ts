// A replica whose log lost acknowledged entries, or may have, and its way back.
//
// The story: a batch was synced and acknowledged, and rotted; or it was never acknowledged and a power cut tore it. At the next
// start both look alike. If the replica went on as if nothing had happened, it could vote for a candidate that lacks what it
// had acknowledged, and a committed entry would be gone with all disks but one in order. So:
//
// - It grants no vote until it has caught up: until its log holds all that its leader had when a quorum confirmed it, after a
//   question that was asked since the start. (An append could be one from before the crash, and say too little.)
// - It votes neither in the term it woke up in nor in the next, even then: a vote may have stood in what was lost.
// - A damaged slot is not an absent one. The leader's appends fill it; without a leader any peer does that has the same log up to
//   there or further, or knows the slot to be committed, as the leader must have known who wrote what stands behind it: because
//   otherwise three members with a scratch each would wait for one another for ever.
import { membersOf } from './configuration.ts';
import { entryBytes, type Entry } from './entry.ts';
import { greater, lesser, type MemberId, type Position } from './ids.ts';
import type { MessageOf } from './message.ts';
import { confirmedContext } from './reads.ts';
import type { LogIndex } from '@holdfast/base';
import { configurationOf, type Fault, type Leading, type State } from './state.ts';
import { draftOf, repairEntry, saveVote, say } from './storage.ts';

/** Slots that are asked for, and answered, in one message. */
export const repairSlotsMax = 256;

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

/**
 * Where this log ends in entries that nobody else has, it may still be another one's before those. So each round asks by the end of
 * an earlier term, down to the slots, and then from the last one again.
 */
function askForRepairs(state: State, fault: Fault): void {
  const slots = state.log.damagedIndices(repairSlotsMax);
  const [first] = slots;
  if (first === undefined) return;
  const places = state.log.lastKnownOfTerms(first);
  const last = places[fault.rounds % places.length] ?? state.log.lastKnown;
  fault.rounds++;
  for (const member of membersOf(configurationOf(state))) {
    if (member !== state.self) say(state, member, { kind: 'repair-request', slots, last });
  }
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

/** What the other log had in these slots: where both are the same, and what is committed. */
export function handleRepairRequest(state: State, message: MessageOf<'repair-request'>): void {
  const { from, slots, last } = message;
  const shared = greater(state.log.sharedUpTo(last), committedBefore(state, last));
  const same = slots.filter((index) => index <= shared);
  const committed = slots.filter((index) => index > shared && index <= state.commit);
  sayRepairs(state, from, { slots: same, place: last });
  sayRepairs(state, from, { slots: committed, place: null });
}

/**
 * Up to where every log that leads through `place` holds what is committed here. Whoever wrote the entry there led in its term; what was
 * committed in that term stood in its log, because only it can have committed it, and what was committed in an earlier one did, because
 * it won its election. Of what was committed in a later term it need not have had anything.
 */
function committedBefore({ commit, commitTerm, log }: State, place: Position): LogIndex {
  return commitTerm !== null && commitTerm <= place.term ? lesser(commit, place.index) : log.base.index;
}

interface Repairs {
  readonly slots: readonly LogIndex[];
  readonly place: Position | null;
}

/** As many as an append carries, at least one; the asker asks again for the rest. */
function sayRepairs(state: State, to: MemberId, { slots, place }: Repairs): void {
  const entries: Entry[] = [];
  let leftBytes = state.settings.appendBytesMax;
  for (const index of slots) {
    const entry = state.log.entryAt(index);
    if (entry === null) continue;
    leftBytes -= entryBytes(entry);
    if (leftBytes < 0 && entries.length > 0) break;
    entries.push(entry);
  }
  if (entries.length > 0) say(state, to, { kind: 'repair-response', entries, place });
}

export function handleRepairResponse(state: State, { entries, place }: MessageOf<'repair-response'>): void {
  const { log, commit } = state;
  // The question may be from before a crash or a cut: then this log need not lead through its place any more.
  if (place !== null && !log.leadsThrough(place)) return;
  // Behind what is known to be committed here, this log may be another than the committed one.
  const limit = place === null ? commit : place.index;
  for (const entry of entries) if (entry.index <= limit && log.isDamaged(entry.index)) repairEntry(state, entry);
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
