import { expect, test } from '@jest/globals';
import { SeededRandom, VirtualTime } from '@holdfast/base/internal';
import { Device, type DeviceError } from './device.ts';

function newDevice(): Device {
  return new Device({
    ...{ name: 'd', time: new VirtualTime({ seed: 1 }), random: new SeededRandom(1), onLanding: () => undefined },
    ...{ hasAbort: true, isPersistent: true, tellsPreempted: true, onPowerLoss: () => undefined },
  });
}

/** What a port is told in place of an answer; null if it is not told anything. */
function told(device: Device, initiator: string): DeviceError | null {
  let error: DeviceError | null = null;
  device.arrive({ kind: 'flush', initiator }, (answer) => (error = answer.error));
  return error;
}

test('a port hears once of what happened, and of a loss of power whatever happened after it', () => {
  const device = newDevice();
  device.register('n', 'key of n');
  device.register('other', 'another key');
  expect(told(device, 'n')).toBeNull();
  device.reset();
  expect([told(device, 'n'), told(device, 'n')]).toEqual(['reset', null]);
  device.losePower();
  device.reset();
  device.preempt('other', (key) => key === 'key of n');
  expect([told(device, 'n'), told(device, 'n')]).toEqual(['power', null]);
});
