// Whether what clients saw of one key can be put in an order that respects real time: if an operation ended before another one
// began, it stands before it, and each answer is what a register would have said at its place.
//
// The search goes through the operations in the order of their calls and tries each one that may come next (nothing else has
// ended before it began). Where it gets stuck it takes the last one back. Two ways that lead to the same set of done operations
// and the same value need not both be searched, which makes the common case quick; the worst case stays exponential, so the
// search is bounded and says when it gave up.
//
// An operation whose outcome nobody heard may have happened at any time after its call, or never.

export type KeyValue = string | null;

export interface KeyOperation {
  readonly client: string;
  readonly action:
    | { readonly kind: 'get' }
    | { readonly kind: 'put'; readonly value: string }
    | { readonly kind: 'append'; readonly suffix: string }
    | { readonly kind: 'compare-and-set'; readonly expected: KeyValue; readonly value: string };
  /** Instants of one clock for all clients; an answer that comes in the same instant as a call counts as before it. */
  readonly calledAt: number;
  /** null: nobody heard of its outcome. */
  readonly answer: { readonly at: number; readonly value: KeyValue } | null;
}

export type Verdict =
  | { readonly kind: 'linearizable' }
  /** No order explains them all; up to `operation`, the longest one found gets. */
  | { readonly kind: 'broken'; readonly operation: KeyOperation }
  /** There may be an order; if each write wrote something else, there is none. */
  | { readonly kind: 'undecided'; readonly operation: KeyOperation };

/** Tries before the search gives up: far more than an honest history of a few hundred operations takes. */
export const searchStepsMax = 2_000_000;

/** A call or an answer in a doubly linked list from which operations that were put in order are lifted out. */
interface Mark {
  readonly operation: KeyOperation;
  readonly number: number;
  readonly isAnswer: boolean;
  /** Of a call: its answer, if there is one. */
  answer: Mark | null;
  before: Mark | null;
  after: Mark | null;
}

export function judgeKey(operations: readonly KeyOperation[], stepsMax = searchStepsMax): Verdict {
  // What lies in a narrower window is searched in no time, and an order that is found there is one; that there is none is proved by
  // looking everywhere.
  const narrowed = search(
    operations.flatMap((operation) => narrow(operation, operations)),
    stepsMax,
  );
  if (narrowed.kind !== 'broken') return narrowed;
  const verdict = search(
    // A read that nobody heard of tells nothing.
    operations.filter(({ action, answer }) => action.kind !== 'get' || answer !== null),
    stepsMax,
  );
  return verdict.kind === 'undecided' ? { ...verdict, operation: narrowed.operation } : verdict;
}

/**
 * An operation without an answer could stand anywhere, and with a dozen of those a search that tries it everywhere never ends. Where
 * each write writes something else, it need not stand before the call of the first answer that shows what it wrote: whatever ended
 * before that call and stood behind it would have hidden it. If no answer shows it, and nobody waits for its value, it is nowhere.
 */
function narrow(operation: KeyOperation, operations: readonly KeyOperation[]): KeyOperation[] {
  if (operation.answer !== null) return [operation];
  let first: KeyOperation | null = null;
  let isExpected = false;
  for (const other of operations) {
    if (other.answer !== null && shows(other.answer.value, operation)) {
      if (first === null || answeredAt(other) < answeredAt(first)) first = other;
    }
    const { action } = other;
    if (action.kind === 'compare-and-set' && other !== operation) isExpected ||= shows(action.expected, operation);
  }
  if (first === null) return isExpected ? [operation] : [];
  return [{ ...operation, calledAt: Math.max(operation.calledAt, first.calledAt + 0.5) }];
}

/** Whether the operation may have had a part in this value. */
function shows(value: KeyValue, { action }: KeyOperation): boolean {
  if (value === null || action.kind === 'get') return false;
  return action.kind === 'append' ? value.includes(action.suffix) : value.startsWith(action.value);
}

interface Move {
  readonly call: Mark;
  /** What the key held before. */
  readonly value: KeyValue;
  /** Nothing else need be tried in its place. */
  readonly isForced: boolean;
}

function search(operations: readonly KeyOperation[], stepsMax: number): Verdict {
  const head = chain(operations);
  const done = new DoneSet(operations.length);
  const tried = new Set<string>();
  const moves: Move[] = [];
  let value: KeyValue = null;
  let stuckAt: KeyOperation | null = null;
  const move = (call: Mark, next: KeyValue, isForced: boolean): void => {
    moves.push({ call, value, isForced });
    value = next;
    done.add(call.number);
    liftOut(call);
  };
  const takeBack = (): Move | null => {
    const last = moves.pop() ?? null;
    if (last === null) return null;
    value = last.value;
    done.remove(last.call.number);
    putBack(last.call);
    return last.isForced ? takeBack() : last;
  };
  let at = head.after;
  for (let steps = 0; at !== null; steps++) {
    if (steps > stepsMax) return { kind: 'undecided', operation: stuckAt ?? at.operation };
    const reader = at === head.after ? findReader(head, value) : null;
    if (reader !== null) {
      move(reader, value, true);
      at = head.after;
    } else if (at.isAnswer) {
      if (stuckAt === null || answeredAt(at.operation) > answeredAt(stuckAt)) stuckAt = at.operation;
      const last = takeBack();
      if (last === null) return { kind: 'broken', operation: stuckAt };
      at = last.call.after;
    } else {
      const next = valueAfter(at.operation, value);
      const isWorthIt = next !== undefined && isNewState(tried, `${done.textWith(at.number)} ${JSON.stringify(next)}`);
      if (isWorthIt) move(at, next, false);
      at = isWorthIt ? head.after : at.after;
    }
  }
  return { kind: 'linearizable' };
}

/** What may come next, was answered, and leaves the value as it is, may come at once: it would say the same later, and hides nothing. */
function findReader(head: Mark, value: KeyValue): Mark | null {
  for (let at = head.after; at !== null && !at.isAnswer; at = at.after) {
    const { answer } = at.operation;
    if (answer !== null && valueAfter(at.operation, value) === value) return at;
  }
  return null;
}

function isNewState(tried: Set<string>, state: string): boolean {
  const isNew = !tried.has(state);
  if (isNew) tried.add(state);
  return isNew;
}

/** undefined: the operation cannot have given its answer here. */
function valueAfter({ action, answer }: KeyOperation, value: KeyValue): KeyValue | undefined {
  const fits = (said: KeyValue): boolean => answer === null || answer.value === said;
  switch (action.kind) {
    case 'get':
      return fits(value) ? value : undefined;
    case 'put':
      return fits(action.value) ? action.value : undefined;
    case 'append': {
      const longer = (value ?? '') + action.suffix;
      return fits(longer) ? longer : undefined;
    }
    case 'compare-and-set':
      // It answers with the value that it found.
      if (!fits(value)) return undefined;
      return value === action.expected ? action.value : value;
  }
}

function answeredAt({ answer }: KeyOperation): number {
  return answer?.at ?? Infinity;
}

function chain(operations: readonly KeyOperation[]): Mark {
  const marks: { readonly at: number; readonly mark: Mark }[] = [];
  for (const [number, operation] of operations.entries()) {
    const call = newMark(operation, number, false);
    marks.push({ at: operation.calledAt, mark: call });
    if (operation.answer === null) continue;
    call.answer = newMark(operation, number, true);
    marks.push({ at: operation.answer.at, mark: call.answer });
  }
  marks.sort((first, second) => first.at - second.at || Number(second.mark.isAnswer) - Number(first.mark.isAnswer));
  const head: Mark = { ...newMark(noOperation, -1, false) };
  let last = head;
  for (const { mark } of marks) {
    last.after = mark;
    mark.before = last;
    last = mark;
  }
  return head;
}

const noOperation: KeyOperation = { client: '', action: { kind: 'get' }, calledAt: 0, answer: null };

function newMark(operation: KeyOperation, number: number, isAnswer: boolean): Mark {
  return { operation, number, isAnswer, answer: null, before: null, after: null };
}

function liftOut(call: Mark): void {
  unlink(call);
  if (call.answer !== null) unlink(call.answer);
}

function putBack(call: Mark): void {
  if (call.answer !== null) relink(call.answer);
  relink(call);
}

function unlink(mark: Mark): void {
  if (mark.before !== null) mark.before.after = mark.after;
  if (mark.after !== null) mark.after.before = mark.before;
}

function relink(mark: Mark): void {
  if (mark.before !== null) mark.before.after = mark;
  if (mark.after !== null) mark.after.before = mark;
}

/** Which operations are in order already, with a text that is equal for equal sets. */
class DoneSet {
  readonly #words: Uint32Array;

  constructor(size: number) {
    this.#words = new Uint32Array(Math.ceil(size / 32));
  }

  /** Of the set with one number more. */
  textWith(number: number): string {
    this.add(number);
    const text = String.fromCharCode(...new Uint16Array(this.#words.buffer));
    this.remove(number);
    return text;
  }
  add(number: number): void {
    this.#words[number >>> 5] = (this.#words[number >>> 5] ?? 0) | (1 << (number & 31));
  }
  remove(number: number): void {
    this.#words[number >>> 5] = (this.#words[number >>> 5] ?? 0) & ~(1 << (number & 31));
  }
}
