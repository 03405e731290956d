import { expect, test } from '@jest/globals';
import { CallerJudge } from './caller-judge.ts';

type Event = ['gave up', number, number] | ['applied', number];

const cases: readonly [string, readonly Event[], readonly string[]][] = [
  [
    'a command that was given up takes effect before the next one',
    [
      ['gave up', 1, 1],
      ['applied', 1],
      ['applied', 17],
    ],
    [],
  ],
  [
    'it takes effect after the next one',
    [
      ['gave up', 1, 1],
      ['applied', 17],
      ['applied', 1],
    ],
    ['given-up'],
  ],
  [
    'it takes effect after one that was under way with it',
    [
      ['gave up', 1, 2],
      ['applied', 2],
      ['applied', 1],
    ],
    [],
  ],
  [
    'a command takes effect twice',
    [
      ['applied', 1],
      ['applied', 1],
    ],
    ['exactly-once'],
  ],
  [
    'a command that nobody gave up is overtaken',
    [
      ['applied', 2],
      ['applied', 1],
    ],
    [],
  ],
];

test.each(cases)('%s', (_, events, expected) => {
  const findings: string[] = [];
  const judge = new CallerJudge((rule) => void findings.push(rule));
  for (const [at, [what, number, last]] of events.entries()) {
    const id = { caller: 'n1', number };
    if (what === 'gave up') judge.gaveUp(id, last);
    else judge.tookEffect(at + 1, id);
  }
  expect(findings).toEqual(expected);
});

test('what each member tells of one entry counts once', () => {
  const findings: string[] = [];
  const judge = new CallerJudge((rule) => void findings.push(rule));
  const first = { caller: 'n1', number: 1 };
  judge.tookEffect(1, first);
  judge.gaveUp(first, 1);
  judge.tookEffect(2, { caller: 'n1', number: 17 });
  judge.tookEffect(1, first);
  expect(findings).toEqual([]);
});
