import { expect, test } from '@jest/globals';
import { accept, type Certify, type Command, type EndSession } from '../metadata/command.ts';
import { applyCommand } from '../metadata/machine.ts';
import { emptyState } from '../metadata/state.ts';
import { FencingJudge } from './fencing-judge.ts';

const pool = { fencing: 'lease', tier: 'kernel', isBestEffortTakeover: false, fencesPerHourMax: 3 } as const;
const founded: readonly Command[] = [
  { kind: 'create-pool', pool: 'p', ...pool, devices: ['d'], extentCount: 8 },
  {
    ...{ kind: 'register', node: 'n', machine: 'n', bootId: 'b', secret: 's', ttlMs: 1, drainMs: 1 },
    ...{ tornDown: [], after: '' },
  },
];
const end: EndSession = { kind: 'end-session', session: '1.n.1', reason: 'override', term: 0, atMs: 0, by: 'a person' };

/** `counts` are commands that a log accepted, whatever this state machine would have said. */
function findingsOf(...counts: readonly (readonly [number, Command])[]): string[] {
  const findings: string[] = [];
  let nowMs = 0;
  const judge = new FencingJudge({
    ...{ nowMs: () => (nowMs += 100), nodes: new Map(), devices: new Map() },
    pools: new Map([['p', { name: 'p', ...pool, devices: [] }]]),
    ...{ report: (rule) => void findings.push(rule), show: () => undefined },
  });
  const state = emptyState();
  for (const [at, command] of founded.entries()) {
    judge.applied('m1', { index: at + 1, term: 1, command, answer: applyCommand(state, command, 1) }, at);
  }
  for (const [at, [term, command]] of counts.entries()) {
    const index = founded.length + at + 1;
    judge.applied('m1', { index, term, command, answer: accept() }, index);
  }
  return findings;
}

function certificate(as: Certify['as'], by = 'leader'): Command {
  return { kind: 'certify', as, session: '1.n.1', pool: 'p', evidence: { kind: 'waited', term: 2 }, by };
}

const expired: EndSession = { ...end, reason: 'powered-off', term: 2 };

test.each([
  ['what a leader waited for counts in its term', [2, expired], [2, 'expired'], []],
  ['what a deposed leader waited for counts', [2, expired], [3, 'expired'], ['F5']],
  ['a session is certified that nobody said to be off', [2, expired], [2, 'powered-off'], ['F5']],
] as const)('%s', (_, ended, [term, as], expected) => {
  expect(findingsOf(ended, [term, certificate(as)])).toEqual(expected);
});

test.each([
  ['an administrator’s word counts, in whatever term it is heard', 'a person', []],
  ['a leader overrides by itself', 'leader', ['F5']],
  ['an agent overrides', '1.n.1', ['F5']],
] as const)('%s', (_, by, expected) => {
  expect(findingsOf([0, end], [3, certificate('override', by)])).toEqual(expected);
});

test('a session is certified that has not ended', () => {
  expect(findingsOf([2, certificate('expired')])).toEqual(['F5']);
});

test.each([
  ['unmaps of other names commit', ['i1', 'i2'], []],
  // The state machine of this test remembers the last 32 of them.
  ['an unmap commits again behind what was written since', ['i1', ...others(32), 'i1'], ['F9']],
] as const)('%s', (_, intents, expected) => {
  const volume = { name: 'v', tenant: 't', pool: 'p', isShared: false, extents: 4 };
  const unmaps = intents.flatMap((intent, at): Command[] => [
    { kind: 'intend', volume: 'v', intent, what: 'unmap', snapshot: '', from: 0, to: 1 },
    { kind: 'commit', volume: 'v', intent, revision: at + 1 },
  ]);
  const commands: Command[] = [{ kind: 'create-volume', volume }, ...unmaps];
  expect(findingsOf(...commands.map((command) => [1, command] as const))).toEqual(expected);
});

function others(count: number): string[] {
  return Array.from({ length: count }, (_, at) => `other ${at}`);
}
