// What tests of a single core share: who it is, entries, and what it says. Test code.
import { toLogIndex, toTerm } from '@holdfast/base';
import type { RaftCore } from './core.ts';
import { noData, type Entry } from './entry.ts';
import type { RaftEvent } from './event.ts';
import { toGroupId, toMemberId } from './ids.ts';
import type { Message, MessageBody, MessageKind, MessageOf } from './message.ts';

export const identity = { cluster: 'test', group: toGroupId(1), self: toMemberId(1) };
export const other = toMemberId(2);
export const entryOfTerm = (index: number, term: number): Entry => ({
  index: toLogIndex(index),
  term: toTerm(term),
  kind: 'command',
  data: noData,
  proposal: null,
});
export const entry = (index: number): Entry => entryOfTerm(index, 4);

export function from(term: number, body: MessageBody): RaftEvent {
  const message = {
    cluster: 'test',
    group: identity.group,
    from: other,
    to: identity.self,
    term: toTerm(term),
    ...body,
  };
  return { kind: 'message', message };
}

/** What it says of one kind, to whomever, also what waits for its disk. */
export function said<Kind extends MessageKind>(core: RaftCore, event: RaftEvent, kind: Kind): MessageOf<Kind>[] {
  const isOfKind = (message: Message): message is MessageOf<Kind> & Message => message.kind === kind;
  const { messages, write } = core.step(event);
  const later = write === null ? [] : core.step({ kind: 'stored', ticket: write.ticket }).messages;
  return [...messages, ...later].filter(isOfKind);
}
