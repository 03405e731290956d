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
  /** No order explains `operation`, the first in real time that fits nowhere. */
  | { readonly kind: 'broken'; readonly operation: KeyOperation }
  | { readonly kind: 'undecided' };

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
  // A read that nobody heard of tells nothing.
  const telling = operations.filter(({ action, answer }) => action.kind !== 'get' || answer !== null);
  const head = chain(telling);
  const done = new DoneSet(telling.length);
  const tried = new Set<string>();
  const stack: { readonly call: Mark; readonly value: KeyValue }[] = [];
  let value: KeyValue = null;
  let stuckAt: KeyOperation | null = null;
  let at = head.after;
  for (let steps = 0; at !== null; steps++) {
    if (steps > stepsMax) return { kind: 'undecided' };
    if (at.isAnswer) {
      if (stuckAt === null || answeredAt(at.operation) > answeredAt(stuckAt)) stuckAt = at.operation;
      const last = stack.pop();
      if (last === undefined) return { kind: 'broken', operation: stuckAt };
      value = last.value;
      done.remove(last.call.number);
      putBack(last.call);
      at = last.call.after;
      continue;
    }
    const next = valueAfter(at.operation, value);
    if (next !== undefined && isNewState(tried, done, at.number, next)) {
      stack.push({ call: at, value });
      value = next;
      liftOut(at);
      at = head.after;
    } else {
      at = at.after;
    }
  }
  return { kind: 'linearizable' };
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

function isNewState(tried: Set<string>, done: DoneSet, number: number, value: KeyValue): boolean {
  done.add(number);
  const state = `${done.text} ${value ?? ''}${value === null ? '-' : ''}`;
  if (tried.has(state)) {
    done.remove(number);
    return false;
  }
  tried.add(state);
  return true;
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

  get text(): string {
    return String.fromCharCode(...new Uint16Array(this.#words.buffer));
  }
  add(number: number): void {
    this.#words[number >>> 5] = (this.#words[number >>> 5] ?? 0) | (1 << (number & 31));
  }
  remove(number: number): void {
    this.#words[number >>> 5] = (this.#words[number >>> 5] ?? 0) & ~(1 << (number & 31));
  }
}
