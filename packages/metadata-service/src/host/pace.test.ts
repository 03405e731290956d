import { expect, test } from '@jest/globals';
import { VirtualTime } from '@holdfast/base/internal';
import { paceOf } from './pace.ts';

const partBytes = 1_000;

/** How long a stream of so many parts takes, each of which takes `workMs` by itself. */
async function streamMs({ parts, workMs, bytesPerSecond }: Record<'parts' | 'workMs' | 'bytesPerSecond', number>) {
  const time = new VirtualTime({ seed: 1 });
  const { clock, timers } = time.node('one');
  const pace = paceOf({ clock, timers, bytesPerSecond });
  const stream = async (): Promise<void> => {
    for (let part = 0; part < parts; part++) {
      await new Promise<void>((resolve) => void timers.after(workMs, resolve));
      await pace(partBytes);
    }
  };
  const beforeMs = clock.monotonicMs();
  await time.complete(stream(), 1_000_000);
  return clock.monotonicMs() - beforeMs;
}

test.each([
  { parts: 100, workMs: 0, bytesPerSecond: 10_000, atLeastMs: 9_800, atMostMs: 10_000 },
  { parts: 100, workMs: 40, bytesPerSecond: 10_000, atLeastMs: 9_800, atMostMs: 10_040 },
  { parts: 100, workMs: 200, bytesPerSecond: 10_000, atLeastMs: 20_000, atMostMs: 20_200 },
])('$parts parts of $workMs ms at $bytesPerSecond bytes a second', async ({ atLeastMs, atMostMs, ...stream }) => {
  const tookMs = await streamMs(stream);
  expect(tookMs).toBeGreaterThanOrEqual(atLeastMs);
  expect(tookMs).toBeLessThanOrEqual(atMostMs);
});

test('a stream that stood still does not hurry afterwards', async () => {
  const time = new VirtualTime({ seed: 1 });
  const { clock, timers } = time.node('one');
  const pace = paceOf({ clock, timers, bytesPerSecond: 10_000 });
  await time.complete(pace(partBytes), 1_000);
  await time.runFor(60_000);
  const beforeMs = clock.monotonicMs();
  for (let part = 0; part < 20; part++) await time.complete(pace(partBytes), 1_000);
  expect(clock.monotonicMs() - beforeMs).toBeGreaterThanOrEqual(1_800);
});
