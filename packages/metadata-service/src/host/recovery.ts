// What a replica finds of itself at its start, for the core: the log's view of the group, whose doubts arrive unsoftened, the
// snapshots, and how far the state machine is.
import { isOpError, OpError, type LogIndex, type Term } from '@holdfast/base';
import { emptyReplica, type Configuration, type Entry, type GroupId, type Position } from '@holdfast/raft';
import type { MemberId, Recovered, SnapshotMark } from '@holdfast/raft';
import type { GroupView, NewEntry, RaftLog } from '@holdfast/raft-log';
import { fromLogEntry } from './log-entry.ts';
import type { SnapshotStore } from './snapshot-store.ts';
import type { StateMachine } from './state-machine.ts';

export interface RecoveryParts {
  readonly log: RaftLog;
  readonly group: GroupId;
  readonly founders: Configuration | null;
  readonly snapshots: SnapshotStore;
  readonly machine: StateMachine;
}

/** Of one read from the log. */
const readBytes = 4 * 1024 * 1024;

/** Also brings the state machine up to the newest snapshot, if it has less. */
export async function recoverGroup(parts: RecoveryParts): Promise<Recovered> {
  const { log, group, founders, snapshots, machine } = parts;
  const view = log.state(group);
  if (view === null) throw unusable(`the log has no group ${group}`);
  const installed = await bringUp(snapshots, machine);
  if ((installed?.index ?? 0) < view.purgedIndex) {
    throw unusable(`it has no snapshot of what was before entry ${view.firstIndex}, where its log begins`);
  }
  const entries = readEntries(log, group, view);
  return {
    vote: { term: view.term as Term, votedFor: view.vote as MemberId | null },
    commit: view.commit as LogIndex,
    snapshot: beginOf(view, snapshots.marks, founders),
    entries,
    faulty: faultySlots(log, group),
    ambiguity: ambiguityOf(view),
    installed,
    applied: machine.applied,
    partialSnapshot: snapshots.resumeReceiving(machine.applied),
  };
}

/** Gives the machine the newest snapshot if it has less, and answers which snapshot it has at least. */
async function bringUp(snapshots: SnapshotStore, machine: StateMachine): Promise<SnapshotMark | null> {
  if (snapshots.newest === null || machine.applied >= snapshots.newest.index) return snapshots.newest;
  const newest = await snapshots.openNewest();
  if (newest === null) return null;
  try {
    if (machine.applied < newest.mark.index) await machine.install(newest.source);
  } finally {
    newest.source.close();
  }
  return newest.mark;
}

/**
 * Where the log begins. Of a place that only a later snapshot covers, no configuration is known, and none is needed. The log does not know
 * the term of an entry that it could not read when a snapshot took its place: what was committed there has one term only.
 */
function beginOf(view: GroupView, marks: readonly SnapshotMark[], founders: Configuration | null): SnapshotMark {
  const { purgedIndex, purgedTerm } = view;
  if (purgedIndex === 0) return emptyReplica(founders ?? undefined).snapshot;
  const exact = marks.find(({ index, term }) => index === purgedIndex && (term === purgedTerm || purgedTerm === 0));
  return exact ?? { ...emptyReplica().snapshot, index: purgedIndex as LogIndex, term: purgedTerm as Term };
}

/** Every entry that can be read. A slot that turns out to be damaged only here is noted by the log. */
function readEntries(log: RaftLog, group: GroupId, { firstIndex, lastIndex }: GroupView): Entry[] {
  const entries: Entry[] = [];
  for (let index = firstIndex; index <= lastIndex;) {
    const read = readFrom(log, group, { from: index, to: lastIndex });
    for (const entry of read) entries.push(fromLogEntry(entry));
    // Nothing: the slot is damaged, and what lies behind it may not be.
    index += Math.max(1, read.length);
  }
  return entries;
}

function readFrom(log: RaftLog, group: GroupId, range: { readonly from: number; readonly to: number }): NewEntry[] {
  try {
    return log.read(group, { ...range, budgetBytes: readBytes });
  } catch (error) {
    if (isOpError(error) && error.code === 'RAFT_LOG_ENTRY_FAULTY') return [];
    throw error;
  }
}

function faultySlots(log: RaftLog, group: GroupId): Position[] {
  const slots: Position[] = [];
  for (const { from, to } of log.state(group)?.faulty ?? []) {
    for (let index = from; index <= to; index++) {
      slots.push({ index: index as LogIndex, term: (log.term(group, index) ?? 0) as Term });
    }
  }
  return slots;
}

function ambiguityOf({ ambiguity, isVoteLost }: GroupView): Recovered['ambiguity'] {
  if (ambiguity === null) return isVoteLost ? { term: null } : null;
  return { term: ambiguity.term as Term | null };
}

function unusable(reason: string): OpError {
  return new OpError('RAFT_STATE_UNUSABLE', { reason });
}
