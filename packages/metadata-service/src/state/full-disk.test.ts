// A disk without room for the state. Here the limit of SQLite's own pages stands for it; on a disk that is full the process's
// suite is `make e2e SUITE=metadata`.
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { isOpError } from '@holdfast/base';
import { MetadataMachine } from './machine.ts';
import { State } from './state.ts';
import { StateDatabase } from './database.ts';
import { entryOf, files, inMemory, inTemporaryDirectory, poolCommand, Story, volumeCommand } from './state-testing.ts';

const attributes = 'x'.repeat(2_000);
const plenty = 'PRAGMA max_page_count = 1000000';
/** SQLite takes the number of pages that there are for it. */
const nothingMore = 'PRAGMA max_page_count = 1';

/** Volumes of two kilobytes until there is no room for another; how many there are then. */
function fill(story: Story): number {
  for (let at = 0; ; at++) {
    const entry = entryOf(volumeCommand(`big ${at}`, { attributes }), { index: story.machine.applied + 1 });
    try {
      story.machine.apply([entry]);
    } catch (error) {
      if (!isOpError(error) || error.code !== 'STATE_DISK_FULL') throw error;
      return at;
    }
    story.log.push(entry);
    expect(at).toBeLessThan(1_000);
  }
}

/** The state that the same entries make where there is room. */
function expectSame(story: Story): void {
  const reference = MetadataMachine.open(inMemory);
  reference.apply(story.log);
  expect([story.machine.applied, story.machine.hash()]).toEqual([reference.applied, reference.hash()]);
}

test('what there is no room for leaves nothing of itself, and takes nothing of what was applied before and not kept', () =>
  inTemporaryDirectory((directory) => {
    const options = { path: join(directory, 'state.db'), files };
    const story = new Story(options);
    story.do(poolCommand('pool', { oversubscriptionPercent: 0 }));
    story.machine.keep();
    const kept = story.machine.applied;
    for (let at = 0; at < 10; at++) story.do(volumeCommand(`volume ${at}`));
    const { database } = story.machine;
    database.define(nothingMore);
    fill(story);
    expectSame(story);
    // SQLite took back everything since the last commit, and it was applied again: nobody else sees it.
    const reader = new StateDatabase({ path: options.path, isReadOnly: true });
    expect(State.read(reader).applied).toBe(kept);
    reader.close();
    fill(story);
    expectSame(story);
    database.define(plenty);
    for (let at = 0; at < 50; at++) story.do(volumeCommand(`later ${at}`, { attributes }));
    expectSame(story);
    const hash = story.machine.hash();
    story.machine.close();
    const again = MetadataMachine.open(options);
    expect(again.hash()).toBe(hash);
    again.close();
  }));

test('what was applied is kept without room for more, and a state without room is closed as any other', () =>
  inTemporaryDirectory((directory) => {
    const options = { path: join(directory, 'state.db'), files };
    const story = new Story(options);
    story.do(poolCommand('pool', { oversubscriptionPercent: 0 }));
    story.machine.database.define(nothingMore);
    fill(story);
    story.machine.keep();
    fill(story);
    expectSame(story);
    const { applied } = story.machine;
    story.machine.close();
    const again = MetadataMachine.open(options);
    expect(again.applied).toBe(applied);
    again.close();
  }));

test('what waits to be written and finds no room is not lost: whoever looks hears of it until there is room', () =>
  inTemporaryDirectory((directory) => {
    const story = new Story({ path: join(directory, 'state.db'), files });
    story.do(poolCommand('pool'));
    story.machine.keep();
    const { database } = story.machine;
    database.define(nothingMore);
    for (let at = 0; at < 10; at++) {
      story.do({ kind: 'setSetting', name: `setting ${at}`, value: attributes, by: 'ada', atMs: 0 });
    }
    const { applied } = story.machine;
    const looks = [() => story.machine.hash(), () => story.machine.keep(), () => State.read(database)];
    for (const look of [...looks, ...looks]) {
      expect(look).toThrow(expect.objectContaining({ code: 'STATE_DISK_FULL' }));
      expect(story.machine.applied).toBe(applied);
    }
    database.define(plenty);
    expectSame(story);
    story.machine.close();
  }));
