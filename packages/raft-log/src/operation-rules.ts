// What a group refuses, each as a rule of its own. They look at the staged state, that is with everything that was accepted
// before, durable or not. A refusal leaves no trace: nothing has been encoded by then.
import { OpError } from '@holdfast/base';
import { isCounter } from './format.ts';
import type { Group } from './group.ts';
import type { GroupState } from './group-state.ts';
import type { GroupOperation, NewEntry } from './operation.ts';

export const userDataLimitBytes = 4096;

export function checkOperation(operation: GroupOperation): void {
  const { group, kind } = operation;
  const reason = objectionTo(operation, group.staged);
  if (reason !== null) throw new OpError('RAFT_LOG_REFUSED', { group: group.id, operation: kind, reason });
}

function objectionTo(operation: GroupOperation, state: GroupState): string | null {
  switch (operation.kind) {
    case 'append':
      return appendObjection(operation.entries, state);
    case 'repair':
      return repairObjection(operation.group, operation.entry);
    case 'vote':
      return voteObjection(operation.term, operation.vote, state);
    case 'commit':
    case 'truncate':
    case 'purge':
      return counterObjection('index', operation.index) ?? indexObjection(operation.kind, operation.index, state);
    case 'snapshot':
      return snapshotObjection(operation.index, operation.term, state);
    case 'userData':
      return userDataObjection(operation.data);
    case 'settle':
    case 'create':
    case 'destroy':
      return null;
  }
}

function appendObjection(entries: readonly NewEntry[], state: GroupState): string | null {
  let { lastIndex, lastTerm } = state;
  for (const { index, term } of entries) {
    const reason =
      counterObjection('index', index) ??
      counterObjection('term', term) ??
      gapObjection(index, lastIndex) ??
      termBackObjection(term, lastTerm) ??
      aheadOfTermObjection(term, state);
    if (reason !== null) return reason;
    lastIndex = index;
    lastTerm = term;
  }
  return null;
}

function repairObjection(group: Group, entry: NewEntry): string | null {
  return counterObjection('term', entry.term) ?? slotObjection(group, entry) ?? repairTermObjection(group, entry);
}

function voteObjection(term: number, vote: number | null, state: GroupState): string | null {
  return (
    counterObjection('term', term) ??
    counterObjection('vote', vote ?? 0) ??
    oldTermObjection(term, state) ??
    secondVoteObjection(term, vote, state)
  );
}

function snapshotObjection(index: number, term: number, state: GroupState): string | null {
  return (
    counterObjection('index', index) ??
    counterObjection('term', term) ??
    snapshotBackObjection(index, state) ??
    aheadOfTermObjection(term, state)
  );
}

function indexObjection(kind: 'commit' | 'truncate' | 'purge', index: number, state: GroupState): string | null {
  if (kind === 'commit') return commitBackObjection(index, state) ?? beyondEndObjection(index, state);
  if (kind === 'truncate') return committedObjection(index, state) ?? beyondEndObjection(index, state);
  return uncommittedObjection(index, state);
}

function counterObjection(name: string, value: number): string | null {
  return isCounter(value) ? null : `${name} ${value} is no 48-bit counter`;
}

function gapObjection(index: number, lastIndex: number): string | null {
  return index === lastIndex + 1 ? null : `entry ${index} does not follow ${lastIndex}`;
}

function termBackObjection(term: number, lastTerm: number): string | null {
  return term >= lastTerm ? null : `term ${term} comes after term ${lastTerm}`;
}

/** The term is durable before or with its entries, never after. */
function aheadOfTermObjection(term: number, state: GroupState): string | null {
  return term <= state.term ? null : `term ${term} was not saved; the group is in term ${state.term}`;
}

function oldTermObjection(term: number, state: GroupState): string | null {
  return term >= state.term ? null : `term ${term} is over; the group is in term ${state.term}`;
}

/** One vote a term: a second one makes two leaders. */
function secondVoteObjection(term: number, vote: number | null, state: GroupState): string | null {
  const isSecond = term === state.term && state.vote !== null && vote !== state.vote;
  return isSecond ? `the vote of term ${term} was given to ${state.vote}` : null;
}

function commitBackObjection(index: number, state: GroupState): string | null {
  return index >= state.commit ? null : `${state.commit} is committed`;
}

function beyondEndObjection(index: number, state: GroupState): string | null {
  return index <= state.lastIndex ? null : `the log ends at ${state.lastIndex}`;
}

/** What is committed never changes. */
function committedObjection(index: number, state: GroupState): string | null {
  const fixed = Math.max(state.commit, state.purgedIndex);
  return index >= fixed ? null : `everything up to ${fixed} is committed`;
}

function uncommittedObjection(index: number, state: GroupState): string | null {
  return index <= Math.min(state.commit, state.lastIndex) ? null : `only ${state.commit} is committed`;
}

function snapshotBackObjection(index: number, state: GroupState): string | null {
  return index >= state.commit ? null : `${state.commit} is committed, and the snapshot ends at ${index}`;
}

function userDataObjection(data: Uint8Array): string | null {
  return data.length <= userDataLimitBytes ? null : `${data.length} bytes of user data; at most ${userDataLimitBytes}`;
}

function slotObjection(group: Group, entry: NewEntry): string | null {
  return group.faulty.has(entry.index) ? null : `slot ${entry.index} is not faulty`;
}

/** An entry of another term than the slot's is another entry. */
function repairTermObjection(group: Group, entry: NewEntry): string | null {
  const known = group.index.terms.at(entry.index);
  return known === 0 || known === entry.term ? null : `slot ${entry.index} had term ${known}`;
}
