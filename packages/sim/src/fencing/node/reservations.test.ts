import { expect, test } from '@jest/globals';
import { SeededRandom, VirtualTime } from '@holdfast/base/internal';
import { Device } from '../device.ts';
import { DevicePath } from './device-path.ts';
import { LocalProcess } from './local-process.ts';
import { Reservations } from './reservations.ts';
import { SharedMemory } from './shared-memory.ts';

test('a key is not registered for a session that ends, or over what passes its gate, before the device is reached', async () => {
  const time = new VirtualTime({ seed: 1 });
  const { timers } = time.node('n1');
  const random = new SeededRandom(1);
  const devices = ['d1', 'd2'].map((name) => {
    const traits = { hasAbort: true, isPersistent: true, tellsPreempted: true };
    const heard = { onLanding: () => undefined, onPowerLoss: () => undefined };
    return new Device({ name, time, random, ...traits, ...heard });
  });
  const shared = new SharedMemory();
  const path = new DevicePath({ time, timers, random, drainMs: 1_000, slowOdds: 400 });
  const reservations = new Reservations({ node: 'n1', process: new LocalProcess(timers), shared, path });
  const register = async (
    session: string,
    until: { endsAfterMs: number } | { busyAfterMs: number },
  ): Promise<unknown> => {
    shared.session = session;
    const answers: boolean[] = [];
    let isQuiet = true;
    const by = { agent: 1, session };
    void reservations.register(by, devices, () => isQuiet).then((isRegistered) => answers.push(isRegistered));
    if ('endsAfterMs' in until) time.after(until.endsAfterMs, () => (shared.session = ''));
    else time.after(until.busyAfterMs, () => (isQuiet = false));
    while (answers.length === 0 && time.step()) for (let turn = 0; turn < 8; turn++) await Promise.resolve();
    return [...answers, ...devices.map((device) => device.keyOf('n1'))];
  };
  expect(await register('1.n1.1', { endsAfterMs: 0.2 })).toEqual([false, null, null]);
  expect(await register('1.n1.2', { endsAfterMs: 0.7 })).toEqual([false, '1.n1.2', null]);
  expect(await register('1.n1.3', { endsAfterMs: 5 })).toEqual([true, '1.n1.3', '1.n1.3']);
  expect(await register('1.n1.4', { busyAfterMs: 0.7 })).toEqual([false, '1.n1.4', '1.n1.3']);
  expect(await register('1.n1.5', { busyAfterMs: 5 })).toEqual([true, '1.n1.5', '1.n1.5']);
});
