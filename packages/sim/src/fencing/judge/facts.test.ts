import { expect, test } from '@jest/globals';
import type { Fencing } from '../metadata/state.ts';
import { Excuses, type Facts } from './facts.ts';

function excusesOf(fencing: Fencing): Excuses {
  const pool = {
    name: 'p',
    fencing,
    tier: 'kernel',
    devices: [],
    isBestEffortTakeover: false,
    fencesPerHourMax: 3,
  } as const;
  const facts: Facts = {
    ...{ nowMs: () => 0, nodes: new Map(), devices: new Map(), pools: new Map([['p', pool]]) },
    ...{ report: () => undefined, show: () => undefined },
  };
  return new Excuses(facts);
}

const of = { session: '1.n.1', node: 'n', pool: 'p' };

test.each([
  ['reservation', null, 'machine paused as a whole'],
  ['lease', 'machine paused as a whole', 'machine paused as a whole'],
] as const)(
  'in a %s pool a machine that was paused as a whole may write late: %s, read late: %s',
  (fencing, write, read) => {
    const excuses = excusesOf(fencing);
    expect([excuses.find(of), excuses.findForRead(of)]).toEqual([null, null]);
    excuses.frozen('n');
    expect([excuses.find(of), excuses.findForRead(of)]).toEqual([write, read]);
    expect(excuses.findForRead({ ...of, node: 'another' })).toBeNull();
  },
);
