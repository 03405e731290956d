// Whether what clients saw of one key can be put in an order that respects real time: if an operation ended before another one
// began, it stands before it, and each answer is what a register would have said at its place.
//
// In general only a search through all orders tells, and no search ends in time when dozens of operations have no answer. But here
// each write writes something else, so a value says who wrote it, and the answers leave no choice but one:
//
// - A value that somebody was told, or that somebody built on, was written, by the only one who can have. A write without an answer
//   whose value nobody saw need not have happened: left out of an order, it leaves one.
// - What an append or a compare-and-set wrote follows the value that it found at once. So values stand in chains, each begun by a
//   put (one by the empty key), and nobody of another chain stands between two values of one. Inside a chain the order is given.
// - Chains can be put in order unless two of them each hold an operation that ended before one of the other began. Two are enough:
//   of any circle, the chain with the earliest end of all comes before each of the others, and one of them comes before it.
import { invariant } from '@holdfast/base';

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
  /** null: nobody heard of its outcome. It may have happened at any time after its call, or never. */
  readonly answer: { readonly at: number; readonly value: KeyValue } | null;
}

/** The first answer that no order explains; null if there is an order. */
export function judgeKey(operations: readonly KeyOperation[]): KeyOperation | null {
  invariant(areWritesToldApart(operations), 'two writes of one key write the same');
  if (hasOrder(operations)) return null;
  const answered = operations.filter(({ answer }) => answer !== null);
  answered.sort((first, second) => endOf(first) - endOf(second));
  // What came later explains nothing, so there is one answer with which it begins.
  let first = 0;
  for (let last = answered.length - 1; first < last;) {
    const middle = (first + last) >> 1;
    if (hasOrder(before(operations, endOf(at(answered, middle))))) first = middle + 1;
    else last = middle;
  }
  return at(answered, first);
}

/** What was known at that instant. */
function before(operations: readonly KeyOperation[], instant: number): KeyOperation[] {
  return operations
    .filter(({ calledAt }) => calledAt < instant)
    .map((operation) => (endOf(operation) > instant ? { ...operation, answer: null } : operation));
}

function hasOrder(operations: readonly KeyOperation[]): boolean {
  const chains = chainsOf(operations);
  return chains !== null && chains.every((chain) => isInOrder(chain)) && canFollow(chains);
}

/** A value as it stood: who wrote it, and who found it there and left it so. */
interface Stand {
  /** null for the empty key. */
  readonly writer: KeyOperation | null;
  readonly readers: KeyOperation[];
  /** What was built on it. */
  next: Stand | null;
}

/** Sets of operations, each of which ends before the next one begins. */
type Chain = readonly (readonly KeyOperation[])[];

/** null where somebody was told what nobody can have written, or two built on the same value. The first one begins with the empty key. */
function chainsOf(operations: readonly KeyOperation[]): Chain[] | null {
  const stands = standsOf(operations);
  if (stands === null) return null;
  const beginnings: Stand[] = [];
  for (const [value, stand] of stands) {
    const found = foundBy(stand.writer, value);
    if (found === nothing) {
      beginnings.push(stand);
      continue;
    }
    const before = stands.get(found);
    if (before?.next !== null) return null;
    before.next = stand;
  }
  const chains = beginnings.map((stand) => chainFrom(stand));
  const placed = chains.reduce((count, chain) => count + chain.length / 2, 0);
  // Values that were built on each other in a circle have no beginning.
  return placed === stands.size ? chains : null;
}

function chainFrom(beginning: Stand): Chain {
  const chain: (readonly KeyOperation[])[] = [];
  for (let stand: Stand | null = beginning; stand !== null; stand = stand.next) {
    chain.push(stand.writer === null ? [] : [stand.writer], stand.readers);
  }
  return chain;
}

/** Every value that must have stood there. */
function standsOf(operations: readonly KeyOperation[]): Map<KeyValue, Stand> | null {
  const stands = new Map<KeyValue, Stand>([[null, { writer: null, readers: [], next: null }]]);
  const silent = new Set(operations.filter(({ answer }) => answer === null));
  const readers: { readonly reader: KeyOperation; readonly value: KeyValue }[] = [];
  for (const operation of operations) {
    if (operation.answer === null) continue;
    const written = writtenBy(operation);
    if (written === null) readers.push({ reader: operation, value: operation.answer.value });
    else if (canWrite(operation, written)) stands.set(written, { writer: operation, readers: [], next: null });
    else return null;
  }
  const wanted: (KeyValue | typeof nothing)[] = readers.map(({ value }) => value);
  for (const [value, { writer }] of stands) wanted.push(foundBy(writer, value));
  for (const value of wanted) {
    if (value === nothing || value === null || stands.has(value)) continue;
    const writer = [...silent].find((each) => canWrite(each, value));
    if (writer === undefined) return null;
    silent.delete(writer);
    stands.set(value, { writer, readers: [], next: null });
    // The loop comes to it, too.
    wanted.push(foundBy(writer, value));
  }
  for (const { reader, value } of readers) stands.get(value)?.readers.push(reader);
  return stands;
}

/** By what it answered; null if that left the value as it was. */
function writtenBy({ action, answer }: KeyOperation): KeyValue {
  const said = answer?.value ?? null;
  if (action.kind === 'get') return null;
  // It answers with the value that it found.
  if (action.kind === 'compare-and-set') return said === action.expected ? action.value : null;
  return said ?? '';
}

function canWrite({ action }: KeyOperation, value: string): boolean {
  if (action.kind === 'get') return false;
  return action.kind === 'append' ? value.endsWith(action.suffix) : value === action.value;
}

/** A put builds on no value, not even on that of the empty key. */
const nothing = Symbol('nothing');

/** What somebody who wrote this value has built on. */
function foundBy(writer: KeyOperation | null, value: KeyValue): KeyValue | typeof nothing {
  const action = writer?.action;
  if (action?.kind === 'compare-and-set') return action.expected;
  if (action?.kind !== 'append' || value === null) return nothing;
  return value.slice(0, value.length - action.suffix.length) || null;
}

/** Nobody of a set ended before somebody of an earlier one began. */
function isInOrder(chain: Chain): boolean {
  let latestCall = -Infinity;
  return chain.every((operations) => {
    const fits = operations.every((operation) => endOf(operation) > latestCall);
    for (const { calledAt } of operations) latestCall = Math.max(latestCall, calledAt);
    return fits;
  });
}

function canFollow(chains: readonly Chain[]): boolean {
  const spans = chains.map((chain, number) => {
    const operations = chain.flat();
    // Nothing comes before the empty key.
    const firstEnd = number === 0 ? -Infinity : Math.min(...operations.map((operation) => endOf(operation)));
    return { firstEnd, lastCall: Math.max(...operations.map(({ calledAt }) => calledAt)) };
  });
  return spans.every(({ firstEnd, lastCall }, number) =>
    spans.slice(number + 1).every((other) => firstEnd > other.lastCall || other.firstEnd > lastCall),
  );
}

/** So that a value says who wrote it. */
function areWritesToldApart(operations: readonly KeyOperation[]): boolean {
  const writes = operations.filter(({ action }) => action.kind !== 'get');
  return writes.every((write) => writes.every((other) => other === write || !canWrite(write, partOf(other))));
}

function partOf({ action }: KeyOperation): string {
  if (action.kind === 'get') return '';
  return action.kind === 'append' ? action.suffix : action.value;
}

function endOf({ answer }: KeyOperation): number {
  return answer?.at ?? Infinity;
}

function at(operations: readonly KeyOperation[], place: number): KeyOperation {
  const operation = operations[place];
  invariant(operation !== undefined, `there is no operation ${place}`);
  return operation;
}
