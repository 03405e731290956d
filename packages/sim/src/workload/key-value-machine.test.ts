import { expect, test } from '@jest/globals';
import { toLogIndex, toTerm } from '@holdfast/base';
import type { Entry, ProposalId } from '@holdfast/raft';
import { decodeAnswer, encodeCommand, type Action, type Answer } from './command.ts';
import { aheadMax, KeyValueMachine } from './key-value-machine.ts';

const quiet = { onEffect: () => undefined, onState: () => undefined };
const put = (value: string): Action => ({ kind: 'put', value });

class Log {
  readonly entries: Entry[] = [];

  add(action: Action, proposal: ProposalId): void {
    if (action.kind === 'get') throw new Error('a read is no entry');
    const data = encodeCommand({ key: 'k', action, padding: '' });
    const index = toLogIndex(this.entries.length + 1);
    this.entries.push({ index, term: toTerm(1), kind: 'command', data, proposal });
  }

  applyTo(machine: KeyValueMachine): (Answer | null)[] {
    return machine.apply(this.entries).map((answer) => (answer === null ? null : decodeAnswer(answer)));
  }
}

test('each action answers with what it left or found', () => {
  const log = new Log();
  log.add({ kind: 'append', suffix: 'a' }, { session: 1, sequence: 1 });
  log.add(put('b'), { session: 1, sequence: 2 });
  log.add({ kind: 'compare-and-set', expected: 'b', value: 'c' }, { session: 1, sequence: 3 });
  log.add({ kind: 'compare-and-set', expected: 'b', value: 'd' }, { session: 1, sequence: 4 });
  const machine = new KeyValueMachine(quiet);
  expect(log.applyTo(machine)).toEqual([{ value: 'a' }, { value: 'b' }, { value: 'b' }, { value: 'c' }]);
  expect([machine.read('k'), machine.read('other'), machine.applied]).toEqual(['c', null, 4]);
});

test('a command that comes twice takes effect once, and the retry hears the first answer', () => {
  const effects: number[] = [];
  const log = new Log();
  log.add({ kind: 'append', suffix: 'a' }, { session: 1, sequence: 1 });
  log.add({ kind: 'append', suffix: 'b' }, { session: 1, sequence: 2 });
  log.add({ kind: 'append', suffix: 'a' }, { session: 1, sequence: 1 });
  const machine = new KeyValueMachine({ ...quiet, onEffect: (_id, index) => effects.push(index) });
  expect(log.applyTo(machine)).toEqual([{ value: 'a' }, { value: 'ab' }, { value: 'a' }]);
  expect([machine.read('k'), effects]).toEqual(['ab', [1, 2]]);
});

test('a client that runs too far ahead is told that nothing is known of its command', () => {
  const log = new Log();
  log.add(put('x'), { session: 1, sequence: aheadMax + 1 });
  const machine = new KeyValueMachine(quiet);
  expect(log.applyTo(machine)).toEqual([{ value: null, forgotten: true }]);
  expect(machine.read('k')).toBeNull();
});

test('a machine that installs a snapshot is the one that made it, by its digest and by what it does next', async () => {
  const log = new Log();
  for (let sequence = 1; sequence <= 3 * aheadMax; sequence++) log.add(put(`v${sequence}`), { session: 2, sequence });
  const machine = new KeyValueMachine(quiet);
  log.applyTo(machine);
  const states: [number, number][] = [];
  const copy = new KeyValueMachine({ ...quiet, onState: (index, digest) => states.push([index, digest]) });
  await copy.install(machine.snapshot());
  expect(states).toEqual([[3 * aheadMax, machine.digest]]);
  const retry = new Log();
  retry.add(put('other'), { session: 2, sequence: 3 * aheadMax });
  expect(retry.applyTo(copy)).toEqual([{ value: `v${3 * aheadMax}` }]);
  expect(copy.digest).toBe(machine.digest);
});

test('the digest is that of the state, not of the way to it', () => {
  const [long, short] = [new Log(), new Log()];
  long.add(put('a'), { session: 1, sequence: 1 });
  long.add(put('b'), { session: 2, sequence: 1 });
  short.add(put('b'), { session: 2, sequence: 1 });
  short.add({ kind: 'compare-and-set', expected: 'x', value: 'y' }, { session: 1, sequence: 1 });
  const machines = [long, short].map((log) => {
    const machine = new KeyValueMachine(quiet);
    log.applyTo(machine);
    return machine;
  });
  // The same value, and another answer in the books of session 1.
  expect(machines[0]?.read('k')).toBe(machines[1]?.read('k'));
  expect(machines[0]?.digest).not.toBe(machines[1]?.digest);
});
