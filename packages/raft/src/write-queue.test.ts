import { expect, test } from '@jest/globals';
import { toLogIndex } from '@holdfast/base';
import fc from 'fast-check';
import type { StorageWrite } from './effects.ts';
import { noIndex } from './ids.ts';
import type { Message } from './message.ts';
import { WriteQueue } from './write-queue.ts';

const write = (ticket: number, truncateAfter: number | null): StorageWrite => ({
  ticket,
  vote: null,
  snapshot: null,
  truncateAfter: truncateAfter === null ? null : toLogIndex(truncateAfter),
  entries: [],
  repairs: [],
  commit: null,
  purgeTo: null,
  isSettled: false,
});
const message = (term: number): Message => ({ kind: 'term-notice', term }) as Message;

test('an entry that was written, cut off and appended anew is durable only with its second write', () => {
  const queue = new WriteQueue(toLogIndex(4), noIndex);
  queue.add(write(1, null), toLogIndex(5), []);
  queue.add(write(2, 4), toLogIndex(4), []);
  queue.add(write(3, null), toLogIndex(5), []);
  const durable: number[] = [];
  for (const ticket of [1, 2, 3]) {
    queue.acknowledge(ticket);
    durable.push(queue.durableIndex);
  }
  expect(durable).toEqual([4, 4, 5]);
});

test('what is called durable is what every later crash leaves, whatever of the writes under way reached the disk', () => {
  const step = fc.record({ cut: fc.option(fc.nat(6)), appended: fc.nat(3), isAcknowledged: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const queue = new WriteQueue(noIndex, noIndex);
      // A log as a list of ids, so that an entry which came back is another one.
      let id = 0;
      let log: number[] = [];
      let disks: number[][] = [[]];
      for (const { cut, appended, isAcknowledged } of steps) {
        const kept = cut === null ? log.length : Math.min(cut, log.length);
        log = [...log.slice(0, kept), ...Array.from({ length: appended }, () => ++id)];
        queue.add(write(queue.nextTicket, cut === null ? null : kept), toLogIndex(log.length), []);
        disks.push(log);
        if (isAcknowledged) {
          queue.acknowledge(queue.nextTicket - disks.length + 1);
          disks = disks.slice(1);
        }
        const durable = queue.durableIndex;
        for (const disk of disks) expect(disk.slice(0, durable)).toEqual(log.slice(0, durable));
      }
    }),
  );
});

test('what waits for a write is said with its acknowledgement, in order, and one acknowledgement may answer for several', () => {
  const queue = new WriteQueue(noIndex, noIndex);
  expect(queue.defer([message(0)])).toBe(false);
  queue.add(write(1, null), toLogIndex(1), [message(1)]);
  queue.add(write(2, null), toLogIndex(2), [message(2)]);
  expect(queue.defer([message(3)])).toBe(true);
  queue.add(write(3, null), toLogIndex(3), [message(4)]);
  expect(queue.acknowledge(2).map(({ term }) => term)).toEqual([1, 2, 3]);
  expect([queue.isPending(2), queue.isPending(3), queue.isPending(4)]).toEqual([false, true, false]);
  expect(queue.durableIndex).toBe(2);
});

test('a commit index counts as durable with the write that carries it, and one without any leaves it', () => {
  const queue = new WriteQueue(toLogIndex(4), toLogIndex(2));
  const commits = [null, toLogIndex(3), toLogIndex(4)];
  for (const commit of commits) queue.add({ ...write(queue.nextTicket, null), commit }, toLogIndex(4), []);
  const durable = [0, 1, 3].map((ticket) => {
    if (ticket > 0) queue.acknowledge(ticket);
    return queue.durableCommit;
  });
  expect(durable).toEqual([2, 2, 4]);
});
