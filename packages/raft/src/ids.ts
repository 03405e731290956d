// The numbers that only consensus knows, and the arithmetic of log indices: Term and LogIndex come from base, and an index
// that is computed stays an index. Checked where they enter (events, messages, recovery), trusted behind that.
import { OpError, toLogIndex, toTerm, type LogIndex, type Term } from '@holdfast/base';

declare const brand: unique symbol;
/** A replica of a group. Never given twice, not even to the same machine after it was removed: its votes would count twice. */
export type MemberId = number & { readonly [brand]: 'MemberId' };
/** One of the groups that share a process, its log and its connections. */
export type GroupId = number & { readonly [brand]: 'GroupId' };

const isCounter = (value: number): boolean => Number.isSafeInteger(value) && value >= 1;

export function toMemberId(value: number): MemberId {
  if (!isCounter(value)) throw new OpError('ID_MALFORMED', { id: 'member id', value, form: 'a whole number from 1' });
  return value as MemberId;
}

export function toGroupId(value: number): GroupId {
  if (!isCounter(value)) throw new OpError('ID_MALFORMED', { id: 'group id', value, form: 'a whole number from 1' });
  return value as GroupId;
}

export const noIndex: LogIndex = toLogIndex(0);
export const noTerm: Term = toTerm(0);

/** The index `count` after `index`, or before it if `count` is negative. */
export function plus(index: LogIndex, count: number): LogIndex {
  return (index + count) as LogIndex;
}

export function lesser(first: LogIndex, second: LogIndex): LogIndex {
  return first < second ? first : second;
}

export function greater(first: LogIndex, second: LogIndex): LogIndex {
  return first > second ? first : second;
}

/** Where a log ends: what elections compare. */
export interface Position {
  readonly term: Term;
  readonly index: LogIndex;
}

/** Whether a log that ends at `first` holds at least what one that ends at `second` may hold of committed entries. */
export function isUpToDate(first: Position, second: Position): boolean {
  return first.term > second.term || (first.term === second.term && first.index >= second.index);
}
