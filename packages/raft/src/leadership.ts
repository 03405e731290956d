// What a leader does by the clock: it begins its term with an entry of its own, tells that it lives, and steps down when it
// no longer hears a quorum. Its books (progress, reads, transfers) live exactly as long as its term.
import { NumberTable } from '@holdfast/base';
import { membersOf } from './configuration.ts';
import { noData } from './entry.ts';
import { plus } from './ids.ts';
import { Progress } from './progress.ts';
import { countVotes } from './quorum.ts';
import { confirmLeadership } from './reads.ts';
import { appendAsLeader, noteUncommitted } from './replication.ts';
import { becomeFollower, becomeLeader } from './roles.ts';
import { askToSleep, canSleep } from './sleep.ts';
import { tickSnapshots } from './snapshot-sender.ts';
import { configurationOf, type Leading, type State } from './state.ts';
import { draftOf } from './storage.ts';

export function startLeading(state: State): void {
  const leading: Leading = {
    progress: new Map(),
    startIndex: plus(state.log.lastIndex, 1),
    uncommittedBytes: 0,
    uncommitted: new NumberTable(),
    heartbeatTicks: 0,
    quorumTicks: 0,
    idleTicks: 0,
    transfer: null,
    readsWaiting: [],
    readRounds: [],
    catchUps: new Map(),
    snapshots: new Map(),
  };
  becomeLeader(state, leading);
  for (let index = plus(state.commit, 1); index <= state.log.lastIndex; index = plus(index, 1)) {
    const entry = state.log.entryAt(index);
    if (entry !== null) noteUncommitted(leading, entry);
  }
  syncProgress(state, leading);
  appendAsLeader(state, { kind: 'empty', data: noData, proposal: null });
  // A leader's log is by definition whole: what it may have lost, nobody had.
  if (state.fault !== null) {
    state.fault = null;
    draftOf(state).isSettled = true;
  }
}

/** Keeps one book a member, for whoever is one; called when the configuration changed. */
export function syncProgress(state: State, leading: Leading): void {
  const members = membersOf(configurationOf(state));
  for (const member of leading.progress.keys()) {
    if (members.includes(member)) continue;
    leading.progress.delete(member);
    leading.snapshots.delete(member);
    leading.catchUps.delete(member);
  }
  const { inflightMessagesMax: messagesMax, inflightBytesMax: bytesMax } = state.settings;
  for (const member of members) {
    if (member === state.self || leading.progress.has(member)) continue;
    const progress = new Progress(member, plus(state.log.lastIndex, 1), { messagesMax, bytesMax });
    // Whoever is added has a full period to answer before the quorum is counted.
    progress.isActive = true;
    progress.mustProbe = true;
    leading.progress.set(member, progress);
  }
}

export function tickLeader(state: State, leading: Leading): void {
  const { settings } = state;
  leading.quorumTicks++;
  leading.heartbeatTicks++;
  leading.idleTicks++;
  if (leading.quorumTicks >= settings.electionTicks) {
    leading.quorumTicks = 0;
    if (!hasActiveQuorum(state, leading)) {
      becomeFollower(state, state.term, null);
      return;
    }
  }
  if (leading.transfer !== null) {
    leading.transfer.ticks++;
    // Who did not take over by then is not going to; proposals are taken again.
    if (leading.transfer.ticks >= settings.electionTicks) leading.transfer = null;
  }
  tickSnapshots(state, leading);
  if (leading.heartbeatTicks < settings.heartbeatTicks) return;
  leading.heartbeatTicks = 0;
  if (canSleep(state, leading)) askToSleep(state, leading);
  else confirmLeadership(state, leading);
}

/** Whether a quorum was heard from since the last call. */
function hasActiveQuorum(state: State, leading: Leading): boolean {
  const result = countVotes(configurationOf(state), (member) =>
    member === state.self ? true : (leading.progress.get(member)?.isActive ?? false),
  );
  for (const progress of leading.progress.values()) progress.isActive = false;
  return result === 'won';
}
