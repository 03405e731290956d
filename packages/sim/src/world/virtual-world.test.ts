import { expect, test } from '@jest/globals';
import { invariant, OpError } from '@holdfast/base';
import { calmLink } from '@holdfast/base/internal';
import type { Process, Program, TraceNote } from './scenario.ts';
import { VirtualWorld } from './virtual-world.ts';

const notes: TraceNote[] = [];

function newWorld(seed = 'world'): VirtualWorld {
  return new VirtualWorld({ seed, link: {}, trace: null, describeFrame: () => 'a frame' });
}

const nothing = { stop: async (): Promise<void> => Promise.resolve() };
const restartDelayMs = { leastMs: 10, mostMs: 20 };

/** A program that writes a file whenever it is told to, and what its processes were. */
class Writer {
  readonly lives: Process[] = [];
  readonly program: Program = async (process) => {
    this.lives.push(process);
    process.files.open('/f', 'create').close();
    return Promise.resolve(nothing);
  };

  get life(): Process {
    const life = this.lives.at(-1);
    invariant(life !== undefined, 'nothing has started');
    return life;
  }
}

test('a process that is killed is started again by its supervisor, with a life of its own', async () => {
  const world = newWorld();
  const writer = new Writer();
  const machine = world.addMachine('a', { program: writer.program, restartDelayMs });
  machine.start();
  await world.runUntil(5);
  const first = writer.life;
  expect([machine.state, first.isAlive, first.incarnation]).toEqual(['running', true, 1]);
  let rang = false;
  first.timers.after(50, () => (rang = true));
  machine.kill();
  expect([machine.state, first.isAlive]).toEqual(['down', false]);
  expect(() => first.files.stat('/f')).toThrow('by a process that is dead');
  await world.runUntil(100);
  expect([machine.state, writer.life.incarnation, writer.life.boot, rang]).toEqual(['running', 2, 1, false]);
  expect(world.finding).toBeNull();
});

test('a machine that loses its power comes back with another boot, without what was not synced', async () => {
  const world = newWorld();
  const writer = new Writer();
  const machine = world.addMachine('a', { program: writer.program, restartDelayMs });
  machine.start();
  await world.runUntil(5);
  machine.cutPower(300);
  await world.runUntil(200);
  expect(machine.state).toBe('off');
  await world.runUntil(400);
  expect([machine.state, writer.life.boot, writer.life.clock.boottimeMs() < 200]).toEqual(['running', 2, true]);
});

test('a process dies at the call that was appointed, and its owner knows before the call throws', async () => {
  const world = newWorld();
  let isAliveBehind: boolean | null = null;
  const program: Program = async (process) => {
    if (process.incarnation > 1) return Promise.resolve(nothing);
    try {
      process.files.mkdir('/one');
    } finally {
      isAliveBehind = process.isAlive;
    }
    return Promise.resolve(nothing);
  };
  const machine = world.addMachine('a', { program, restartDelayMs });
  machine.crashAt(1, 'after', 'process');
  machine.start();
  await world.runUntil(100);
  expect([isAliveBehind, machine.state, world.finding]).toEqual([false, 'running', null]);
  expect(machine.disk.files.stat('/one')).not.toBeNull();
});

test.each<{ what: string; error: Error; finding: string | null }>([
  {
    what: 'an error of the table is an end like others',
    error: new OpError('RAFT_HOST_STOPPED', { member: 1 }),
    finding: null,
  },
  { what: 'any other error is a finding', error: new TypeError('no function'), finding: 'process-failed' },
])('$what', async ({ error, finding }) => {
  const world = newWorld();
  const machine = world.addMachine('a', { program: async () => Promise.reject(error), restartDelayMs: null });
  machine.start();
  await world.runUntil(100);
  expect([machine.state, machine.startFailures]).toEqual(['down', 1]);
  expect(world.finding?.rule ?? null).toBe(finding);
});

test('what an event throws is a finding', async () => {
  const thrown = newWorld();
  thrown.time.after(1, () => invariant(false, 'never'));
  await thrown.runUntil(10);
  expect(thrown.finding).toMatchObject({ rule: 'uncaught', atMs: 1 });
});

test('a retired machine stays down', async () => {
  const world = newWorld();
  const machine = world.addMachine('a', { program: new Writer().program, restartDelayMs });
  machine.start();
  machine.retire();
  machine.start();
  await world.runUntil(100);
  expect(machine.state).toBe('down');
});

test('conditions of the network overlap, and each ends on its own', () => {
  const world = newWorld();
  for (const name of ['a', 'b']) world.addMachine(name, { program: new Writer().program, restartDelayMs: null });
  const link = world.network.link('a', 'b');
  const endFirst = world.conditions.add((from, _to, state) => {
    if (from === 'a') state.isCut = true;
  });
  const endSecond = world.conditions.add((_from, _to, state) => {
    state.isCut = true;
    state.lossRate = 0.5;
  });
  expect([link.isCut, world.network.link('b', 'a').isCut, link.behaviour.lossRate]).toEqual([true, true, 0.5]);
  endSecond();
  endSecond();
  expect([link.isCut, world.network.link('b', 'a').isCut, link.behaviour]).toEqual([true, false, calmLink]);
  endFirst();
  expect(link.isCut).toBe(false);
});

test('of several broken promises the first is the finding, and the run stands still', async () => {
  const world = new VirtualWorld({
    seed: 'first',
    link: {},
    trace: { note: (note) => notes.push(note) },
    describeFrame: () => '',
  });
  world.time.after(5, () => {
    world.report('one', 'first');
    world.report('two', 'second');
  });
  world.time.after(6, () => world.report('three', 'too late'));
  await world.runUntil(10);
  expect(world.finding).toEqual({ rule: 'one', text: 'first', atMs: 5 });
  expect(notes.map(({ kind, text }) => `${kind} ${text}`)).toEqual(['finding one: first']);
});
