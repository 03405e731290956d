import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { EventHeap, type HeapEvent } from './event-heap.ts';
import { LivelockError, VirtualTime } from './virtual-time.ts';

test('events run in the order of their times, and those of one lane at one instant in the order of their making', async () => {
  const time = new VirtualTime({ seed: 1 });
  const lane = time.newLane();
  const story: string[] = [];
  time.after(20, () => story.push('20'), lane);
  for (const name of ['a', 'b', 'c']) time.after(10, () => story.push(name), lane);
  time.after(5, () => time.after(5, () => story.push('d'), lane), lane);
  await time.runUntilIdle();
  expect(story).toEqual(['a', 'b', 'c', 'd', '20']);
  expect(time.nowMs).toBe(20);
});

test('the order of different lanes at one instant is shuffled by the seed, and a seed repeats it', async () => {
  const order = async (seed: number): Promise<string> => {
    const time = new VirtualTime({ seed });
    const story: number[] = [];
    for (let lane = 1; lane <= 6; lane++) time.after(10, () => story.push(lane), time.newLane());
    await time.runUntilIdle();
    return story.join('');
  };
  const orders = await Promise.all(Array.from({ length: 20 }, async (_, seed) => order(seed)));
  expect(new Set(orders).size).toBeGreaterThan(10);
  expect(await order(3)).toBe(orders[3]);
});

test('promise chains of any depth end before the next event runs', async () => {
  const time = new VirtualTime({ seed: 1 });
  const story: string[] = [];
  time.after(1, () => {
    void (async () => {
      for (let depth = 0; depth < 1000; depth++) await Promise.resolve();
      story.push('chain');
    })();
  });
  time.after(1, () => story.push('next'));
  await time.runUntilIdle();
  expect(story).toEqual(['chain', 'next']);
});

test('runFor moves time by exactly its duration, whether or not something happened', async () => {
  const time = new VirtualTime({ seed: 1 });
  let count = 0;
  const again = (): void => {
    count++;
    time.after(10, again);
  };
  again();
  await time.runFor(95);
  expect([time.nowMs, count, time.pendingEvents]).toEqual([95, 10, 1]);
});

test('runUntil stops at the event that makes its condition true, or at its limit', async () => {
  const time = new VirtualTime({ seed: 1 });
  let done = false;
  time.after(30, () => (done = true));
  time.after(40, () => undefined);
  expect(await time.runUntil(() => done, 20)).toBe(false);
  expect(time.nowMs).toBe(20);
  expect(await time.runUntil(() => done, 20)).toBe(true);
  expect(time.nowMs).toBe(30);
});

test('complete answers as its promise does, and refuses one that does not settle in time', async () => {
  const time = new VirtualTime({ seed: 1 });
  const { timers } = time.node('a');
  const sleep = async (delayMs: number): Promise<void> => new Promise((resolve) => void timers.after(delayMs, resolve));
  expect(
    await time.complete(
      sleep(5).then(() => 'done'),
      10,
    ),
  ).toBe('done');
  const failing = sleep(5).then(async () => Promise.reject(new RangeError('no')));
  await expect(time.complete(failing, 10)).rejects.toThrow(RangeError);
  await expect(time.complete(sleep(50), 10)).rejects.toThrow(LivelockError);
});

test('a world that never comes to an end is an error, at one instant and over time', async () => {
  const still = new VirtualTime({ seed: 1, instantStepsLimit: 50 });
  const spin = (): void => void still.after(0, spin);
  spin();
  await expect(still.runUntilIdle()).rejects.toThrow('51 events at 0 ms of virtual time and no end');

  const moving = new VirtualTime({ seed: 1, stepsLimit: 50 });
  const tick = (): void => void moving.after(1, tick);
  tick();
  await expect(moving.runUntilIdle()).rejects.toThrow('50 events in one run');
});

test('what an event throws reaches whoever runs the world', async () => {
  const time = new VirtualTime({ seed: 1 });
  time.after(1, () => {
    throw new RangeError('broken');
  });
  await expect(time.runUntilIdle()).rejects.toThrow('broken');
});

test('the heap gives back what a sorted list would, under any order of adding and removing', () => {
  const operation = fc.oneof(
    fc.record({ add: fc.integer({ min: 0, max: 20 }) }),
    fc.record({ remove: fc.nat(1000) }),
    fc.constant({ pop: true as const }),
  );
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
      const heap = new EventHeap();
      let model: HeapEvent[] = [];
      const removed: HeapEvent[] = [];
      const drop = (event: HeapEvent): void => {
        heap.remove(event);
        model = model.filter((other) => other !== event);
        removed.push(event);
      };
      operations.forEach((each, sequence) => {
        if ('add' in each) {
          const event = { atMs: each.add, tie: each.add % 3, sequence, run: () => undefined, slot: -1 };
          heap.add(event);
          model.push(event);
          model.sort((left, right) => left.atMs - right.atMs || left.sequence - right.sequence);
        } else if ('remove' in each) {
          const event = model[each.remove % Math.max(1, model.length)];
          if (event !== undefined) drop(event);
          const gone = removed[each.remove % Math.max(1, removed.length)];
          if (gone !== undefined) heap.remove(gone);
        } else {
          const event = heap.first();
          expect(event).toBe(model[0] ?? null);
          if (event !== null) drop(event);
        }
        expect([heap.size, heap.first()]).toEqual([model.length, model[0] ?? null]);
      });
    }),
  );
});
