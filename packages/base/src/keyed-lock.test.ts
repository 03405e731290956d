import { expect, test } from '@jest/globals';
import { KeyedLock } from './keyed-lock.ts';

const pending = {
  code: 'OPERATION_PENDING',
  kind: 'aborted',
  message: 'an operation on the volume v1 is under way already',
};

test('the second caller of a key is told at once, and another key is free', () => {
  const locks = new KeyedLock('volume');
  const release = locks.lock('v1');
  expect(() => locks.lock('v1')).toThrow(expect.objectContaining(pending));
  locks.lock('v2');
  release();
  locks.lock('v1');
  expect(locks.isHeld('v1')).toBe(true);
});

test('a second release does not open the next holder’s lock', () => {
  const locks = new KeyedLock('volume');
  const release = locks.lock('v1');
  release();
  locks.lock('v1');
  release();
  expect(() => locks.lock('v1')).toThrow(expect.objectContaining(pending));
});

test('run holds the lock until its work has ended, however it ends', async () => {
  const locks = new KeyedLock('volume');
  const { promise, reject } = Promise.withResolvers<never>();
  const run = locks.run('v1', () => promise);
  await expect(locks.run('v1', () => Promise.resolve())).rejects.toMatchObject(pending);
  reject(new RangeError('disk is gone'));
  await expect(run).rejects.toThrow('disk is gone');
  expect(locks.isHeld('v1')).toBe(false);
  await expect(locks.run('v1', () => Promise.resolve('done'))).resolves.toBe('done');
});

test('work that throws before its first await gives the lock back too', async () => {
  const locks = new KeyedLock('volume');
  const run = locks.run('v1', () => {
    throw new RangeError('at once');
  });
  await expect(run).rejects.toThrow('at once');
  expect(locks.isHeld('v1')).toBe(false);
});
