// Handing leadership over: the leader takes no proposals, brings the successor up to its own last entry, and tells it to stand
// at once. If nothing comes of it within an election timeout it goes on leading.
import { OpError } from '@holdfast/base';
import type { MemberId } from './ids.ts';
import { configurationOf, type Leading, type State } from './state.ts';
import { say } from './storage.ts';

export function handleTransfer(state: State, to: MemberId): void {
  const { leading, leader } = state;
  if (leading === null) {
    state.out.refused =
      leader === null ? new OpError('RAFT_LEADER_UNKNOWN', {}) : new OpError('RAFT_LEADER_ELSEWHERE', { leader });
    return;
  }
  if (leading.transfer !== null && leading.transfer.to !== to) {
    state.out.refused = new OpError('RAFT_TRANSFER_PENDING', { to: leading.transfer.to });
    return;
  }
  if (to === state.self || !configurationOf(state).voters.includes(to)) {
    state.out.refused = new OpError('RAFT_TRANSFER_TARGET', {
      member: to,
      reason: to === state.self ? 'leads already' : 'does not vote',
    });
    return;
  }
  leading.transfer ??= { to, ticks: 0, isAsked: false };
}

/** Asks the successor to stand as soon as it has everything. */
export function settleTransfer(state: State, leading: Leading): void {
  const { transfer } = leading;
  if (transfer === null || transfer.isAsked) return;
  if (!configurationOf(state).voters.includes(transfer.to)) {
    leading.transfer = null;
    return;
  }
  if (leading.progress.get(transfer.to)?.match !== state.log.lastIndex) return;
  transfer.isAsked = true;
  say(state, transfer.to, { kind: 'timeout-now' });
}
