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

const noOperation: KeyOperation = { client: '', action: { kind: 'get' }, calledAt: 0, answer: null };

/** Tries before the search gives up: far more than an honest history of a few hundred operations takes. */
export const searchStepsMax = 2_000_000;

/** A call or an answer in a doubly linked list from which operations that were put in order are lifted out. */
interface Mark {
  readonly operation: KeyOperation;
  readonly number: number;
  readonly isAnswer: boolean;
  readonly urgentAt: number;
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

/** One step of the search: who may come next, and which of them is being tried. */
interface Frame {
  readonly value: KeyValue;
  readonly candidates: readonly Mark[];
  tried: number;
}

function search(operations: readonly KeyOperation[], stepsMax: number): Verdict {
  const search = new Search(operations);
  for (let steps = 0; steps <= stepsMax; steps++) {
    const verdict = search.step();
    if (verdict !== null) return verdict;
  }
  return { kind: 'undecided', operation: search.stuckAt };
}

class Search {
  readonly #head: Mark;
  readonly #done: DoneSet;
  readonly #known = new Set<string>();
  readonly #frames: Frame[] = [];
  /** Every value that somebody was told, once. */
  readonly #answers: readonly string[];
  #stuckAt = noOperation;

  constructor(operations: readonly KeyOperation[]) {
    this.#head = chain(operations);
    this.#done = new DoneSet(operations.length);
    this.#answers = [...new Set(operations.flatMap(({ answer }) => answer?.value ?? []))];
    this.#push(null);
  }

  /** The last operation, in the order of answers, before which all have found a place. */
  get stuckAt(): KeyOperation {
    return this.#stuckAt;
  }

  /** null: the search goes on. */
  step(): Verdict | null {
    const answer = findAnswer(this.#head);
    if (answer === null) return { kind: 'linearizable' };
    const frame = this.#frames.at(-1);
    if (frame === undefined) return { kind: 'broken', operation: this.#stuckAt };
    const call = frame.candidates[frame.tried++];
    if (call === undefined) this.#takeBack(answer.operation);
    else this.#try(call, frame);
    return null;
  }

  #try(call: Mark, frame: Frame): void {
    const value = valueAfter(call.operation, frame.value);
    if (value === impossible) return;
    this.#done.add(call.number);
    const state = `${this.#done.text} ${JSON.stringify(value)}`;
    if (this.#known.has(state)) {
      this.#done.remove(call.number);
      return;
    }
    this.#known.add(state);
    liftOut(call);
    this.#push(value);
  }

  #push(value: KeyValue): void {
    const isSeen = (next: KeyValue): boolean =>
      next !== null && this.#answers.some((answer) => answer.startsWith(next));
    this.#frames.push({ value, candidates: candidatesOf(this.#head, value, isSeen), tried: 0 });
  }

  #takeBack(stuckAt: KeyOperation): void {
    if (this.#stuckAt.answer === null || answeredAt(stuckAt) > answeredAt(this.#stuckAt)) this.#stuckAt = stuckAt;
    this.#frames.pop();
    const frame = this.#frames.at(-1);
    const last = frame?.candidates[frame.tried - 1];
    if (last === undefined) return;
    this.#done.remove(last.number);
    putBack(last);
  }
}

function findAnswer(head: Mark): Mark | null {
  let at = head.after;
  while (at !== null && !at.isAnswer) at = at.after;
  return at;
}

/**
 * Whoever may come next, the most urgent first: what builds on the value that is there, for it may not be there again, then what has
 * to come soonest. One that was answered and leaves the value as it is comes at once: it would say the same later, and hides nothing.
 */
function candidatesOf(head: Mark, value: KeyValue, isSeen: (value: KeyValue) => boolean): readonly Mark[] {
  const candidates: { readonly mark: Mark; readonly urgency: number }[] = [];
  for (let at = head.after; at !== null && !at.isAnswer; at = at.after) {
    const { action, answer } = at.operation;
    const next = valueAfter(at.operation, value);
    if (next === impossible) continue;
    if (answer !== null && next === value) return [at];
    // What nobody heard of builds on it, too, if somebody saw what comes of that.
    const isBuilding = action.kind !== 'put' && (answer !== null || isSeen(next));
    candidates.push({ mark: at, urgency: isBuilding ? -1 : at.urgentAt });
  }
  return candidates.sort((first, second) => first.urgency - second.urgency).map(({ mark }) => mark);
}

/** When somebody first heard of the operation, be it by another one. */
function urgencyOf(operation: KeyOperation, operations: readonly KeyOperation[]): number {
  return operations.reduce((soonest, other) => {
    const isSeen = other === operation || (other.answer !== null && shows(other.answer.value, operation));
    return isSeen ? Math.min(soonest, answeredAt(other)) : soonest;
  }, Infinity);
}

/** The operation cannot have given its answer here. */
const impossible = Symbol('impossible');

function valueAfter({ action, answer }: KeyOperation, value: KeyValue): KeyValue | typeof impossible {
  const fits = (said: KeyValue): boolean => answer === null || answer.value === said;
  switch (action.kind) {
    case 'get':
      return fits(value) ? value : impossible;
    case 'put':
      return fits(action.value) ? action.value : impossible;
    case 'append': {
      const longer = (value ?? '') + action.suffix;
      return fits(longer) ? longer : impossible;
    }
    case 'compare-and-set':
      // It answers with the value that it found.
      if (!fits(value)) return impossible;
      return value === action.expected ? action.value : value;
  }
}

function answeredAt({ answer }: KeyOperation): number {
  return answer?.at ?? Infinity;
}

function chain(operations: readonly KeyOperation[]): Mark {
  const marks: { readonly at: number; readonly mark: Mark }[] = [];
  for (const [number, operation] of operations.entries()) {
    const call = newMark({ operation, number, isAnswer: false, urgentAt: urgencyOf(operation, operations) });
    marks.push({ at: operation.calledAt, mark: call });
    if (operation.answer === null) continue;
    call.answer = newMark({ ...call, isAnswer: true });
    marks.push({ at: operation.answer.at, mark: call.answer });
  }
  marks.sort((first, second) => first.at - second.at || Number(second.mark.isAnswer) - Number(first.mark.isAnswer));
  const head = newMark({ operation: noOperation, number: -1, isAnswer: false, urgentAt: 0 });
  let last = head;
  for (const { mark } of marks) {
    last.after = mark;
    mark.before = last;
    last = mark;
  }
  return head;
}

function newMark(parts: Pick<Mark, 'operation' | 'number' | 'isAnswer' | 'urgentAt'>): Mark {
  return { ...parts, answer: null, before: null, after: null };
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
