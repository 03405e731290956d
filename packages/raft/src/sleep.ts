// Idle groups stop ticking. A leader with nothing to do asks its followers to sleep with it; when each of them agreed, having
// the same log and nothing to do either, the group exchanges nothing at all. Anything but such a heartbeat and its answer
// wakes a replica, and `Groups` wakes it when a peer's process is gone: a follower that sleeps hears no silence.
import { isJoint } from './configuration.ts';
import { restartTimer, shortenWait } from './roles.ts';
import { configurationOf, type Leading, type State } from './state.ts';
import { say } from './storage.ts';

function isQuiet(state: State): boolean {
  const { log } = state;
  const isWhole = state.commit === log.lastIndex && state.applied === log.lastIndex && state.writes.length === 0;
  return isWhole && state.fault?.isSuspect !== true && state.incoming === null;
}

export function canSleep(state: State, leading: Leading): boolean {
  const { sleepAfterTicks } = state.settings;
  if (sleepAfterTicks === 0 || leading.idleTicks < sleepAfterTicks || !isQuiet(state)) return false;
  if (isJoint(configurationOf(state)) || leading.transfer !== null) return false;
  if (leading.readsWaiting.length > 0 || leading.readRounds.length > 0) return false;
  for (const progress of leading.progress.values()) {
    if (progress.state !== 'replicate' || progress.match !== state.log.lastIndex) return false;
  }
  return true;
}

export function askToSleep(state: State, leading: Leading): void {
  const context = ++state.heartbeatContext;
  for (const progress of leading.progress.values()) {
    progress.toldCommit = state.commit;
    say(state, progress.member, { kind: 'heartbeat', commit: state.commit, context, sleepAt: state.log.last });
  }
  settleSleep(state, leading);
}

/** Sleeps once all followers do. */
export function settleSleep(state: State, leading: Leading): void {
  if (state.isAsleep || !canSleep(state, leading)) return;
  for (const progress of leading.progress.values()) if (!progress.isAsleep) return;
  state.isAsleep = true;
}

/** Whether a follower agrees to sleep at the leader's last entry. */
export function agreeToSleep(state: State, sleepAt: { readonly term: number; readonly index: number }): boolean {
  const { last } = state.log;
  state.isAsleep = last.term === sleepAt.term && last.index === sleepAt.index && isQuiet(state);
  return state.isAsleep;
}

export function wake(state: State, isLeaderLost: boolean): void {
  if (!state.isAsleep) return;
  state.isAsleep = false;
  const { leading } = state;
  if (leading === null) {
    restartTimer(state);
    // The silence was noticed elsewhere.
    if (isLeaderLost) shortenWait(state);
    return;
  }
  leading.idleTicks = 0;
  leading.quorumTicks = 0;
  for (const progress of leading.progress.values()) {
    progress.isAsleep = false;
    progress.isActive = true;
  }
}
