import { expect, test } from '@jest/globals';
import { toLogIndex } from '@holdfast/base';
import fc from 'fast-check';
import { toMemberId } from './ids.ts';
import { Inflight } from './inflight.ts';
import { Progress } from './progress.ts';

const limits = { messagesMax: 3, bytesMax: 100 };
const fresh = (next: number): Progress => new Progress(toMemberId(2), toLogIndex(next), limits);

test('what is under way is counted like a plain list would', () => {
  const action = fc.oneof(
    fc.record({ kind: fc.constant('send' as const), count: fc.integer({ min: 1, max: 4 }), bytes: fc.nat(60) }),
    fc.record({ kind: fc.constant('acknowledge' as const), count: fc.nat(6), bytes: fc.constant(0) }),
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 400 }), (actions) => {
      const inflight = new Inflight(limits);
      let list: { last: number; bytes: number }[] = [];
      let last = 0;
      let acknowledged = 0;
      for (const { kind, count, bytes } of actions) {
        if (kind === 'send') {
          last += count;
          inflight.add(toLogIndex(last), bytes);
          list.push({ last, bytes });
        } else {
          acknowledged = Math.min(last, acknowledged + count);
          inflight.acknowledge(toLogIndex(acknowledged));
          list = list.filter((each) => each.last > acknowledged);
        }
        const sum = list.reduce((total, each) => total + each.bytes, 0);
        expect([inflight.messages, inflight.bytes]).toEqual([list.length, sum]);
        expect(inflight.isFull).toBe(list.length >= 3 || sum >= 100);
      }
    }),
  );
});

test('a probe is one append at a time; what agreed goes on without waiting, within its bounds', () => {
  const progress = fresh(5);
  progress.noteSent(toLogIndex(8), 10);
  expect([progress.isPaused, progress.next]).toEqual([true, 5]);
  progress.noteMatch(toLogIndex(8));
  progress.becomeReplicate();
  expect([progress.isPaused, progress.next]).toEqual([false, 9]);
  for (const last of [9, 10, 11]) progress.noteSent(toLogIndex(last), 1);
  expect([progress.isPaused, progress.next]).toEqual([true, 12]);
  progress.noteMatch(toLogIndex(10));
  expect([progress.isPaused, progress.inflight.messages]).toEqual([false, 1]);
});

test('a rejection that was overtaken changes nothing, and one that counts goes back behind what is known', () => {
  const progress = fresh(10);
  expect(progress.noteRejection(toLogIndex(7), toLogIndex(3))).toBe(false);
  expect(progress.noteRejection(toLogIndex(9), toLogIndex(3))).toBe(true);
  expect(progress.next).toBe(3);
  progress.noteMatch(toLogIndex(4));
  progress.becomeReplicate();
  progress.noteSent(toLogIndex(9), 5);
  expect(progress.noteRejection(toLogIndex(4), toLogIndex(1))).toBe(false);
  expect(progress.noteRejection(toLogIndex(9), toLogIndex(1))).toBe(true);
  expect([progress.state, progress.next, progress.inflight.messages]).toEqual(['probe', 5, 0]);
});

test('a rejection always leads further back, so that a search ends', () => {
  const progress = fresh(10);
  progress.noteRejection(toLogIndex(9), toLogIndex(10));
  expect(progress.next).toBe(9);
});

test('behind a snapshot the log goes on even when the answer to it was lost', () => {
  const progress = fresh(1);
  progress.becomeSnapshot(toLogIndex(40));
  expect(progress.isPaused).toBe(true);
  progress.becomeProbe();
  expect(progress.next).toBe(41);
});

test('a follower that says it lost entries is not counted for them any more', () => {
  const progress = fresh(1);
  progress.noteMatch(toLogIndex(20));
  progress.becomeReplicate();
  progress.noteLoss(toLogIndex(15));
  expect([progress.match, progress.next, progress.state, progress.mustProbe]).toEqual([15, 16, 'probe', true]);
});
