// The log and the hard state as a step changes them: every change goes to memory and into the step's draft at once, and the
// draft leaves as one write. Messages that would be lies after a crash are handed to `sayWhenDurable`.
import { invariant, type LogIndex } from '@holdfast/base';
import type { Entry } from './entry.ts';
import { lesser, type MemberId, type Position } from './ids.ts';
import type { Message, MessageBody, SnapshotMark } from './message.ts';
import { configurationOf, emptyDraft, noteEntry, type Draft, type State } from './state.ts';

export function envelope(state: State, to: MemberId, body: MessageBody): Message {
  return { cluster: state.cluster, group: state.group, from: state.self, to, term: state.term, ...body };
}

/** Says it at once: only what stays true if this replica crashes now. */
export function say(state: State, to: MemberId, body: MessageBody): void {
  state.out.messages.push(envelope(state, to, body));
}

/** Says it when everything that this replica did so far is durable. */
export function sayWhenDurable(state: State, to: MemberId, body: MessageBody): void {
  draftOf(state).messages.push(envelope(state, to, body));
}

export function draftOf(state: State): Draft {
  state.draft ??= emptyDraft();
  return state.draft;
}

/** Term and vote changed in memory: they become durable before or with whatever is written next, never after. */
export function saveVote(state: State): void {
  draftOf(state).isVoteChanged = true;
}

export function appendEntry(state: State, entry: Entry): void {
  state.log.append(entry);
  draftOf(state).entries.push(entry);
  if (entry.kind === 'command' || entry.kind === 'empty') return;
  noteEntry(state, entry.index);
  if (entry.kind === 'configuration') state.out.configuration = configurationOf(state);
}

export function truncateAfter(state: State, index: LogIndex): void {
  invariant(index >= state.commit, `a cut after ${index}, but ${state.commit} is committed`);
  const draft = draftOf(state);
  invariant(draft.entries.length === 0, 'a cut behind an append of the same step');
  state.log.truncateAfter(index);
  draft.truncateAfter = draft.truncateAfter === null ? index : lesser(draft.truncateAfter, index);
  const before = configurationOf(state);
  state.configurations = state.configurations.filter((mark) => mark.index <= index);
  state.versions = state.versions.filter((mark) => mark.index <= index);
  if (configurationOf(state) !== before) state.out.configuration = configurationOf(state);
}

export function repairEntry(state: State, entry: Entry): void {
  state.log.repair(entry);
  draftOf(state).repairs.push(entry);
  if (entry.kind === 'command' || entry.kind === 'empty') return;
  // While it was damaged nobody here knew that the members had changed.
  const before = configurationOf(state);
  noteEntry(state, entry.index);
  if (configurationOf(state) !== before) state.out.configuration = configurationOf(state);
}

/** Lets go of the log up to where a snapshot stands for it. */
export function purgeTo(state: State, end: Position): void {
  state.log.purgeTo(end);
  draftOf(state).purgeTo = end.index;
}

/** The same where the snapshot came from elsewhere: a change that it stands for may have been in a slot that was damaged here. */
export function purgeToSnapshot(state: State, mark: SnapshotMark): void {
  purgeTo(state, mark);
  beginMarksWith(state, mark);
}

export function replaceLog(state: State, mark: SnapshotMark): void {
  state.log.restore(mark);
  draftOf(state).snapshot = mark;
  beginMarksWith(state, mark);
}

/** Who the members were there, and which version was in force: what the log says of it may be damaged or gone. */
export function beginMarksWith(state: State, { index, configuration, version }: SnapshotMark): void {
  const isLater = (mark: { readonly index: LogIndex }): boolean =>
    mark.index > index && mark.index <= state.log.lastIndex;
  state.configurations = [{ index, configuration }, ...state.configurations.filter(isLater)];
  state.versions = [{ index, version }, ...state.versions.filter(isLater)];
  state.out.configuration = configurationOf(state);
}

/** Hands the draft over, and says what need not wait. */
export function flushDraft(state: State): void {
  const { draft } = state;
  if (draft === null) return;
  state.draft = null;
  const hasWrite =
    draft.isVoteChanged ||
    draft.isSettled ||
    draft.entries.length > 0 ||
    draft.repairs.length > 0 ||
    draft.truncateAfter !== null ||
    draft.snapshot !== null ||
    draft.purgeTo !== null;
  if (!hasWrite) {
    if (!state.writes.defer(draft.messages)) sayDurable(state, draft.messages);
    return;
  }
  const write = {
    ticket: state.writes.nextTicket,
    vote: draft.isVoteChanged ? { term: state.term, votedFor: state.votedFor } : null,
    snapshot: draft.snapshot,
    truncateAfter: draft.truncateAfter,
    entries: draft.entries,
    repairs: draft.repairs,
    // Behind the entries of the same write, so the log never knows of a commit beyond its end.
    commit: state.commit,
    purgeTo: draft.purgeTo,
    isSettled: draft.isSettled,
  };
  state.writes.add(write, state.log.lastIndex, draft.messages);
  state.out.write = write;
}

/** Messages whose ground is durable. One to oneself, a candidate's own vote, is left to the caller: it is an event. */
export function sayDurable(state: State, messages: readonly Message[]): void {
  for (const message of messages) if (message.to !== state.self) state.out.messages.push(message);
}
