import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { isOpError } from '@holdfast/base';
import { CheckpointThread, type Checkpointer, type CheckpointOutcome } from './checkpointer.ts';
import type { CheckpointLimits } from './checkpoints.ts';
import { checkpointFile } from './database.ts';
import { MetadataMachine } from './machine.ts';
import { entryOf, files, inMemory, inTemporaryDirectory, readAll, sourceOf } from './state-testing.ts';
import { poolCommand, Story, volumeCommand } from './state-testing.ts';

/** Processes and fsyncs of a real disk take long on a busy machine. */
const limitMs = 60_000;
const attributes = 'x'.repeat(2_000);

/** Checkpoints that a test carries out, or does not, when it wants to. */
class CheckpointsByHand implements Checkpointer {
  readonly path: string;
  begun = 0;
  waited = 0;
  outcome: CheckpointOutcome | null = null;

  constructor(path: string) {
    this.path = path;
  }

  begin(): void {
    this.begun++;
  }
  poll(): CheckpointOutcome | null {
    const { outcome } = this;
    this.outcome = null;
    return outcome;
  }
  wait(): CheckpointOutcome {
    this.waited++;
    this.carryOut();
    return this.poll() ?? { isOk: false, isDiskFull: false, reason: 'nothing was begun' };
  }
  close(): void {
    this.begun = -1;
  }

  carryOut(): void {
    this.outcome ??= { isOk: true, frames: checkpointFile(this.path) };
  }
  fail(isDiskFull: boolean): void {
    this.outcome = { isOk: false, isDiskFull, reason: 'SQLITE_IOERR_FSYNC: of a test' };
  }
}

interface ByHand {
  readonly story: Story;
  readonly hand: CheckpointsByHand;
  readonly path: string;
}

function byHand(directory: string, checkpointLimits: Partial<CheckpointLimits> = { waitingBytes: 1 }): ByHand {
  const path = join(directory, 'state.db');
  const hand = new CheckpointsByHand(path);
  const story = new Story({ path, files, checkpointLimits, openCheckpointer: () => hand });
  story.do(poolCommand('pool', { oversubscriptionPercent: 0 }));
  return { story, hand, path };
}

/** A commit of some kilobytes. */
function commitSome({ machine, log }: Story, count = 1): void {
  for (let at = 0; at < count; at++) {
    const index = machine.applied + 1;
    const entry = entryOf(volumeCommand(`volume ${index}`, { attributes }), { index });
    machine.apply([entry]);
    log.push(entry);
    machine.keep();
  }
}

function expectSame(machine: MetadataMachine, { log }: Story): void {
  const reference = MetadataMachine.open(inMemory);
  reference.apply(log.slice(0, machine.applied));
  expect([machine.applied, machine.hash()]).toEqual([reference.applied, reference.hash()]);
}

function codeOf(work: () => void): string | null {
  try {
    work();
    return null;
  } catch (error) {
    if (!isOpError(error)) throw error;
    return error.code;
  }
}

test(
  'a thread of its own brings into the file what is committed without a pause, and the write-ahead log stays short',
  () =>
    inTemporaryDirectory((directory) => {
      const path = join(directory, 'state.db');
      const [waitingBytes, walBytes, besideBytes] = [20_000, 400_000, 400_000];
      const story = new Story({ path, files, checkpointLimits: { waitingBytes, walBytes, besideBytes } });
      story.do(poolCommand('pool', { oversubscriptionPercent: 0 }));
      const seen = new Set<number>();
      let longestBytes = 0;
      for (let at = 0; at < 400; at++) {
        commitSome(story);
        longestBytes = Math.max(longestBytes, statSync(`${path}-wal`).size);
        seen.add(story.machine.durable);
        expect(story.machine.durable).toBeLessThanOrEqual(story.machine.applied);
      }
      expect(longestBytes).toBeGreaterThan(walBytes);
      // Up to where it is to begin anew, beside the checkpoint before the last, beside what little comes with the last.
      expect(longestBytes).toBeLessThan(walBytes + 2 * besideBytes + 100_000);
      expect(seen.size).toBeGreaterThan(2);
      expectSame(story.machine, story);
      story.machine.checkpoint();
      expect(story.machine.durable).toBe(story.machine.applied);
      story.machine.close();
      const again = MetadataMachine.open({ path, files });
      expectSame(again, story);
      again.close();
    }),
  limitMs,
);

test('what is durable is in the file, without its write-ahead log', () =>
  inTemporaryDirectory((directory) => {
    const { story, hand, path } = byHand(directory);
    let told = story.machine.durable;
    for (let at = 0; at < 10; at++) {
      commitSome(story);
      hand.carryOut();
      story.machine.keep();
      expect(story.machine.durable).toBe(story.machine.applied);
      expect(story.machine.durable).toBeGreaterThan(told);
      told = story.machine.durable;
      const copy = join(directory, `copy ${at}.db`);
      const file = files.open(copy, 'create-new');
      file.pwrite(readFileSync(path), 0);
      file.close();
      const cut = MetadataMachine.open({ path: copy, files });
      expect(cut.applied).toBe(told);
      expectSame(cut, story);
      cut.close();
    }
    story.machine.close();
  }));

test('a checkpoint beside which something was committed makes nothing durable, because SQLite leaves its sync to a later one', () =>
  inTemporaryDirectory((directory) => {
    const { story, hand, path } = byHand(directory);
    commitSome(story);
    const { durable, applied } = story.machine;
    const frames = checkpointFile(path);
    commitSome(story);
    hand.outcome = { isOk: true, frames };
    story.machine.keep();
    expect([story.machine.durable, story.machine.applied]).toEqual([durable, applied + 1]);
    hand.carryOut();
    story.machine.keep();
    expect(story.machine.durable).toBe(applied + 1);
    story.machine.close();
  }));

test('who commits faster than the disk takes it waits for a checkpoint at a bound, and the write-ahead log begins anew', () =>
  inTemporaryDirectory((directory) => {
    const limits = { waitingBytes: 1, walBytes: 200_000, besideBytes: 300_000 };
    const { story, hand, path } = byHand(directory, limits);
    commitSome(story);
    expect(hand.begun).toBe(1);
    const sizes: number[] = [];
    for (let at = 0; at < 100; at++) {
      commitSome(story);
      sizes.push(statSync(`${path}-wal`).size);
    }
    expect(hand.waited).toBeGreaterThan(1);
    expect(Math.max(...sizes)).toBeLessThan(limits.walBytes + 2 * limits.besideBytes + 100_000);
    expectSame(story.machine, story);
    story.machine.close();
  }));

test('a checkpoint without room refuses what is kept until one has it, and nothing of the state is lost', () =>
  inTemporaryDirectory((directory) => {
    const { story, hand, path } = byHand(directory);
    commitSome(story);
    for (let at = 0; at < 3; at++) {
      hand.fail(true);
      expect(codeOf(() => commitSome(story))).toBe('STATE_DISK_FULL');
      expect(hand.begun).toBe(2 + at);
    }
    // One is under way, and until it has ended there is no word of room.
    expect(codeOf(() => story.machine.keep())).toBe('STATE_DISK_FULL');
    hand.carryOut();
    expect(codeOf(() => story.machine.keep())).toBe(null);
    commitSome(story);
    story.machine.close();
    const again = MetadataMachine.open({ path, files });
    expect(again.applied).toBe(story.machine.applied);
    again.close();
  }));

test('behind a checkpoint that failed there is no other one, also none of the end', () =>
  inTemporaryDirectory((directory) => {
    const { story, hand, path } = byHand(directory);
    commitSome(story, 3);
    hand.fail(false);
    const { begun } = hand;
    for (let at = 0; at < 3; at++) expect(codeOf(() => story.machine.keep())).toBe('STATE_DATABASE_FAILED');
    expect(codeOf(() => story.machine.checkpoint())).toBe('STATE_DATABASE_FAILED');
    expect(codeOf(() => story.machine.snapshot())).toBe('STATE_DATABASE_FAILED');
    expect([hand.begun, hand.waited]).toEqual([begun, 0]);
    const before = readFileSync(path);
    story.machine.close();
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(existsSync(`${path}-wal`)).toBe(true);
    const again = MetadataMachine.open({ path, files });
    expectSame(again, story);
    again.close();
  }));

test('an image and an install wait for the checkpoint that is under way', () =>
  inTemporaryDirectory(async (directory) => {
    const { story, hand } = byHand(directory);
    commitSome(story);
    const image = readAll(story.machine.snapshot());
    expect(hand.waited).toBe(1);
    const hash = story.machine.hash();
    commitSome(story);
    expect(story.machine.hash()).not.toBe(hash);
    await story.machine.install(sourceOf(image));
    expect(hand.waited).toBe(2);
    expect([story.machine.hash(), story.machine.durable]).toEqual([hash, story.machine.applied]);
    const { begun } = hand;
    story.machine.apply([entryOf(volumeCommand('behind'), { index: story.machine.applied + 1 })]);
    story.machine.keep();
    expect(hand.begun).toBe(begun + 1);
    hand.carryOut();
    story.machine.keep();
    expect(story.machine.durable).toBe(story.machine.applied);
    story.machine.close();
  }));

test('while an image is read no checkpoint is begun', () =>
  inTemporaryDirectory((directory) => {
    const { story, hand } = byHand(directory);
    const source = story.machine.snapshot();
    commitSome(story, 5);
    expect(hand.begun).toBe(0);
    source.close();
    commitSome(story);
    expect(hand.begun).toBe(1);
    story.machine.close();
  }));

test('the thread says why it could not do it, and opens no file for good', () =>
  inTemporaryDirectory((directory) => {
    const lost = new CheckpointThread(join(directory, 'none.db'));
    lost.begin();
    expect(lost.wait()).toMatchObject({
      isOk: false,
      isDiskFull: false,
      reason: expect.stringMatching(/^SQLITE_CANTOPEN/),
    });
    lost.close();
    const { story, path } = byHand(directory);
    const thread = new CheckpointThread(path);
    const openFiles = (): number => files.readdir('/proc/self/fd').length;
    const checkpoint = (): CheckpointOutcome => {
      commitSome(story);
      thread.begin();
      return thread.wait();
    };
    const first = checkpoint();
    expect(first).toMatchObject({ isOk: true, frames: { isBusy: false } });
    const before = openFiles();
    for (let at = 0; at < 20; at++) expect(checkpoint()).toMatchObject({ isOk: true });
    expect(openFiles()).toBe(before);
    thread.close();
    story.machine.close();
  }));
