import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SeededRandom } from './seeded-random.ts';
import { VirtualTime } from './virtual-time.ts';

const origins = { boottimeMs: 5000, monotonicMs: 3000 };

test('clocks of two nodes, and two clocks of one node, begin at different readings', () => {
  const time = new VirtualTime({ seed: 1 });
  const clocks = [time.node('a').clock, time.node('b').clock];
  const readings = clocks.flatMap((clock) => [clock.boottimeMs(), clock.monotonicMs()]);
  expect(new Set(readings).size).toBe(4);
  expect(clocks.map((clock) => clock.wallMs())).toEqual([time.startWallMs, time.startWallMs]);
});

test('a node that drifts runs its clocks and its timers at its own rate', async () => {
  const time = new VirtualTime({ seed: 1 });
  const { clock, timers } = time.node('fast', { driftPpm: 100_000, ...origins });
  let firedAtMs = 0;
  timers.after(1100, () => (firedAtMs = time.nowMs));
  await time.runFor(2000);
  expect(firedAtMs).toBeCloseTo(1000, 3);
  expect(clock.boottimeMs()).toBeCloseTo(5000 + 2200, 3);
  expect(clock.monotonicMs()).toBeCloseTo(3000 + 2200, 3);
});

test('a change of drift moves the timers that are pending', async () => {
  const time = new VirtualTime({ seed: 1 });
  const node = time.node('a');
  let firedAtMs = 0;
  node.timers.after(1000, () => (firedAtMs = time.nowMs));
  await time.runFor(500);
  node.setDriftPpm(-500_000);
  await time.runUntilIdle();
  expect(firedAtMs).toBeCloseTo(1500, 2);
});

test('no timer fires before its delay has passed by its own clock, whatever the drift', async () => {
  const rates = fc.oneof(fc.constant(0), fc.integer({ min: -300_000, max: 300_000 }));
  const delays = fc.double({ min: 0, max: 1e6, noNaN: true });
  await fc.assert(
    fc.asyncProperty(rates, delays, delays, async (driftPpm, startMs, delayMs) => {
      const time = new VirtualTime({ seed: 1 });
      const { clock, timers } = time.node('a', { driftPpm });
      await time.runFor(startMs);
      const dueMs = clock.monotonicMs() + delayMs;
      let lateMs = -1;
      timers.after(delayMs, () => (lateMs = clock.monotonicMs() - dueMs));
      await time.runUntilIdle();
      expect(lateMs).toBeGreaterThanOrEqual(0);
      expect(lateMs).toBeLessThan(0.01);
    }),
  );
});

test('no timer fires early late in a long run either, where sums of milliseconds are no longer exact', async () => {
  const time = new VirtualTime({ seed: 1 });
  const random = new SeededRandom(1);
  await time.runFor(1e9 + 0.123);
  const { clock, timers } = time.node('a');
  const lateMs: number[] = [];
  for (let index = 0; index < 1000; index++) {
    const delayMs = random.below(1e9) / 1000;
    const dueMs = clock.monotonicMs() + delayMs;
    timers.after(delayMs, () => lateMs.push(clock.monotonicMs() - dueMs));
  }
  await time.runUntilIdle();
  expect(lateMs).toHaveLength(1000);
  expect(Math.min(...lateMs)).toBeGreaterThanOrEqual(0);
});

test('a stopped process runs its overdue timers in order when it goes on, while its clocks never stood still', async () => {
  const time = new VirtualTime({ seed: 1 });
  const node = time.node('a', origins);
  const story: string[] = [];
  const tell = (what: string) => (): void => void story.push(`${what} at ${time.nowMs}`);
  node.timers.after(30, tell('thirty'));
  node.timers.after(10, tell('ten'));
  node.timers.after(200, tell('two hundred'));
  node.pause('stopped');
  node.post(5, tell('packet'));
  await time.runFor(100);
  expect(story).toEqual([]);
  expect([node.clock.monotonicMs(), node.clock.boottimeMs()]).toEqual([3100, 5100]);
  node.resume();
  await time.runUntilIdle();
  expect(story).toEqual(['ten at 100', 'thirty at 100', 'packet at 100', 'two hundred at 200']);
});

test('a suspended machine stops its monotonic clock and its timers, while boottime and wall time go on', async () => {
  const time = new VirtualTime({ seed: 1 });
  const node = time.node('a', origins);
  let firedAtMs = 0;
  node.timers.after(50, () => (firedAtMs = time.nowMs));
  await time.runFor(20);
  node.pause('suspended');
  await time.runFor(1000);
  expect([node.clock.monotonicMs(), node.clock.boottimeMs()]).toEqual([3020, 6020]);
  node.resume();
  expect(node.clock.wallMs()).toBe(time.startWallMs + 1020);
  await time.runUntilIdle();
  expect(firedAtMs).toBe(1050);
});

test('a jump of the wall clock moves nothing else', async () => {
  const time = new VirtualTime({ seed: 1 });
  const node = time.node('a', { wallOffsetMs: -500, ...origins });
  let firedAtMs = 0;
  node.timers.after(50, () => (firedAtMs = time.nowMs));
  node.jumpWallMs(-3_600_000);
  expect(node.clock.wallMs()).toBe(time.startWallMs - 3_600_500);
  expect([node.clock.monotonicMs(), node.clock.boottimeMs()]).toEqual([3000, 5000]);
  await time.runUntilIdle();
  expect(firedAtMs).toBe(50);
});

test('a crashed process never runs again: neither its pending timers nor those it still tries to set', async () => {
  const time = new VirtualTime({ seed: 1 });
  const node = time.node('a', origins);
  const before = node.timers;
  const story: string[] = [];
  before.after(10, () => story.push('old'));
  node.pause('stopped');
  node.post(0, () => story.push('packet for the old'));
  await time.runFor(5);
  node.crash();
  expect(node.isPaused).toBe(false);
  before.after(1, () => story.push('zombie'));
  node.timers.after(1, () => story.push('new'));
  await time.runUntilIdle();
  expect(story).toEqual(['new']);
  expect(node.clock.boottimeMs()).toBe(5006);
});

test('a reboot begins boottime and monotonic time at zero and keeps the wall clock', async () => {
  const time = new VirtualTime({ seed: 1 });
  const node = time.node('a', origins);
  await time.runFor(70);
  node.reboot();
  await time.runFor(3);
  expect([node.clock.boottimeMs(), node.clock.monotonicMs()]).toEqual([3, 3]);
  expect(node.clock.wallMs()).toBe(time.startWallMs + 73);
});

test('a cancelled timer or delivery does not run, even when the node is paused meanwhile', async () => {
  const time = new VirtualTime({ seed: 1 });
  const node = time.node('a');
  let ran = 0;
  const timer = node.timers.after(10, () => ran++);
  const delivery = node.post(10, () => ran++);
  node.pause('stopped');
  await time.runFor(20);
  timer.cancel();
  delivery.cancel();
  node.resume();
  await time.runUntilIdle();
  expect(ran).toBe(0);
});
