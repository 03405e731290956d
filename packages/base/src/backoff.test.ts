import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { backoffDelayMs, retry, type RetryOptions } from './backoff.ts';
import { OpError } from './op-error.ts';
import { SeededRandom } from './seeded-random.ts';
import { VirtualTime } from './virtual-time.ts';

const busy = new OpError('QUEUE_FULL', { queue: 'q', limit: 1 });
const wrong = new OpError('ID_MALFORMED', { id: 'epoch', value: -1, form: 'a number' });

function openRetry(overrides: Partial<RetryOptions> = {}): { time: VirtualTime; options: RetryOptions } {
  const time = new VirtualTime({ seed: 7 });
  const { timers, random } = time.node('n');
  return {
    time,
    options: { timers, random, backoff: { baseMs: 100, ceilingMs: 1000 }, attemptsLimit: 5, ...overrides },
  };
}

test('a delay is between half and all of the doubled base, and never above the ceiling', () => {
  const backoffs = fc.tuple(fc.integer({ min: 1, max: 10_000 }), fc.integer({ min: 1, max: 1000 }));
  fc.assert(
    fc.property(backoffs, fc.integer({ min: 1, max: 5000 }), fc.nat(), ([baseMs, factor], attempt, seed) => {
      const ceilingMs = baseMs * factor;
      const fullMs = Math.min(baseMs * 2 ** (attempt - 1), ceilingMs);
      const delayMs = backoffDelayMs({ baseMs, ceilingMs }, attempt, new SeededRandom(seed));
      expect(delayMs).toBeGreaterThanOrEqual(fullMs / 2);
      expect(delayMs).toBeLessThanOrEqual(fullMs);
    }),
  );
});

test('a hundred callers that failed at one instant do not come back at one instant', () => {
  const random = new SeededRandom(1);
  const delays = Array.from({ length: 100 }, () => backoffDelayMs({ baseMs: 1000, ceilingMs: 1000 }, 1, random));
  const perTenth = new Map<number, number>();
  for (const delayMs of delays)
    perTenth.set(Math.floor(delayMs / 50), (perTenth.get(Math.floor(delayMs / 50)) ?? 0) + 1);
  expect(Math.max(...perTenth.values())).toBeLessThan(30);
});

test('a retriable failure is tried again after a delay until it succeeds', async () => {
  const { time, options } = openRetry();
  const attemptsAtMs: number[] = [];
  const failures: number[] = [];
  const result = retry(
    (attempt) => {
      attemptsAtMs.push(time.nowMs);
      return attempt < 4 ? Promise.reject(busy) : Promise.resolve(attempt);
    },
    { ...options, onRetry: ({ attempt }) => failures.push(attempt) },
  );
  await expect(time.complete(result, 10_000)).resolves.toBe(4);
  expect(failures).toEqual([1, 2, 3]);
  const waitsMs = attemptsAtMs.slice(1).map((atMs, index) => atMs - (attemptsAtMs[index] ?? 0));
  for (const [index, fullMs] of [100, 200, 400].entries()) {
    expect(waitsMs[index]).toBeGreaterThanOrEqual(fullMs / 2 - 1);
    expect(waitsMs[index]).toBeLessThanOrEqual(fullMs + 1);
  }
});

test.each([
  ['an error whose row says so', wrong, 1],
  ['a defect', new TypeError('x is not a function'), 1],
  ['a retriable error, once the attempts are used up', busy, 5],
])('%s is thrown as it came', async (_name, error, expectedAttempts) => {
  const { time, options } = openRetry();
  let attempts = 0;
  const result = retry(() => {
    attempts += 1;
    return Promise.reject(error);
  }, options);
  await expect(time.complete(result, 10_000)).rejects.toBe(error);
  expect(attempts).toBe(expectedAttempts);
});

test('who calls may say otherwise what is retriable', async () => {
  const { time, options } = openRetry({ isRetriable: (error) => error.code === 'ID_MALFORMED' });
  const result = retry((attempt) => (attempt === 1 ? Promise.reject(wrong) : Promise.resolve('ok')), options);
  await expect(time.complete(result, 10_000)).resolves.toBe('ok');
});

test('an abort ends the waiting at once', async () => {
  const controller = new AbortController();
  const { time, options } = openRetry({ signal: controller.signal, attemptsLimit: Infinity });
  let attempts = 0;
  const result = retry(() => {
    attempts += 1;
    return Promise.reject(busy);
  }, options);
  await time.settle();
  controller.abort();
  await expect(result).rejects.toMatchObject({ code: 'CANCELLED' });
  expect([attempts, time.pendingEvents]).toEqual([1, 0]);
});

test('an endless retry without a signal is a defect', async () => {
  const { options } = openRetry({ attemptsLimit: Infinity });
  await expect(retry(() => Promise.resolve(1), options)).rejects.toThrow('an endless retry has a signal');
});
