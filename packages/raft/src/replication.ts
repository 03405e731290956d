// A leader's side of the log: appending, sending, counting. Sending does not wait for the leader's own disk; the leader counts
// itself where its disk is, like anybody.
import { entryBytes, type Entry, type EntryKind, type ProposalId } from './entry.ts';
import { greater, lesser, plus, type MemberId } from './ids.ts';
import type { MessageOf } from './message.ts';
import type { Progress } from './progress.ts';
import { quorumReached } from './quorum.ts';
import { startSnapshot } from './snapshot-sender.ts';
import { configurationOf, noteCommit, type Leading, type State } from './state.ts';
import { appendEntry, say } from './storage.ts';
import { invariant, type LogIndex, type Term } from '@holdfast/base';

export interface EntryContent {
  readonly kind: EntryKind;
  readonly data: Uint8Array;
  readonly proposal: ProposalId | null;
}

export function appendAsLeader(state: State, { kind, data, proposal }: EntryContent): void {
  const entry: Entry = { index: plus(state.log.lastIndex, 1), term: state.term, kind, data, proposal };
  appendEntry(state, entry);
  if (state.leading !== null) noteUncommitted(state.leading, entry);
}

export function noteUncommitted(leading: Leading, entry: Entry): void {
  if (entry.kind !== 'command') return;
  leading.uncommittedBytes += entryBytes(entry);
  if (entry.proposal === null) return;
  leading.uncommitted.set(true, entry.proposal.session, entry.proposal.sequence);
}

function noteCommitted(leading: Leading, entry: Entry): void {
  if (entry.kind !== 'command') return;
  leading.uncommittedBytes -= entryBytes(entry);
  if (entry.proposal === null) return;
  leading.uncommitted.take(entry.proposal.session, entry.proposal.sequence);
}

/**
 * Commits what a quorum has. Only an entry of the own term counts: one of an earlier term that lies on a majority can still
 * be overwritten by a leader that never had it, so those are committed by what comes behind them.
 */
export function advanceCommit(state: State, leading: Leading): void {
  const reached = quorumReached(configurationOf(state), (member) =>
    member === state.self ? state.writes.durableIndex : (leading.progress.get(member)?.match ?? 0),
  ) as LogIndex;
  if (reached <= state.commit || state.log.termAt(reached) !== state.term) return;
  for (let index = plus(state.commit, 1); index <= reached; index = plus(index, 1)) {
    const entry = state.log.entryAt(index);
    if (entry !== null) noteCommitted(leading, entry);
  }
  noteCommit(state, reached);
}

/** Sends whatever may go to whom; tells the commit index to those whom no append will tell. */
export function sendAppends(state: State, leading: Leading): void {
  const { lastIndex } = state.log;
  for (const progress of leading.progress.values()) {
    while (!progress.isPaused && (progress.next <= lastIndex || progress.mustProbe)) {
      if (!sendAppend(state, leading, progress)) break;
    }
    const commit = lesser(state.commit, progress.match);
    if (commit > progress.toldCommit && progress.state === 'replicate') {
      progress.toldCommit = commit;
      say(state, progress.member, { kind: 'commit', commit });
    }
  }
}

/** False if the entries are gone and a snapshot has to go instead. */
function sendAppend(state: State, leading: Leading, progress: Progress): boolean {
  const { log, settings } = state;
  const index = plus(progress.next, -1);
  const term = log.termAt(index);
  if (term === null) {
    startSnapshot(state, leading, progress);
    return false;
  }
  const entries = log.slice(progress.next, settings.appendBytesMax);
  say(state, progress.member, { kind: 'append', previous: { term, index }, entries, commit: state.commit });
  const last = plus(index, entries.length);
  progress.noteSent(last, entries.length === 0 ? 0 : log.sizeOf(entries));
  progress.toldCommit = greater(progress.toldCommit, lesser(state.commit, last));
  return true;
}

/** Asks whether everything that was sent has arrived, where an append may be lost and nothing is left to send behind it. */
function probeTail(state: State, progress: Progress): void {
  const index = plus(progress.next, -1);
  const term = state.log.termAt(index);
  if (term === null) {
    // What was under way was compacted since; if it got lost, only a snapshot leads further.
    progress.becomeProbe();
    return;
  }
  say(state, progress.member, { kind: 'append', previous: { term, index }, entries: [], commit: state.commit });
}

export function handleAccepted(state: State, leading: Leading, message: MessageOf<'append-accepted'>): void {
  const progress = heard(leading, message.from);
  progress.version = message.version;
  progress.noteMatch(message.match);
  if (progress.state === 'replicate') return;
  // A snapshot that arrived joins the log where it ends; anything less leaves the follower behind the log's beginning.
  if (progress.state === 'snapshot' && progress.match < state.log.base.index) return;
  leading.snapshots.delete(message.from);
  progress.becomeReplicate();
}

export function handleRejected(state: State, leading: Leading, message: MessageOf<'append-rejected'>): void {
  const progress = heard(leading, message.from);
  const { hint, rejected, isDamaged, version } = message;
  progress.version = version;
  if (isDamaged) {
    progress.noteLoss(lesser(hint.index, state.log.lastIndex));
    return;
  }
  progress.noteRejection(rejected, plus(agreementAt(state, hint.index, hint.term), 1));
}

/**
 * The last entry where the follower may agree: up to `index` it has nothing of a term above `term`, so what this log has of
 * higher terms need not be tried. A whole term is skipped with each answer, from both sides.
 */
function agreementAt(state: State, index: LogIndex, term: Term): LogIndex {
  return state.log.lastOfTermAtMost(index, term).index;
}

export function handleHeartbeatResponse(
  state: State,
  leading: Leading,
  message: MessageOf<'heartbeat-response'>,
): void {
  const progress = heard(leading, message.from);
  progress.version = message.version;
  progress.context = Math.max(progress.context, message.context);
  progress.isAsleep = message.isAsleep;
  if (message.isAsleep) return;
  progress.isProbeSent = false;
  if (progress.state === 'probe') progress.mustProbe ||= progress.match < state.log.lastIndex;
  if (progress.state === 'replicate' && plus(progress.match, 1) < progress.next) probeTail(state, progress);
}

/** The book of a member that answered; members without one were refused before. */
export function heard(leading: Leading, member: MemberId): Progress {
  const progress = leading.progress.get(member);
  invariant(progress !== undefined, `an answer of member ${member}, of whom there is no book`);
  progress.isActive = true;
  progress.hasAnswered = true;
  return progress;
}
