import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import type { LogIndex } from '@holdfast/base';
import { VirtualTime, type VirtualNode } from '@holdfast/base/internal';
import { hashBeside, hashedRowsPerTurn, type HashedState } from './hash-beside.ts';
import {
  files,
  inMemory,
  inTemporaryDirectory,
  poolCommand,
  readAll,
  sourceOf,
  Story,
  volumeCommand,
} from './state/state-testing.ts';

const volumes = 4_000;
const longMs = 60_000;

function largeStory(options: ConstructorParameters<typeof Story>[0]): Story {
  const story = new Story(options);
  story.do(poolCommand('pool'));
  for (let at = 0; at < volumes; at++) story.do(volumeCommand(`v${at}`));
  return story;
}

/** A member that hashes its state and goes on applying. */
class Member {
  readonly story: Story;
  readonly time = new VirtualTime({ seed: 1 });
  readonly node: VirtualNode = this.time.node('member');
  readonly aborter = new AbortController();
  /** Of the call's time. */
  leftMs = Infinity;
  hashed: HashedState | null = null;
  error: unknown = null;

  constructor(story: Story) {
    this.story = story;
  }

  get stands(): { readonly applied: LogIndex; readonly hash: string } {
    const { machine } = this.story;
    return { applied: machine.applied, hash: machine.hash() };
  }

  begin(): void {
    const { signal } = this.aborter;
    void hashBeside(this.story.machine, this.node.timers, { signal, remainingMs: () => this.leftMs }).then(
      (hashed) => (this.hashed = hashed),
      (error: unknown) => (this.error = error),
    );
  }

  async end(): Promise<HashedState | null> {
    await this.time.runUntil(() => this.hashed !== null, longMs);
    return this.hashed;
  }
}

test.each(['in memory', 'in a file'])('a state %s is hashed as it was, and goes on meanwhile', (where) =>
  inTemporaryDirectory(async (directory) => {
    const member = new Member(
      largeStory(where === 'in memory' ? inMemory : { path: join(directory, 'state.db'), files }),
    );
    const { story, stands, time } = member;
    member.begin();
    let made = 0;
    while (member.hashed === null) {
      // What has no room in a page's cache is in the file, and not committed.
      story.do(volumeCommand(`w${made++}`));
      if (made % 8 === 0) story.machine.keep();
      await time.runFor(1);
    }
    expect(member.hashed).toEqual(stands);
    expect(made).toBeGreaterThan(volumes / hashedRowsPerTurn);
    expect(member.stands.hash).not.toBe(stands.hash);
    story.machine.close();
  }),
);

test('a hash waits while an image is read, and an image is not made while a hash is', () =>
  inTemporaryDirectory(async (directory) => {
    const member = new Member(largeStory({ path: join(directory, 'state.db'), files }));
    const { story, stands, time } = member;
    const source = story.machine.snapshot();
    member.begin();
    await time.runFor(longMs);
    expect(member.hashed).toBeNull();
    source.close();
    await time.runUntil(() => isBusy(story), longMs);
    expect(() => story.machine.snapshot()).toThrow(expect.objectContaining({ code: 'STATE_IMAGE_BUSY' }));
    expect(await member.end()).toEqual(stands);
    expect(isBusy(story)).toBe(false);
    story.machine.close();
  }));

test('a state that is replaced while it is hashed is hashed anew', () =>
  inTemporaryDirectory(async (directory) => {
    const member = new Member(largeStory({ path: join(directory, 'state.db'), files }));
    const { story, time } = member;
    const other = new Story();
    other.do(poolCommand('another'));
    member.begin();
    await time.runFor(2);
    await story.machine.install(sourceOf(readAll(other.machine.snapshot())));
    expect(await member.end()).toEqual({ applied: other.machine.applied, hash: other.machine.hash() });
    story.machine.close();
  }));

test('nothing is left open behind a caller who has gone, or a member that ends', () =>
  inTemporaryDirectory(async (directory) => {
    const member = new Member(largeStory({ path: join(directory, 'state.db'), files }));
    const { story, time } = member;
    member.begin();
    await time.runFor(2);
    expect(isBusy(story)).toBe(true);
    member.aborter.abort();
    await time.settle();
    expect(member.error).toMatchObject({ code: 'CANCELLED' });
    expect(isBusy(story)).toBe(false);
    const late = new Member(story);
    late.begin();
    await late.time.runFor(2);
    expect(isBusy(story)).toBe(true);
    late.leftMs = 0;
    await late.time.runUntil(() => late.error !== null, longMs);
    expect(late.error).toMatchObject({ code: 'TIMED_OUT' });
    expect(isBusy(story)).toBe(false);
    const hashing = story.machine.hashing();
    hashing.next(1);
    story.machine.close();
    expect(() => hashing.next(1)).toThrow(expect.objectContaining({ code: 'STATE_IMAGE_BUSY' }));
  }));

function isBusy(story: Story): boolean {
  try {
    story.machine.hashing().close();
    return false;
  } catch (error) {
    expect(error).toMatchObject({ code: 'STATE_IMAGE_BUSY' });
    return true;
  }
}
