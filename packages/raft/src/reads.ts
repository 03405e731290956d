// Linearizable reads without a clock: the leader notes its commit index, and a quorum that answers a heartbeat sent after the
// read arrived proves that no later leader existed then. Two rules carry it:
//
// - The context of a heartbeat is a counter that this process never uses twice. An answer to an earlier heartbeat with the
//   same number would confirm a read that came after it.
// - A leader knows the last commit only once an entry of its own term is committed. Until then reads wait.
//
// Reads that arrive while a confirmation is under way share the next one.
import { OpError, type LogIndex } from '@holdfast/base';
import { lesser, type MemberId } from './ids.ts';
import type { MessageOf } from './message.ts';
import { quorumReached } from './quorum.ts';
import { configurationOf, type Leading, type State, type WaitingRead } from './state.ts';
import { say } from './storage.ts';

export function handleRead(state: State, ids: readonly number[]): void {
  for (const id of ids) {
    // An id that is used twice could be answered with the index of its first use.
    if (id <= state.lastReadId) {
      state.out.refusedReads.push({ id, error: new OpError('RAFT_READ_ID_REUSED', { id, last: state.lastReadId }) });
      continue;
    }
    state.lastReadId = id;
    if (state.leading !== null) enqueue(state, state.leading, { id, origin: null });
    else if (state.leader === null) refuse(state, id, new OpError('RAFT_LEADER_UNKNOWN', {}));
    else say(state, state.leader, { kind: 'read-request', id, boot: state.boot });
  }
}

function enqueue(state: State, leading: Leading, read: WaitingRead): void {
  const limit = state.settings.pendingReadsMax;
  const pending = leading.readRounds.reduce((sum, { reads }) => sum + reads.length, leading.readsWaiting.length);
  if (pending < limit) {
    leading.readsWaiting.push(read);
    return;
  }
  const { origin, id } = read;
  if (origin === null) refuse(state, id, new OpError('RAFT_OVERLOADED', { what: 'reads that wait', limit }));
  else say(state, origin.member, { kind: 'read-response', id, boot: origin.boot, index: null });
}

function refuse(state: State, id: number, error: OpError): void {
  state.out.refusedReads.push({ id, error });
}

export function handleReadRequest(state: State, message: MessageOf<'read-request'>): void {
  const { from, id, boot } = message;
  if (state.leading !== null) enqueue(state, state.leading, { id, origin: { member: from, boot } });
  else say(state, from, { kind: 'read-response', id, boot, index: null });
}

export function handleReadResponse(state: State, message: MessageOf<'read-response'>): void {
  const { id, boot, index } = message;
  // An answer to a read of this replica's life before a restart may be older than the read of the same id in this one.
  if (boot !== state.boot || id > state.lastReadId) return;
  if (index === null) refuse(state, id, new OpError('RAFT_LEADER_CHANGED', {}));
  else state.out.reads.push({ id, index });
}

export function canServeReads(state: State, leading: Leading): boolean {
  return state.commit >= leading.startIndex;
}

/** Starts a round for the reads that wait, unless one is under way, and answers those that are confirmed. */
export function settleReads(state: State, leading: Leading): void {
  if (leading.readsWaiting.length > 0 && leading.readRounds.length === 0 && canServeReads(state, leading)) {
    confirmLeadership(state, leading);
  }
  releaseReads(state, leading);
}

/** Asks everybody whether this is still the leader, on behalf of the reads that wait at this moment. */
export function confirmLeadership(state: State, leading: Leading): void {
  const context = ++state.heartbeatContext;
  if (leading.readsWaiting.length > 0 && canServeReads(state, leading)) {
    leading.readRounds.push({ context, index: state.commit, reads: leading.readsWaiting.splice(0) });
  }
  for (const progress of leading.progress.values()) {
    // Behind what it is known to have, a follower's log may be another's; a commit index beyond that would commit it.
    const commit = lesser(state.commit, progress.match);
    progress.toldCommit = commit;
    progress.isAsleep = false;
    say(state, progress.member, { kind: 'heartbeat', commit, context, sleepAt: null });
  }
}

function releaseReads(state: State, leading: Leading): void {
  if (leading.readRounds.length === 0) return;
  const confirmed = confirmedContext(state, leading);
  while (leading.readRounds.length > 0) {
    const [round] = leading.readRounds;
    if (round === undefined || round.context > confirmed) break;
    leading.readRounds.shift();
    for (const read of round.reads) answer(state, read, round.index);
  }
  // Reads that came during the round have waited for exactly this.
  if (leading.readRounds.length === 0 && leading.readsWaiting.length > 0) confirmLeadership(state, leading);
}

/** When the last of these heartbeats went out, this was the leader: a quorum has answered it. */
export function confirmedContext(state: State, leading: Leading): number {
  return quorumReached(configurationOf(state), (member: MemberId) =>
    member === state.self ? state.heartbeatContext : (leading.progress.get(member)?.context ?? 0),
  );
}

function answer(state: State, { id, origin }: WaitingRead, index: LogIndex): void {
  if (origin === null) state.out.reads.push({ id, index });
  else say(state, origin.member, { kind: 'read-response', id, boot: origin.boot, index });
}
