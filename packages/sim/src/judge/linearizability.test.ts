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
  expect(judgeKey(history)).toBeNull();
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
  expect(judgeKey(history)).toBe(history[culprit]);
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

/** What happens in some order at once, and what is heard of it after a while, or never; now and then one hears what another should. */
const histories = fc
  .array(
    fc.record({
      kind: fc.constantFrom('get', 'put', 'append', 'compare-and-set'),
      start: fc.nat(9),
      waitFor: fc.nat(3),
      length: fc.nat(4),
      isHeard: fc.boolean(),
      expected: fc.nat(5),
      lie: fc.nat(10),
    }),
    { maxLength: 6 },
  )
  .map((drawn) => {
    const values: KeyValue[] = [null, ...drawn.map((_, number) => `${number};`)];
    const actions = drawn.map(({ kind, expected }, number): Action => {
      if (kind === 'get') return get;
      if (kind === 'append') return append(`+${number};`);
      return kind === 'put' ? put(`${number};`) : swap(values[expected % values.length] ?? null, `${number};`);
    });
    // Instants are told apart by the operation's number.
    const takesEffectAt = (number: number): number => {
      const one = drawn[number];
      return one === undefined ? 0 : (one.start + one.waitFor) * 100 + 50 + number;
    };
    const order = [...drawn.keys()].sort((first, second) => takesEffectAt(first) - takesEffectAt(second));
    let value: KeyValue = null;
    const said = new Map<number, KeyValue>();
    for (const number of order) {
      const operation = seen(actions[number] ?? get, 0);
      const found: KeyValue = value;
      value = replay(operation, value) ?? null;
      said.set(number, operation.action.kind === 'compare-and-set' ? found : value);
    }
    return drawn.map(({ start, length, isHeard, lie }, number) => {
      const calledAt = start * 100 + number;
      const action = actions[number] ?? get;
      if (!isHeard) return seen(action, calledAt);
      return seen(action, calledAt, takesEffectAt(number) + 1 + length * 100, said.get(lie) ?? said.get(number));
    });
  });

test('on small histories, possible or not, the judge says what trying every order says', () => {
  const count = { possible: 0, broken: 0 };
  fc.assert(
    fc.property(histories, (history) => {
      const isPossible = hasOrder(history);
      count[isPossible ? 'possible' : 'broken']++;
      const culprit = judgeKey(history);
      expect(culprit === null).toBe(isPossible);
      if (culprit === null) return;
      // Up to there it is impossible, and before it was not.
      const instant = culprit.answer?.at ?? 0;
      const known = (to: number): KeyOperation[] =>
        history
          .filter(({ calledAt }) => calledAt < instant)
          .map((each) => ({ ...each, answer: (each.answer?.at ?? Infinity) > to ? null : each.answer }));
      expect([hasOrder(known(instant - 0.5)), hasOrder(known(instant))]).toEqual([true, false]);
    }),
    { numRuns: 3000 },
  );
  expect(Math.min(count.possible, count.broken)).toBeGreaterThan(300);
});

test('an order is found in no time among a hundred writes that nobody heard of and a hundred that overlap', () => {
  const many = 100;
  const silent = Array.from({ length: many }, (_, at) => seen(put(`s${at};`), at / many));
  const crowd = Array.from({ length: many }, (_, at) => seen(put(`p${at};`), 3 + at / many, 100 + at, `p${at};`));
  const history = [seen(put('a;'), 1, 2, 'a;'), seen(append('+x;'), 2), ...silent, ...crowd];
  history.push(seen(swap('s7;', 'c;'), 5, 100 + many, 'a;+x;'), seen(get, 300, 301, 's7;'));
  expect(judgeKey(history)).toBeNull();
  const stale = seen(get, 302, 303, 'p7;');
  expect(judgeKey([...history, stale])).toBe(stale);
});

test('writes that are not told apart are refused', () => {
  const twice = [seen(append('x'), 1, 2, 'x'), seen(put('ax'), 3, 4, 'ax')];
  expect(() => judgeKey(twice)).toThrow('two writes of one key write the same');
});
