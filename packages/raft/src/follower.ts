// A follower's side of the log: what a leader sends is taken where it joins on, and answered when it is durable.
//
// A slot whose bytes were damaged is never answered as absent: this replica may be the one that made it committed. The answer
// says "damaged", and the leader starts again before it.
import { OpError, type LogIndex } from '@holdfast/base';
import type { Entry } from './entry.ts';
import { greater, lesser, plus, type MemberId, type Position } from './ids.ts';
import type { MessageOf } from './message.ts';
import { becomeFollower } from './roles.ts';
import { agreeToSleep } from './sleep.ts';
import { noteCommit, type State } from './state.ts';
import { appendEntry, repairEntry, say, sayWhenDurable, truncateAfter } from './storage.ts';

/** Takes the sender for the leader of this term. False if somebody else was: that event is refused. */
export function acceptLeader(state: State, from: MemberId): boolean {
  if (state.role === 'leader' || (state.leader !== null && state.leader !== from)) {
    state.out.refused = new OpError('RAFT_TWO_LEADERS', {
      term: state.term,
      first: state.leader ?? state.self,
      second: from,
    });
    return false;
  }
  if (state.role === 'follower' && state.leader === from) state.elapsedTicks = 0;
  else becomeFollower(state, state.term, from);
  return true;
}

export function handleAppend(state: State, message: MessageOf<'append'>): void {
  if (!acceptLeader(state, message.from) || !canTake(state)) return;
  const { previous, entries } = message;
  const { log, commit } = state;
  const last = plus(previous.index, entries.length);
  if (previous.index <= commit) {
    // What is committed is the same at every leader, so the logs join here; only what lies behind it has to be looked at.
    if (contradictsCommitted(state, message)) return;
    takeEntries(
      state,
      entries.filter(({ index }) => index > commit || log.isDamaged(index)),
    );
  } else {
    const match = log.matches(previous.index, previous.term);
    if (match !== 'yes') {
      reject(state, message, match === 'damaged');
      return;
    }
    takeEntries(state, entries);
  }
  const match = greater(last, commit);
  state.matched = greater(state.matched, match);
  // Behind `last` this log may hold another leader's entries: they are not what the leader calls committed.
  noteCommit(state, lesser(message.commit, last));
  answerMatch(state, message.from, match);
}

/** Bounded like everything: what does not fit is as good as lost on the way, and the leader sends it again. */
function canTake({ writes, settings, incoming }: State): boolean {
  return writes.length < settings.pendingWritesMax && incoming?.step !== 'installing';
}

/** Entries that differ from committed ones: one of the two replicas is corrupt, and neither may go on as if it were not. */
function contradictsCommitted(state: State, { from, previous, entries }: MessageOf<'append'>): boolean {
  const { log, commit } = state;
  const wrong = [previous, ...entries.slice(0, commit - previous.index)].find(({ index, term }) => {
    return index >= log.base.index && log.matches(index, term) === 'no';
  });
  if (wrong === undefined) return false;
  state.out.refused = new OpError('RAFT_COMMITTED_CONTRADICTED', { member: from, index: wrong.index });
  return true;
}

function takeEntries(state: State, entries: readonly Entry[]): void {
  const { log } = state;
  for (const entry of entries) {
    if (entry.index <= log.lastIndex) {
      const match = log.matches(entry.index, entry.term);
      if (match === 'yes') continue;
      if (match === 'damaged') {
        takeForDamaged(state, entry, entries);
        continue;
      }
      truncateAfter(state, plus(entry.index, -1));
      state.matched = lesser(state.matched, log.lastIndex);
    }
    appendEntry(state, entry);
  }
}

/**
 * The slot is filled where it stands if what stood there was this entry, as it was if this log leads through one behind it. Otherwise
 * the entries behind it may be another leader's, which a filled slot would join to this leader's log; they are cut off, and the leader
 * sends its own.
 */
function takeForDamaged(state: State, entry: Entry, sent: readonly Entry[]): void {
  const isSame = sent.some((each) => each.index >= entry.index && state.log.leadsThrough(each));
  if (entry.index <= state.commit || isSame) {
    repairEntry(state, entry);
    return;
  }
  truncateAfter(state, plus(entry.index, -1));
  appendEntry(state, entry);
}

/** Answers that everything up to `match` is here, as soon as it is durable; or where the first hole is. */
function answerMatch(state: State, to: MemberId, match: LogIndex): void {
  const [hole] = state.log.damagedIndices(1);
  const version = state.settings.supportedVersion;
  if (hole !== undefined && hole <= match) {
    const index = plus(hole, -1);
    const hint: Position = { index, term: state.log.termAt(index) ?? state.log.base.term };
    sayWhenDurable(state, to, { kind: 'append-rejected', rejected: match, hint, isDamaged: true, version });
    return;
  }
  sayWhenDurable(state, to, { kind: 'append-accepted', match, version });
}

function reject(state: State, { from, previous }: MessageOf<'append'>, isDamaged: boolean): void {
  const { log } = state;
  const version = state.settings.supportedVersion;
  const index = isDamaged ? plus(previous.index, -1) : lesser(previous.index, log.lastIndex);
  const hint = isDamaged
    ? { index, term: log.termAt(index) ?? log.base.term }
    : log.lastOfTermAtMost(index, previous.term);
  sayWhenDurable(state, from, { kind: 'append-rejected', rejected: previous.index, hint, isDamaged, version });
}

export function handleCommit(state: State, message: MessageOf<'commit'>): void {
  if (acceptLeader(state, message.from)) takeCommit(state, message.commit);
}

export function handleHeartbeat(state: State, message: MessageOf<'heartbeat'>): void {
  const { from, context, sleepAt } = message;
  if (!acceptLeader(state, from)) return;
  takeCommit(state, message.commit);
  const body = {
    kind: 'heartbeat-response',
    context,
    isAsleep: sleepAt !== null && agreeToSleep(state, sleepAt),
    version: state.settings.supportedVersion,
  } as const;
  // An answer confirms reads of a term; it must not be forgotten in a crash that the term was ever heard of.
  if (state.writes.isVotePending || state.draft !== null) sayWhenDurable(state, from, body);
  else say(state, from, body);
}

/**
 * A leader tells a commit index only up to what it knows to be here, so what this log holds there is the leader's. A replica
 * that may have lost what the leader knows of believes it only as far as it has compared.
 */
function takeCommit(state: State, commit: LogIndex): void {
  const limit = state.fault === null ? state.log.lastIndex : state.matched;
  if (commit <= limit) noteCommit(state, commit);
}
