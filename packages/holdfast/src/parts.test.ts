import { expect, test } from '@jest/globals';
import { RealClock, RealTimers, sleep } from '@holdfast/base';
import { Parts } from './parts.ts';

const timers = new RealTimers();
const makeParts = (): Parts => new Parts(new RealClock(), timers);

test('parts stop in reverse order, and one that fails does not keep the others from stopping', async () => {
  const parts = makeParts();
  const stopped: string[] = [];
  for (const name of ['log', 'server', 'peers']) {
    parts.add(name, async () => {
      stopped.push(name);
      if (name === 'server') throw new Error('it would not');
    });
  }
  await expect(parts.stop(1000)).rejects.toThrow('it would not');
  expect(stopped).toEqual(['peers', 'server', 'log']);
  await expect(parts.stop(1000)).resolves.toBeUndefined();
});

test('a part that needs the whole limit is named, and those after it are stopped by force', async () => {
  const parts = makeParts();
  const limits: number[] = [];
  parts.add('log', async (limitMs) => void limits.push(limitMs));
  parts.add('server', async (limitMs) => sleep(timers, limitMs));
  await expect(parts.stop(50)).rejects.toThrow('the process was to end and server was not done within 50ms');
  expect(limits).toEqual([0]);
});

test('a part that never ends is left behind', async () => {
  const parts = makeParts();
  parts.add('stuck', async () => new Promise<void>(() => undefined));
  await expect(parts.stop(20)).rejects.toThrow('stuck was not done within 20ms');
});
