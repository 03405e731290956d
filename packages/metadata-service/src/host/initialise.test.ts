// The first start of a member, with a crash at every call that it makes to its disk.
import { expect, test } from '@jest/globals';
import { isOpError, toOpError } from '@holdfast/base';
import { VirtualCrash, type CrashMoment } from '@holdfast/base/internal';
import { World } from './host-testing.ts';

/** How often the disk is written to while a member is initialised. */
async function callsOfInitialise(): Promise<{ readonly before: number; readonly after: number }> {
  const world = new World();
  const machine = world.add(1);
  const before = machine.disk.calls;
  await world.done(machine.initialise([1]));
  return { before, after: machine.disk.calls };
}

async function isDone(work: Promise<void>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    expect(isOpError(error) || error instanceof VirtualCrash).toBe(true);
    return false;
  }
}

test.each(['before', 'during', 'after'] as const satisfies readonly CrashMoment[])(
  'a crash %s any call leaves no member, which is then made, or a whole one',
  async (moment) => {
    const { before, after } = await callsOfInitialise();
    let whole = 0;
    for (let call = before + 1; call <= after; call++) {
      const world = new World({ seed: call });
      const machine = world.add(1);
      machine.disk.crashAt(call, moment);
      await isDone(world.done(machine.initialise([1])));
      machine.crash('power');
      if (await isDone(world.done(machine.start()))) whole++;
      else {
        await world.done(machine.initialise([1]));
        await world.done(machine.start());
      }
      expect(await world.propose('first')).toBe(1);
    }
    // The identity is the last thing that is written, so few crashes find one.
    expect(whole).toBeLessThan(after - before);
    expect(after - before).toBeGreaterThan(20);
  },
);

test.each(['before', 'during', 'after'] as const satisfies readonly CrashMoment[])(
  'a member that started, after its first start was killed %s any call, outlives a loss of power',
  async (moment) => {
    const { before, after } = await callsOfInitialise();
    let started = 0;
    for (let call = before + 1; call <= after; call++) {
      const world = new World({ seed: call });
      const machine = world.add(1);
      machine.disk.crashAt(call, moment);
      await isDone(world.done(machine.initialise([1])));
      machine.crash('process');
      if (!(await isDone(world.done(machine.start())))) continue;
      started++;
      expect(await world.propose('first')).toBe(1);
      machine.crash('power');
      await world.done(machine.start());
      expect(await world.propose('second')).toBe(2);
    }
    expect(started).toBeGreaterThan(0);
  },
);

test('a disk without room, wherever it ends, is told as such, and the member is made when there is some', async () => {
  const sectorBytes = 512;
  const codes: string[] = [];
  for (let sectors = 0; codes.length === sectors; sectors++) {
    const world = new World();
    const machine = world.add(1);
    machine.disk.setCapacityBytes(sectors * sectorBytes);
    const error = await world.done(machine.initialise([1]).then(() => null, toOpError));
    if (error !== null) codes.push(error.code);
    machine.disk.setCapacityBytes(2 ** 40);
    // Where only the second copy of the identity found no place, it is a member's.
    if (!(await isDone(world.done(machine.start())))) {
      await world.done(machine.initialise([1]));
      await world.done(machine.start());
    }
    expect(await world.propose('first')).toBe(1);
  }
  expect(new Set(codes)).toEqual(new Set(['DISK_FULL']));
  expect(codes.length).toBeGreaterThan(20);
});
