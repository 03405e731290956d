import { expect, test } from '@jest/globals';
import type { Tag } from '../block.ts';
import { CutJudge } from './cut-judge.ts';

function tagOf(volume: string, sequence: number): Tag {
  return { tenant: 't', volume, block: 0, generation: 1, epoch: 1, sequence };
}

/** Two volumes, whose users write their only blocks: what was asked, answered, lost, and which two writes the cut has. */
type Step = ['ask' | 'answer', string, number] | ['lose', string | null];
const inTurn: readonly Step[] = [
  ['ask', 'a', 1],
  ['answer', 'a', 1],
  ['ask', 'b', 1],
  ['answer', 'b', 1],
];
const cases: readonly [string, readonly Step[], readonly [number, number], readonly string[]][] = [
  ['the cut has what was written first, and what was asked then', inTurn, [1, 1], []],
  ['the cut has what was written first alone', inTurn, [1, 0], []],
  ['the cut has what was asked later, and not what was written before', inTurn, [0, 1], ['F9']],
  [
    'the cut has one of two that were under way together',
    [
      ['ask', 'a', 1],
      ['ask', 'b', 1],
      ['answer', 'a', 1],
      ['answer', 'b', 1],
    ],
    [0, 1],
    [],
  ],
  [
    'the cut has an older block than was written before',
    [
      ['ask', 'a', 1],
      ['answer', 'a', 1],
      ['ask', 'a', 2],
      ['answer', 'a', 2],
      ['ask', 'b', 1],
    ],
    [1, 1],
    ['F9'],
  ],
  [
    'what was written first was lost with its holder',
    [...inTurn.slice(0, 2), ['lose', 'a'], ...inTurn.slice(2)],
    [0, 1],
    [],
  ],
  ['a device lost what was not flushed', [...inTurn.slice(0, 2), ['lose', null], ...inTurn.slice(2)], [0, 1], []],
];

test.each(cases)('%s', (_, steps, [a, b], expected) => {
  const findings: string[] = [];
  let nowMs = 0;
  const judge = new CutJudge(
    (rule) => void findings.push(rule),
    () => nowMs,
  );
  for (const step of steps) {
    nowMs++;
    if (step[0] === 'lose') judge.lost(step[1]);
    else if (step[0] === 'ask') judge.writing(tagOf(step[1], step[2]));
    else judge.wrote(tagOf(step[1], step[2]));
  }
  const contentsOf = (volume: string, sequence: number): ReadonlyMap<number, Tag> =>
    new Map(sequence === 0 ? [] : [[0, tagOf(volume, sequence)]]);
  judge.cut(
    'g',
    new Map([
      ['a', contentsOf('a', a)],
      ['b', contentsOf('b', b)],
    ]),
  );
  expect(findings).toEqual(expected);
});
