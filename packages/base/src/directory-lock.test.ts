import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { DirectoryLock } from './directory-lock.ts';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'authority-lock-'));
});
afterEach(async () => rm(directory, { recursive: true }));

test('only one holds the lock at a time, and everybody who waits gets a turn', async () => {
  let holders = 0;
  let turns = 0;
  const takeTurn = async (): Promise<void> => {
    const lock = await DirectoryLock.take(directory, 'authority');
    holders += 1;
    expect(holders).toBe(1);
    await new Promise<void>((resolve) => process.nextTick(resolve));
    expect(holders).toBe(1);
    holders -= 1;
    turns += 1;
    lock.release();
  };
  await Promise.all(Array.from({ length: 20 }, takeTurn));
  expect(turns).toBe(20);
});

test('locks of different authorities have nothing to do with each other', async () => {
  const other = await mkdtemp(join(tmpdir(), 'authority-lock-'));
  const first = await DirectoryLock.take(directory, 'authority');
  const second = await DirectoryLock.take(other, 'authority');
  first.release();
  second.release();
  await rm(other, { recursive: true });
});
