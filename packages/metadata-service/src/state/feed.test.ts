import { expect, test } from '@jest/globals';
import { changesAfter } from './feed.ts';
import { MetadataMachine } from './machine.ts';
import { change } from './query.ts';
import { stateLimits } from './state-limits.ts';
import { stateProblems } from './state-problems.ts';
import { entryOf, inMemory, poolCommand, Story, volumeCommand } from './state-testing.ts';

function storyWithVolumes(count: number): Story {
  const story = new Story();
  story.do(poolCommand('pool'));
  for (let at = 0; at < count; at++) story.do(volumeCommand(`v${at}`));
  return story;
}

test('a watcher that reads on from where it was hears of each change once, in whole revisions', () => {
  const story = storyWithVolumes(5);
  story.do({ kind: 'deleteVolume', volume: 'v0' });
  story.do({ kind: 'addDevice', pool: 'pool', device: 'disk', extents: 10 });
  const { database } = story.machine;
  const heard: string[] = [];
  for (let revision = 0, turns = 0; revision < story.machine.applied; turns++) {
    expect(turns).toBeLessThan(10);
    const told = changesAfter(database, revision, 1);
    for (const { kind, key, isDeleted } of told.changes) heard.push(`${isDeleted ? '-' : '+'}${kind} ${key}`);
    revision = told.revision;
  }
  const volumes = ['v0', 'v1', 'v2', 'v3', 'v4'].map((volume) => `+volume ${volume}`);
  expect(heard).toEqual(['+pool pool', ...volumes, '-volume v0', '+device disk', '+pool pool']);
  expect(changesAfter(database, 0, 100).changes).toHaveLength(heard.length);
});

test('who has heard everything is told so, also where entries changed nothing', () => {
  const { machine } = storyWithVolumes(1);
  machine.apply([entryOf({ kind: 'deleteVolume', volume: 'none' }, { index: machine.applied + 1 })]);
  expect(changesAfter(machine.database, machine.applied - 1, 10)).toEqual({ changes: [], revision: machine.applied });
});

test('past the limit the oldest revisions are forgotten, and who asks for them is told to list again', async () => {
  const story = storyWithVolumes(40);
  // As many as there may be, without making them.
  story.machine.database.run(change('UPDATE cluster SET changes = ?'), stateLimits.changes);
  const machine = MetadataMachine.open(inMemory);
  await machine.install(story.machine.snapshot());
  machine.apply([entryOf(volumeCommand('last'), { index: machine.applied + 1 })]);
  const compacted = stateLimits.changesPerCommand;
  expect(() => changesAfter(machine.database, compacted - 1, 10)).toThrow(
    expect.objectContaining({ code: 'REVISION_COMPACTED' }),
  );
  const [first] = changesAfter(machine.database, compacted, 10).changes;
  expect(first?.revision).toBe(compacted + 1);
  const counted = `${stateLimits.changes + 1 - compacted} are counted`;
  expect(stateProblems(machine.database)).toEqual([expect.stringContaining(counted)]);
});
