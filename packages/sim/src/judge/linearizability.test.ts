import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { judgeKey, type KeyOperation, type KeyValue } from './linearizability.ts';

type Action = KeyOperation['action'];

const get: Action = { kind: 'get' };
const put = (value: string): Action => ({ kind: 'put', value });
const append = (suffix: string): Action => ({ kind: 'append', suffix });
const swap = (expected: KeyValue, value: string): Action => ({ kind: 'compare-and-set', expected, value });

/** An operation from one instant to another, and what it heard; without the last two nobody heard anything. */
function seen(action: Action, calledAt: number, at?: number, value: KeyValue = null): KeyOperation {
  return { client: 'c', action, calledAt, answer: at === undefined ? null : { at, value } };
}

test.each<{ what: string; history: KeyOperation[] }>([
  { what: 'nothing at all', history: [] },
  { what: 'a read of a key that nobody wrote', history: [seen(get, 1, 2, null)] },
  { what: 'a write and a read behind it', history: [seen(put('a'), 1, 2, 'a'), seen(get, 3, 4, 'a')] },
  {
    what: 'two reads beside a write, the later one of which sees it',
    history: [seen(put('a'), 1, 9, 'a'), seen(get, 2, 3, null), seen(get, 4, 5, 'a')],
  },
  {
    what: 'a write without an answer that is seen much later',
    history: [seen(put('a'), 1), seen(get, 2, 3, null), seen(put('b'), 4, 5, 'b'), seen(get, 6, 7, 'a')],
  },
  { what: 'a write without an answer that is never seen', history: [seen(put('a'), 1), seen(get, 2, 3, null)] },
  {
    what: 'appends side by side that found each other',
    history: [seen(append('x'), 1, 5, 'yx'), seen(append('y'), 2, 4, 'y')],
  },
  {
    what: 'of two swaps from the same value one that found it changed',
    history: [seen(swap(null, 'a'), 1, 5, null), seen(swap(null, 'b'), 2, 6, 'a'), seen(get, 7, 8, 'a')],
  },
  { what: 'a read without an answer', history: [seen(put('a'), 1, 2, 'a'), seen(get, 3)] },
])('there is an order for $what', ({ history }) => {
  expect(judgeKey(history)).toEqual({ kind: 'linearizable' });
});

test.each<{ what: string; history: KeyOperation[]; culprit: number }>([
  { what: 'a read of what nobody wrote', history: [seen(get, 1, 2, 'a')], culprit: 0 },
  {
    what: 'a stale read: the write before it had ended',
    history: [seen(put('a'), 1, 2, 'a'), seen(get, 3, 4, null)],
    culprit: 1,
  },
  {
    what: 'a value that is seen and then not seen any more',
    history: [seen(put('a'), 1, 9, 'a'), seen(get, 2, 3, 'a'), seen(get, 4, 5, null)],
    culprit: 2,
  },
  {
    what: 'two reads that see two writes in different orders',
    history: [
      ...[seen(put('a'), 1, 4, 'a'), seen(put('b'), 2, 5, 'b')],
      ...[seen(get, 6, 7, 'a'), seen(get, 8, 9, 'b')],
    ],
    culprit: 3,
  },
  {
    what: 'an append that took effect twice',
    history: [seen(append('x'), 1, 2, 'x'), seen(get, 3, 4, 'xx')],
    culprit: 1,
  },
  {
    what: 'an append that was lost',
    history: [seen(append('x'), 1, 2, 'x'), seen(append('y'), 3, 4, 'y')],
    culprit: 1,
  },
  {
    what: 'two swaps from the same value that both found it',
    history: [seen(swap(null, 'a'), 1, 4, null), seen(swap(null, 'b'), 2, 5, null)],
    culprit: 1,
  },
  {
    what: 'a write without an answer that is seen before it was asked for',
    history: [seen(get, 1, 2, 'a'), seen(put('a'), 3)],
    culprit: 0,
  },
])('there is no order for $what', ({ history, culprit }) => {
  expect(judgeKey(history)).toEqual({ kind: 'broken', operation: history[culprit] });
});

test('a search that has no end in reach says that it did not decide', () => {
  const writes = Array.from({ length: 14 }, (_, at) => seen(put(String(at)), 1 + at));
  const impossible = seen(get, 100, 101, 'never written');
  expect(judgeKey([...writes, impossible], 1000)).toEqual({ kind: 'undecided', operation: impossible });
});

/** Every order of every choice of what happened, without any shortcut. */
function hasOrder(operations: readonly KeyOperation[], value: KeyValue = null): boolean {
  if (operations.every(({ answer }) => answer === null)) return true;
  const firstEnd = Math.min(...operations.map(({ answer }) => answer?.at ?? Infinity));
  return operations.some((operation) => {
    if (operation.calledAt > firstEnd) return false;
    const next = replay(operation, value);
    return (
      next !== undefined &&
      hasOrder(
        operations.filter((other) => other !== operation),
        next,
      )
    );
  });
}

function replay({ action, answer }: KeyOperation, value: KeyValue): KeyValue | undefined {
  const after = {
    get: () => value,
    put: () => (action.kind === 'put' ? action.value : value),
    append: () => (action.kind === 'append' ? (value ?? '') + action.suffix : value),
    'compare-and-set': () => (action.kind === 'compare-and-set' && value === action.expected ? action.value : value),
  }[action.kind]();
  const said = action.kind === 'compare-and-set' ? value : after;
  return answer === null || answer.value === said ? after : undefined;
}

test('on small histories, possible or not, the judge says what trying every order says', () => {
  const value = fc.constantFrom('a', 'b');
  const action = fc.oneof(
    fc.constant(get),
    value.map(put),
    value.map(append),
    fc.tuple(fc.option(value), value).map(([expected, next]) => swap(expected, next)),
  );
  const operation = fc.record({
    action,
    length: fc.integer({ min: 1, max: 6 }),
    start: fc.nat(8),
    said: fc.option(fc.constantFrom('a', 'b', 'ab', 'aa', 'ba')),
    isHeard: fc.boolean(),
  });
  let broken = 0;
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 5 }), (drawn) => {
      // Instants are told apart by the operation's number.
      const history = drawn.map(({ action: asked, length, start, said, isHeard }, number) => {
        const calledAt = start * 100 + number;
        return isHeard ? seen(asked, calledAt, calledAt + length * 100 + 50, said) : seen(asked, calledAt);
      });
      const isPossible = hasOrder(history);
      if (!isPossible) broken++;
      expect(judgeKey(history).kind).toBe(isPossible ? 'linearizable' : 'broken');
    }),
    { numRuns: 3000 },
  );
  expect(broken).toBeGreaterThan(100);
});

test('what nobody heard of, and somebody built on, is found among many operations that were waiting at the same time', () => {
  const many = 40;
  const crowd = Array.from({ length: many }, (_, at) => seen(put(`p${at};`), 3 + at / many, 100 + at, `p${at};`));
  const history = [seen(put('a;'), 0, 1, 'a;'), seen(append('+x;'), 2), ...crowd];
  history.push(seen(swap('b;', 'c;'), 5, 100 + many, 'a;+x;'));
  expect(judgeKey(history, 10_000)).toEqual({ kind: 'linearizable' });
});
