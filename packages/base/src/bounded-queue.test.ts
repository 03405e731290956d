import { getEventListeners } from 'node:events';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { BoundedQueue } from './bounded-queue.ts';
import { VirtualTime } from './virtual-time.ts';

const full = { code: 'QUEUE_FULL', message: 'the queue writes holds its limit of 2 items' };
const closed = { code: 'QUEUE_CLOSED' };

function openQueue(...items: number[]): BoundedQueue<number> {
  const queue = new BoundedQueue<number>({ name: 'writes', limit: 2 });
  for (const item of items) queue.tryPut(item);
  return queue;
}

/** What a promise has come to by the time that everything which can run has run. */
async function stateOf(promise: Promise<unknown>): Promise<'pending' | 'resolved' | 'rejected'> {
  const states = promise.then(
    () => 'resolved' as const,
    () => 'rejected' as const,
  );
  return Promise.race([states, new VirtualTime({ seed: 1 }).settle().then(() => 'pending' as const)]);
}

test('items come out in the order in which they went in', async () => {
  const queue = openQueue(1, 2);
  expect(queue.size).toBe(2);
  expect(await queue.take()).toBe(1);
  queue.tryPut(3);
  expect([await queue.take(), await queue.take()]).toEqual([2, 3]);
});

test('tryPut into a full queue throws QUEUE_FULL with its name and limit', () => {
  expect(() => openQueue(1, 2).tryPut(3)).toThrow(expect.objectContaining(full));
});

test('put into a full queue waits for room, first come first served', async () => {
  const queue = openQueue(1, 2);
  const puts = [queue.put(3), queue.put(4)] as const;
  expect(await stateOf(puts[0])).toBe('pending');
  expect(await queue.take()).toBe(1);
  expect([await stateOf(puts[0]), await stateOf(puts[1])]).toEqual(['resolved', 'pending']);
  expect([await queue.take(), await queue.take(), await queue.take()]).toEqual([2, 3, 4]);
  expect([await stateOf(puts[1]), queue.size]).toEqual(['resolved', 0]);
});

test('no more wait for room or for items than the queue’s limit', async () => {
  const queue = openQueue(1, 2);
  const waiting = [queue.put(3), queue.put(4)];
  await expect(queue.put(5)).rejects.toMatchObject(full);
  queue.close();
  for (const put of waiting) await expect(put).rejects.toMatchObject(closed);

  const empty = openQueue();
  const takes = [empty.take(), empty.take()];
  await expect(empty.take()).rejects.toMatchObject(full);
  empty.tryPut(1);
  empty.tryPut(2);
  expect(await Promise.all(takes)).toEqual([1, 2]);
});

test('an abort takes a waiting item or a waiting taker back, and leaves no listener', async () => {
  const controller = new AbortController();
  const queue = openQueue(1, 2);
  const put = queue.put(3, controller.signal);
  const empty = openQueue();
  const take = empty.take(controller.signal);
  controller.abort();
  await expect(put).rejects.toMatchObject({ code: 'CANCELLED' });
  await expect(take).rejects.toMatchObject({ code: 'CANCELLED' });
  expect([await queue.take(), await queue.take(), queue.size]).toEqual([1, 2, 0]);
  empty.tryPut(7);
  expect(empty.size).toBe(1);
  await expect(empty.take(controller.signal)).rejects.toMatchObject({ code: 'CANCELLED' });
  await expect(empty.put(8, controller.signal)).rejects.toMatchObject({ code: 'CANCELLED' });
  expect(empty.size).toBe(1);
});

test('a signal that never aborts is left without listeners', async () => {
  const { signal } = new AbortController();
  const queue = openQueue(1, 2);
  const put = queue.put(3, signal);
  await queue.take();
  await put;
  const empty = openQueue();
  const take = empty.take(signal);
  empty.tryPut(1);
  await take;
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

test('a closed queue gives out what it holds and takes nothing in', async () => {
  const queue = openQueue(1, 2);
  queue.close();
  expect(() => queue.tryPut(3)).toThrow(expect.objectContaining(closed));
  await expect(queue.put(3)).rejects.toMatchObject(closed);
  expect([await queue.take(), await queue.take()]).toEqual([1, 2]);
  await expect(queue.take()).rejects.toMatchObject(closed);
});

test('an iteration takes every item and ends when the queue is closed, also while it waits', async () => {
  const queue = openQueue(1, 2);
  const seen: number[] = [];
  const loop = (async () => {
    for await (const item of queue) seen.push(item);
  })();
  await queue.put(3);
  expect(await stateOf(loop)).toBe('pending');
  queue.close();
  await loop;
  expect(seen).toEqual([1, 2, 3]);
});

test('any order of puts, takes and aborts keeps order, loses nothing and stays within the limit', async () => {
  const steps = fc.array(fc.constantFrom('put', 'take', 'abort'), { maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(steps, fc.integer({ min: 1, max: 4 }), async (sequence, limit) => {
      const queue = new BoundedQueue<number>({ name: 'model', limit });
      const accepted: Promise<number | null>[] = [];
      const taken: Promise<number | null>[] = [];
      let controller = new AbortController();
      const orNull = (promise: Promise<number>): Promise<number | null> => promise.catch(() => null);
      for (const [index, step] of sequence.entries()) {
        if (step === 'put') accepted.push(orNull(queue.put(index, controller.signal).then(() => index)));
        else if (step === 'take') taken.push(orNull(queue.take(controller.signal)));
        else {
          controller.abort();
          controller = new AbortController();
        }
        expect(queue.size).toBeLessThanOrEqual(limit);
      }
      queue.close();
      const rest: number[] = [];
      for await (const item of queue) rest.push(item);
      const inOrder = [...(await Promise.all(taken)).filter((item) => item !== null), ...rest];
      expect(inOrder).toEqual((await Promise.all(accepted)).filter((item) => item !== null));
    }),
  );
});
