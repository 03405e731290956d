import { expect, test } from '@jest/globals';
import { RealClock, RealTimers } from './real-time.ts';

test('boottime is read from /proc/uptime and never runs backwards', () => {
  const clock = new RealClock();
  const first = clock.boottimeMs();
  expect(first).toBeGreaterThan(0);
  expect(clock.boottimeMs()).toBeGreaterThanOrEqual(first);
});

test('a boottime that is handed in replaces /proc/uptime', () => {
  expect(new RealClock(() => 12_345.678).boottimeMs()).toBe(12_345.678);
});

test('a timer never fires before its delay has passed by the monotonic clock', async () => {
  const clock = new RealClock();
  const timers = new RealTimers();
  const delaysMs = [0, 0.4, 1, 1.9, 3, 7.5, 20];
  const earlyByMs = await Promise.all(
    delaysMs.map(async (delayMs) => {
      const { promise, resolve } = Promise.withResolvers<null>();
      const startMs = clock.monotonicMs();
      timers.after(delayMs, () => resolve(null));
      await promise;
      return startMs + delayMs - clock.monotonicMs();
    }),
  );
  expect(Math.max(...earlyByMs)).toBeLessThanOrEqual(0);
});

test('a delay beyond what setTimeout can hold does not fire at once', async () => {
  const timers = new RealTimers();
  let fired = false;
  const month = timers.after(31 * 24 * 3_600_000, () => (fired = true));
  const { promise, resolve } = Promise.withResolvers<null>();
  timers.after(5, () => resolve(null));
  await promise;
  month.cancel();
  expect(fired).toBe(false);
});

test('a cancelled timer does not fire, and cancelling again does nothing', async () => {
  const timers = new RealTimers();
  let fired = false;
  const timer = timers.after(1, () => (fired = true));
  timer.cancel();
  timer.cancel();
  const { promise, resolve } = Promise.withResolvers<null>();
  timers.after(10, () => resolve(null));
  await promise;
  expect(fired).toBe(false);
});

test.each([-1, Number.NaN, Infinity])('a delay of %p ms is a defect', (delayMs) => {
  expect(() => new RealTimers().after(delayMs, () => undefined)).toThrow('a delay of');
});
