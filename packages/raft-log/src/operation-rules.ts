// What a group refuses, each as a rule of its own. They look at the staged state, that is with everything that was accepted
// before, durable or not. A refusal leaves no trace: nothing has been encoded by then.
import { OpError } from '@holdfast/base';
import { counterMax } from './format.ts';
import type { Group } from './group.ts';
import type { GroupState } from './group-state.ts';
import type { GroupOperation, NewEntry } from './operation.ts';

export const userDataLimitBytes = 4096;

export function checkOperation(operation: GroupOperation): void {
  const { group } = operation;
  const refuse = (reason: string | null): void => {
    if (reason === null) return;
    throw new OpError('RAFT_LOG_REFUSED', { group: group.id, operation: operation.kind, reason });
  };
  for (const reason of objections(operation, group.staged)) refuse(reason);
}

function* objections(operation: GroupOperation, state: GroupState): Generator<string | null, void, void> {
  switch (operation.kind) {
    case 'append':
      yield* appendObjections(operation.entries, state);
      return;
    case 'repair':
      yield counterObjection('term', operation.entry.term);
      yield slotObjection(operation.group, operation.entry);
      yield repairTermObjection(operation.group, operation.entry);
      return;
    case 'vote':
      yield counterObjection('term', operation.term);
      yield counterObjection('vote', operation.vote ?? 0);
      yield oldTermObjection(operation.term, state);
      yield secondVoteObjection(operation.term, operation.vote, state);
      return;
    case 'commit':
      yield counterObjection('index', operation.index);
      yield commitBackObjection(operation.index, state);
      yield beyondEndObjection(operation.index, state);
      return;
    case 'truncate':
      yield counterObjection('index', operation.index);
      yield committedObjection(operation.index, state);
      yield beyondEndObjection(operation.index, state);
      return;
    case 'purge':
      yield counterObjection('index', operation.index);
      yield uncommittedObjection(operation.index, state);
      return;
    case 'snapshot':
      yield counterObjection('index', operation.index);
      yield counterObjection('term', operation.term);
      yield snapshotBackObjection(operation.index, state);
      yield aheadOfTermObjection(operation.term, state);
      return;
    case 'userData':
      yield userDataObjection(operation.data);
      return;
    case 'settle':
    case 'create':
    case 'destroy':
      return;
  }
}

function* appendObjections(entries: readonly NewEntry[], state: GroupState): Generator<string | null, void, void> {
  let { lastIndex, lastTerm } = state;
  for (const { index, term } of entries) {
    yield counterObjection('index', index);
    yield counterObjection('term', term);
    yield gapObjection(index, lastIndex);
    yield termBackObjection(term, lastTerm);
    yield aheadOfTermObjection(term, state);
    lastIndex = index;
    lastTerm = term;
  }
}

function counterObjection(name: string, value: number): string | null {
  return Number.isSafeInteger(value) && value >= 0 && value <= counterMax
    ? null
    : `${name} ${value} is no 48-bit counter`;
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
