// What an accepted operation changes: at once in the staged state, and, when its batch is durable, in what readers see. Both
// go through the same functions of a state.
import { invariant } from '@holdfast/base';
import type { Chunk } from './chunk.ts';
import type { Group } from './group.ts';
import { emptyState, type GroupState } from './group-state.ts';
import type { GroupOperation, NewEntry } from './operation.ts';
import type { TermRuns } from './term-runs.ts';

/** An operation in its batch, with the places of its entries. */
export interface Effect {
  readonly operation: GroupOperation;
  readonly positions: readonly number[];
}

/** `terms` belongs to the state and is changed with it. */
export function stateAfter(operation: GroupOperation, state: GroupState, terms: TermRuns): GroupState {
  switch (operation.kind) {
    case 'append':
      return afterAppend(operation.entries, state, terms);
    case 'repair':
      return afterRepair(operation.entry, state, terms);
    case 'vote':
      // The one that was lost may be a later one: only a settlement ends the doubt.
      return { ...state, term: operation.term, vote: operation.vote };
    case 'commit':
      return { ...state, commit: operation.index };
    case 'truncate':
      return afterTruncate(operation.index, state, terms);
    case 'purge':
      return afterPurge(operation.index, state, terms);
    case 'snapshot':
      return afterSnapshot(operation.index, operation.term, { state, terms });
    case 'userData':
      return { ...state, userData: operation.data, isUserDataLost: false };
    case 'settle':
      return { ...state, ambiguity: null, isVoteLost: false };
    case 'create':
    case 'destroy':
      terms.clear();
      return emptyState;
  }
}

function afterAppend(entries: readonly NewEntry[], state: GroupState, terms: TermRuns): GroupState {
  for (const { index, term } of entries) terms.append(index, term);
  const last = entries.at(-1);
  return last === undefined ? state : { ...state, lastIndex: last.index, lastTerm: last.term };
}

function afterRepair({ index, term }: NewEntry, state: GroupState, terms: TermRuns): GroupState {
  terms.set(index, term);
  return index === state.lastIndex ? { ...state, lastTerm: term } : state;
}

function afterTruncate(index: number, state: GroupState, terms: TermRuns): GroupState {
  if (index >= state.lastIndex) return state;
  terms.truncateAfter(index);
  const lastTerm = index === state.purgedIndex ? state.purgedTerm : terms.at(index);
  return { ...state, lastIndex: index, lastTerm };
}

function afterPurge(index: number, state: GroupState, terms: TermRuns): GroupState {
  if (index <= state.purgedIndex) return state;
  const purgedTerm = terms.at(index);
  terms.purgeTo(index);
  return { ...state, purgedIndex: index, purgedTerm };
}

function afterSnapshot(
  index: number,
  term: number,
  { state, terms }: { readonly state: GroupState; readonly terms: TermRuns },
): GroupState {
  terms.clear();
  return { ...state, purgedIndex: index, purgedTerm: term, lastIndex: index, lastTerm: term, commit: index };
}

export interface Published {
  readonly groups: Map<number, Group>;
  readonly chunk: Chunk;
}

/** The batch is durable: its effects become visible. */
export function publish({ operation, positions }: Effect, { groups, chunk }: Published): void {
  const { group } = operation;
  const { id } = group;
  switch (operation.kind) {
    case 'append':
      publishEntries(operation.entries, group, { positions, chunk });
      break;
    case 'repair':
      group.index.repair(chunk, operation.entry.index, positions[0] ?? unplaced());
      group.faulty.remove(operation.entry.index, operation.entry.index);
      break;
    case 'truncate':
      group.index.truncateAfter(operation.index);
      group.faulty.remove(operation.index + 1, Infinity);
      break;
    case 'create':
      groups.set(id, group);
      break;
    case 'destroy':
      if (groups.get(id) === group) groups.delete(id);
      break;
    default:
  }
  group.durable = stateAfter(operation, group.durable, group.index.terms);
  if (operation.kind === 'purge') {
    group.purgeTo(group.durable.purgedIndex);
  }
  if (operation.kind === 'snapshot' || operation.kind === 'destroy') {
    group.clear();
  }
}

function publishEntries(
  entries: readonly NewEntry[],
  group: Group,
  { positions, chunk }: { readonly positions: readonly number[]; readonly chunk: Chunk },
): void {
  let at = 0;
  for (const { index } of entries) group.index.append(chunk, index, positions[at++] ?? unplaced());
}

function unplaced(): never {
  invariant(false, 'an entry of a batch has no place');
}
