// Proposals: taken by a leader within its quota, passed on or refused by a follower. A retry of one that is still in the log
// uncommitted is not appended again: its answer comes with the first try. What is committed already the state machine
// recognises by its ledger (proposal-ledger.ts).
import { OpError, type ErrorCode } from '@holdfast/base';
import { entryBytes } from './entry.ts';
import type { MemberId } from './ids.ts';
import type { MessageOf, Proposal, ProposalRefusal } from './message.ts';
import { appendAsLeader } from './replication.ts';
import { versionOf, type Leading, type State } from './state.ts';
import { say } from './storage.ts';

export function handlePropose(state: State, proposals: readonly Proposal[]): void {
  if (state.leading !== null) {
    for (const { proposal, error } of take(state, state.leading, proposals)) {
      state.out.refusedProposals.push({ id: proposal.id, error });
    }
    return;
  }
  const { leader } = state;
  if (leader !== null && state.settings.forwardProposals) {
    say(state, leader, { kind: 'propose', proposals });
    return;
  }
  const error =
    leader === null ? new OpError('RAFT_LEADER_UNKNOWN', {}) : new OpError('RAFT_LEADER_ELSEWHERE', { leader });
  for (const { id } of proposals) state.out.refusedProposals.push({ id, error });
}

/** Proposals that a follower passed on. They are passed on once: two members that each take the other for the leader must not play ball. */
export function handleProposeMessage(state: State, { from, proposals }: MessageOf<'propose'>): void {
  const refused =
    state.leading === null
      ? proposals.map((proposal) => ({ proposal, error: new OpError('RAFT_LEADER_CHANGED', {}) }))
      : take(state, state.leading, proposals);
  if (refused.length > 0) sayRefused(state, from, refused);
}

interface Refused {
  readonly proposal: Proposal;
  readonly error: OpError;
}

function sayRefused(state: State, to: MemberId, refused: readonly Refused[]): void {
  const refusals = refused.map(({ proposal, error }): ProposalRefusal => ({
    id: proposal.id,
    code: error.code,
    details: error.details,
  }));
  say(state, to, { kind: 'propose-refused', refusals });
}

export function handleProposeRefused(state: State, { refusals }: MessageOf<'propose-refused'>): void {
  for (const { id, code, details } of refusals) {
    const error = new OpError<ErrorCode>(code, details);
    state.out.refusedProposals.push({ id, error });
  }
}

function take(state: State, leading: Leading, proposals: readonly Proposal[]): Refused[] {
  const refused: Refused[] = [];
  for (const proposal of proposals) {
    const error = refusalOf(state, leading, proposal);
    if (error !== null) {
      refused.push({ proposal, error });
      continue;
    }
    const { id, data } = proposal;
    if (leading.uncommitted.has(id.session, id.sequence)) continue;
    appendAsLeader(state, { kind: 'command', data, proposal: id });
  }
  return refused;
}

function refusalOf(state: State, leading: Leading, proposal: Proposal): OpError | null {
  const { settings } = state;
  const { length } = proposal.data;
  if (leading.transfer !== null) return new OpError('RAFT_TRANSFER_PENDING', { to: leading.transfer.to });
  if (length > settings.proposalBytesMax) {
    return new OpError('RAFT_PROPOSAL_TOO_LARGE', { bytes: length, limit: settings.proposalBytesMax });
  }
  if (proposal.version > versionOf(state)) {
    return new OpError('RAFT_VERSION_TOO_LOW', { needed: proposal.version, current: versionOf(state) });
  }
  const bytes = leading.uncommittedBytes + entryBytes(proposal);
  // With nothing on its way a single proposal is let through, whatever a quota smaller than it says.
  if (leading.uncommittedBytes > 0 && bytes > settings.uncommittedBytesMax) {
    return new OpError('RAFT_OVERLOADED', { what: 'uncommitted bytes', limit: settings.uncommittedBytesMax });
  }
  if (state.writes.length >= settings.pendingWritesMax) {
    return new OpError('RAFT_OVERLOADED', { what: 'writes under way', limit: settings.pendingWritesMax });
  }
  return null;
}
