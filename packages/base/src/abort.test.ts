import { getEventListeners } from 'node:events';
import { expect, test } from '@jest/globals';
import { abortError, combineSignals, onAbort, pause, raceAbort, sleep, withTimeout } from './abort.ts';
import { OpError } from './op-error.ts';
import { VirtualTime } from './virtual-time.ts';

const reason = new OpError('QUEUE_CLOSED', { queue: 'q' });

function listeners(signal: AbortSignal): number {
  return getEventListeners(signal, 'abort').length;
}

/** A promise that never settles: a read from a dead disk. */
const never = new Promise<never>(() => undefined);

test('an abort ends with its own OpError, and with CANCELLED where it has none', () => {
  expect(abortError(AbortSignal.abort(reason))).toBe(reason);
  const plain = abortError(AbortSignal.abort(new Error('the client went away')));
  expect(plain).toMatchObject({ code: 'CANCELLED', message: 'cancelled: the client went away' });
  expect(abortError(AbortSignal.abort())).toMatchObject({ code: 'CANCELLED' });
});

test('a sleep lasts its time, and leaves neither timer nor listener', async () => {
  const time = new VirtualTime({ seed: 1 });
  const node = time.node('n');
  const { signal } = new AbortController();
  const startMs = time.nowMs;
  await time.complete(sleep(node.timers, 1000, signal), 2000);
  expect(time.nowMs - startMs).toBeCloseTo(1000, 0);
  expect([listeners(signal), time.pendingEvents]).toEqual([0, 0]);
});

test('an aborted sleep ends at once, and leaves neither timer nor listener', async () => {
  const time = new VirtualTime({ seed: 1 });
  const controller = new AbortController();
  const sleeping = sleep(time.node('n').timers, 1000, controller.signal);
  controller.abort(reason);
  await expect(sleeping).rejects.toBe(reason);
  expect([listeners(controller.signal), time.pendingEvents]).toEqual([0, 0]);
  await expect(sleep(time.node('n').timers, 1000, controller.signal)).rejects.toBe(reason);
});

test('a pause lasts its time, or until its signal aborts, and leaves neither timer nor listener', async () => {
  const time = new VirtualTime({ seed: 1 });
  const { timers } = time.node('n');
  const controller = new AbortController();
  await time.complete(pause(timers, 1000, controller.signal), 2000);
  const endMs = time.nowMs;
  expect(endMs).toBeCloseTo(1000, 0);
  const called = pause(timers, 1000, controller.signal);
  controller.abort();
  await called;
  await pause(timers, 1000, controller.signal);
  expect(time.nowMs).toBe(endMs);
  expect([listeners(controller.signal), time.pendingEvents]).toEqual([0, 0]);
});

test('a race is won by the abort or by the promise, and leaves no listener', async () => {
  const controller = new AbortController();
  await expect(raceAbort(Promise.resolve(1), controller.signal)).resolves.toBe(1);
  await expect(raceAbort(Promise.reject(reason), controller.signal)).rejects.toBe(reason);
  expect(listeners(controller.signal)).toBe(0);
  const race = raceAbort(never, controller.signal);
  controller.abort(reason);
  await expect(race).rejects.toBe(reason);
  await expect(raceAbort(Promise.resolve(1), controller.signal)).rejects.toBe(reason);
  await expect(raceAbort(Promise.resolve(1), null)).resolves.toBe(1);
});

test('a combined signal follows whichever source aborts first, and comes off all of them', () => {
  for (const aborted of [0, 1]) {
    const sources = [new AbortController(), new AbortController()] as const;
    const combined = combineSignals([sources[0].signal, null, sources[1].signal]);
    expect(combined.signal.aborted).toBe(false);
    sources[aborted]?.abort(reason);
    expect(combined.signal.reason).toBe(reason);
    expect(sources.map(({ signal }) => listeners(signal))).toEqual([0, 0]);
  }
});

test('a released combined signal holds no listener and follows nobody', () => {
  const source = new AbortController();
  for (let round = 0; round < 100; round += 1) combineSignals([source.signal, source.signal]).release();
  const combined = combineSignals([source.signal]);
  expect(listeners(source.signal)).toBe(1);
  combined.release();
  expect(listeners(source.signal)).toBe(0);
  source.abort(reason);
  expect(combined.signal.aborted).toBe(false);
});

test('a signal combined with one that has aborted is aborted, and leaves no listener on the others', () => {
  const source = new AbortController();
  const combined = combineSignals([source.signal, AbortSignal.abort(reason), source.signal]);
  expect(combined.signal.reason).toBe(reason);
  expect(listeners(source.signal)).toBe(0);
});

test('a listener that was taken back is not called', () => {
  const controller = new AbortController();
  const calls: OpError[] = [];
  const release = onAbort(controller.signal, (error) => calls.push(error));
  release();
  controller.abort(reason);
  expect(calls).toEqual([]);
  onAbort(controller.signal, (error) => calls.push(error));
  expect(calls).toEqual([reason]);
});

test('work within its limit answers, and leaves neither timer nor listener', async () => {
  const time = new VirtualTime({ seed: 1 });
  const { timers } = time.node('n');
  const { signal } = new AbortController();
  const work = withTimeout({ timers, limitMs: 1000, what: 'the read', signal }, async (inner) => {
    await sleep(timers, 900, inner);
    return 'done';
  });
  await expect(time.complete(work, 2000)).resolves.toBe('done');
  expect([listeners(signal), time.pendingEvents]).toEqual([0, 0]);
});

test('work that ignores its signal is not waited for beyond the limit, and its signal says why', async () => {
  const time = new VirtualTime({ seed: 1 });
  let inner: AbortSignal | null = null;
  const work = withTimeout({ timers: time.node('n').timers, limitMs: 1500, what: 'the read' }, (signal) => {
    inner = signal;
    return never;
  });
  await expect(time.complete(work, 2000)).rejects.toMatchObject({
    code: 'TIMED_OUT',
    message: 'the read took longer than 1500ms',
  });
  expect(inner).toMatchObject({ aborted: true, reason: { code: 'TIMED_OUT' } });
});

test('the caller’s abort ends the work, and work is not begun for a caller that has given up', async () => {
  const time = new VirtualTime({ seed: 1 });
  const controller = new AbortController();
  const options = { timers: time.node('n').timers, limitMs: 1000, what: 'the read', signal: controller.signal };
  const work = withTimeout(options, () => never);
  controller.abort(reason);
  await expect(work).rejects.toBe(reason);
  let isBegun = false;
  const late = withTimeout(options, () => {
    isBegun = true;
    return never;
  });
  await expect(late).rejects.toBe(reason);
  expect([isBegun, time.pendingEvents]).toEqual([false, 0]);
});
