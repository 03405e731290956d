// A judge that finds nothing wrong with anything would pass every soak: each promise, broken in a small history.
import { expect, test } from '@jest/globals';
import type { Entry, Fields } from './history.ts';
import { calls, judgeHistory, type Final } from './judge.ts';

let now = 0;
function entry(call: string, asked: Fields, result: Fields | null, error: string | null = null): Entry {
  now += 10;
  const isFailed = result === null;
  return {
    client: 'c',
    call,
    arguments: asked,
    start: now,
    end: now + 5,
    result,
    error: isFailed ? (error ?? 'TIMED_OUT') : null,
  };
}
const set = (value: string, isAnswered = true): Entry => entry(calls.set, { name: 'k', value }, isAnswered ? {} : null);
const list = (value: string | null): Entry => entry(calls.list, {}, value === null ? {} : { k: value });
const create = (id: string | null): Entry => entry(calls.create, { name: 'v' }, id === null ? null : { id });
const get = (id: string | null): Entry =>
  entry(calls.get, { name: 'v' }, id === null ? null : { id }, 'VOLUME_NOT_FOUND');
const remove = (isAnswered = true): Entry => entry(calls.delete, { name: 'v', id: 'i' }, isAnswered ? {} : null);

function final(volumes: readonly [id: string, name: string][], changes = 0): Final {
  return { volumes: new Map(volumes), changes: new Map(changes === 0 ? [] : [['k', changes]]) };
}

test.each<[what: string, entries: () => Entry[], end: Final]>([
  ['values are read as they were set', () => [list(null), set('a'), list('a'), set('b'), list('b')], final([], 2)],
  ['a call without an answer took effect', () => [set('a'), set('b', false), list('b')], final([], 2)],
  ['a call without an answer took none', () => [set('a'), set('b', false), list('a')], final([], 1)],
  ['a volume is made, found, deleted and not found', () => [create('i'), get('i'), remove(), get(null)], final([])],
  ['a volume is made and stays', () => [create('i'), get('i')], final([['i', 'v']])],
  ['a volume may be there, or not', () => [create(null), get(null), get('i')], final([])],
])('nothing is wrong where %s', (_what, entries, end) => {
  expect(judgeHistory(entries(), end)).toEqual([]);
});

test.each<[what: string, entries: () => Entry[], end: Final, problem: RegExp]>([
  ['a read goes back', () => [set('a'), set('b'), list('a')], final([], 2), /^k is not linearizable: c read a /],
  ['what was set is not there', () => [set('a'), list(null)], final([], 1), /^k is not linearizable: c read null /],
  ['somebody reads what nobody wrote', () => [set('a'), list('x')], final([], 1), /^k is not linearizable: c read x /],
  ['one call changes twice', () => [set('a'), list('a')], final([], 2), /^k changed 2 times by 1 calls$/],
  ['a change is not told', () => [set('a'), set('b')], final([], 1), /^k was set 2 times, and 1 changes were told$/],
  ['a volume is lost', () => [create('i')], final([]), /^v was acknowledged, and is lost$/],
  [
    'a volume is not found',
    () => [create('i'), get(null)],
    final([['i', 'v']]),
    /^v was acknowledged, and was not found/,
  ],
  ['a volume has another id', () => [create('i'), get('j')], final([['j', 'v']]), /^v was i, and was found as j/],
  ['a volume ends with another id', () => [create('i')], final([['j', 'v']]), /^v was i, and is j$/],
  ['a deleted volume is found', () => [create('i'), remove(), get('i')], final([]), /^v was deleted, and was found/],
  ['a deleted volume is back', () => [create('i'), remove()], final([['i', 'v']]), /^v was deleted, and is there$/],
  [
    'a volume is there twice',
    () => [create('i')],
    final([
      ['j', 'v'],
      ['i', 'v'],
    ]),
    /^v is there twice: j and i$/,
  ],
])('it is seen where %s', (_what, entries, end, problem) => {
  expect(judgeHistory(entries(), end)).toContainEqual(expect.stringMatching(problem));
});
