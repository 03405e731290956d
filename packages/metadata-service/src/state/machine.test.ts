import { expect, test } from '@jest/globals';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LogIndex } from '@holdfast/base';
import { commands } from './commands.ts';
import { StateDatabase } from './database.ts';
import { MetadataMachine } from './machine.ts';
import { knownVersion, schemaSteps } from './schema.ts';
import { entryOf, files, inMemory, inTemporaryDirectory, nodeCommand, poolCommand, readAll } from './state-testing.ts';
import { State } from './state.ts';
import { becomeDurable, sourceOf, Story, versionEntry, volumeCommand } from './state-testing.ts';

/** A state with something in most tables. */
function someStory(story = new Story()): Story {
  story.do(poolCommand('pool'));
  story.do({ kind: 'addDevice', pool: 'pool', device: 'disk', extents: 10_000 });
  for (let at = 0; at < 20; at++) story.do(volumeCommand(`volume ${at}`));
  const { session, agent } = story.do<'registerNode'>(nodeCommand('node'));
  story.do({ kind: 'publish', volume: 'volume 1', node: 'node', mode: 'write' });
  const grant = { session, agent, volume: 'volume 1', epoch: 1 };
  story.do({ kind: 'allocate', ...grant, extents: 10 });
  const entry = { logical: 3, length: 4, device: 1, start: 0, expect: null };
  story.do({ kind: 'convert', ...grant, revision: 0, entries: [entry] });
  return story;
}

test('the same log gives the same state, in whatever batches it is applied and wherever it is kept', () =>
  inTemporaryDirectory((directory) => {
    const { machine, log } = someStory();
    for (const size of [1, 3, 7, log.length]) {
      const other = MetadataMachine.open({ path: join(directory, `${size}.db`), files });
      for (let at = 0; at < log.length; at += size) other.apply(log.slice(at, at + size));
      expect(other.dump()).toBe(machine.dump());
      expect(other.hash()).toBe(machine.hash());
      other.close();
    }
  }));

test('another state has another hash', () => {
  const { machine, log } = someStory();
  const other = MetadataMachine.open(inMemory);
  other.apply(log.slice(0, -1));
  expect(other.hash()).not.toBe(machine.hash());
});

test('a state is there again when it is opened again, and goes on where it was', () =>
  inTemporaryDirectory((directory) => {
    const options = { path: join(directory, 'state.db'), files };
    const story = someStory(new Story(options));
    const [hash, applied] = [story.machine.hash(), story.machine.applied];
    story.machine.close();
    const again = MetadataMachine.open(options);
    expect([again.hash(), again.applied, again.durable]).toEqual([hash, applied, applied]);
    again.apply([entryOf(volumeCommand('another'), { index: applied + 1 })]);
    again.close();
  }));

test('an image is the state of the moment at which it was begun, while commands are applied beside it', () =>
  inTemporaryDirectory(async (directory) => {
    const story = someStory(
      new Story({ path: join(directory, 'state.db'), files, checkpointLimits: { waitingBytes: 1 } }),
    );
    const [hash, applied] = [story.machine.hash(), story.machine.applied];
    const source = story.machine.snapshot();
    const parts: Uint8Array[] = [];
    for (let part = source.read(5_000); part !== null; part = source.read(5_000)) {
      parts.push(Uint8Array.from(part));
      story.do(volumeCommand(`beside ${parts.length}`));
    }
    source.close();
    const other = MetadataMachine.open({ path: join(directory, 'other.db'), files });
    await other.install(sourceOf(Buffer.concat(parts)));
    expect([other.hash(), other.applied]).toEqual([hash, applied]);
    other.apply(story.log.slice(applied));
    expect(other.hash()).toBe(story.machine.hash());
    // Behind the image, what was applied beside it becomes durable as always.
    story.do(volumeCommand('behind'));
    await becomeDurable(story.machine);
    story.machine.close();
    other.close();
  }));

test('an image goes from a disk into memory and back', () =>
  inTemporaryDirectory(async (directory) => {
    const story = someStory(new Story({ path: join(directory, 'state.db'), files }));
    const memory = MetadataMachine.open(inMemory);
    await memory.install(story.machine.snapshot());
    expect(memory.hash()).toBe(story.machine.hash());
    const disk = MetadataMachine.open({ path: join(directory, 'other.db'), files });
    await disk.install(memory.snapshot());
    expect(disk.hash()).toBe(story.machine.hash());
    disk.apply([entryOf(volumeCommand('another'), { index: disk.applied + 1 })]);
    for (const machine of [story.machine, disk]) machine.close();
  }));

test('an image with any part damaged or missing is refused, and the state is what it was', () =>
  inTemporaryDirectory(async (directory) => {
    const image = readAll(someStory().machine.snapshot());
    const story = someStory(new Story({ path: join(directory, 'state.db'), files }));
    const hash = story.machine.hash();
    const flipped = (at: number): Buffer => {
      const damaged = Buffer.from(image);
      damaged.writeUInt8(damaged.readUInt8(at) ^ 1, at);
      return damaged;
    };
    const damages = [0, 100, 5_000, image.length - 30, image.length - 10, image.length - 1].map(flipped);
    const cuts = [0, 10, 4_096, image.length - 1].map((length) => image.subarray(0, length));
    for (const damaged of [...damages, ...cuts, Buffer.concat([image, Buffer.from([0])])]) {
      await expect(story.machine.install(sourceOf(damaged))).rejects.toMatchObject({ code: 'STATE_IMAGE_DAMAGED' });
      expect(story.machine.hash()).toBe(hash);
    }
    story.do(volumeCommand('another'));
    story.machine.close();
  }));

test('only one image is read at a time, and one whose state is replaced says so', () =>
  inTemporaryDirectory(async (directory) => {
    const story = someStory(new Story({ path: join(directory, 'state.db'), files }));
    const image = readAll(someStory().machine.snapshot());
    const source = story.machine.snapshot();
    source.read(1_000);
    expect(() => story.machine.snapshot()).toThrow(expect.objectContaining({ code: 'STATE_IMAGE_BUSY' }));
    await story.machine.install(sourceOf(image));
    expect(() => source.read(1_000)).toThrow(expect.objectContaining({ code: 'STATE_IMAGE_BUSY' }));
    source.close();
    expect(readAll(story.machine.snapshot()).equals(image)).toBe(false);
    story.machine.close();
  }));

test('what an interrupted install left behind is removed at the next start', () =>
  inTemporaryDirectory((directory) => {
    const path = join(directory, 'state.db');
    someStory(new Story({ path, files })).machine.close();
    writeFileSync(`${path}.installing`, readFileSync(path).subarray(0, 5_000));
    MetadataMachine.open({ path, files }).close();
    expect(existsSync(`${path}.installing`)).toBe(false);
  }));

test('a step of the schema runs at the entry that raises the cluster version, and an older release refuses what has it', () =>
  inTemporaryDirectory((directory) => {
    const path = join(directory, 'state.db');
    const later = {
      version: 2,
      brings: [],
      sql: 'CREATE TABLE later (id INTEGER PRIMARY KEY, note TEXT NOT NULL) STRICT;',
    };
    const schema = [...schemaSteps, later];
    const story = someStory(new Story({ path, files, schema }));
    expect(story.machine.dump()).not.toContain('later');
    story.machine.apply([versionEntry(2, story.machine.applied + 1)]);
    story.machine.database.define("INSERT INTO later VALUES (1, 'there')");
    expect(story.machine.dump()).toContain('later: 1 "there"');
    story.machine.close();
    expect(() => MetadataMachine.open({ path, files })).toThrow(
      expect.objectContaining({ code: 'STATE_VERSION_TOO_NEW' }),
    );
    MetadataMachine.open({ path, files, schema }).close();
  }));

test('a program that does not know a cluster version stops before the entry that raises it', () => {
  const { machine } = someStory();
  const hash = machine.hash();
  const raised = versionEntry(2, machine.applied + 1);
  expect(() => machine.apply([raised])).toThrow(expect.objectContaining({ code: 'STATE_VERSION_TOO_NEW' }));
  expect(machine.hash()).toBe(hash);
});

test('no command needs a cluster version that this release does not know', () => {
  const known = knownVersion(schemaSteps);
  expect(Object.entries(commands).filter(([, { since }]) => since > known)).toEqual([]);
});

/** What another process would find in the file. */
function keptIn(path: string): number {
  const reader = new StateDatabase({ path, isReadOnly: true });
  const { applied } = State.read(reader);
  reader.close();
  return applied;
}

test('batches go to the file together: when they are to be kept, and when they have changed much', () =>
  inTemporaryDirectory((directory) => {
    const path = join(directory, 'state.db');
    const story = someStory(new Story({ path, files }));
    story.machine.keep();
    const { applied } = story.machine;
    story.do(volumeCommand('another'));
    expect(keptIn(path)).toBe(applied);
    story.machine.keep();
    expect(keptIn(path)).toBe(applied + 1);
    while (keptIn(path) === applied + 1) {
      story.do({ kind: 'setSetting', name: 'colour', value: 'red', by: 'ada', atMs: 0 });
      expect(story.machine.applied).toBeLessThan(applied + 20_000);
    }
    story.machine.close();
  }));

test('a batch that fails leaves nothing of itself, and those before it as they were, kept or not', () =>
  inTemporaryDirectory((directory) => {
    const options = { path: join(directory, 'state.db'), files };
    const story = someStory(new Story(options));
    story.machine.keep();
    const { client: session } = story.do<'openClient'>({ kind: 'openClient', atMs: 0 });
    const [first, second] = [1, 2].map((sequence) => ({ session, sequence }));
    const answer = story.answerTo(volumeCommand('first'), first);
    const hash = story.machine.hash();
    const { applied } = story.machine;
    const sound = entryOf(volumeCommand('second'), { index: applied + 1, proposal: second ?? null });
    const early = entryOf(volumeCommand('first'), { index: applied + 1, proposal: first ?? null });
    // To answer a second time what is answered already, it looks at what the batches before it have left to be written.
    for (const whole of [sound, early]) {
      const unknown = { ...whole, index: (applied + 2) as LogIndex, data: new Uint8Array([1, 127]) };
      expect(() => story.machine.apply([whole, unknown])).toThrow(
        expect.objectContaining({ code: 'STATE_COMMAND_UNKNOWN' }),
      );
      expect([story.machine.hash(), story.machine.applied]).toEqual([hash, applied]);
    }
    expect([story.machine.hash(), story.machine.applied]).toEqual([hash, applied]);
    story.machine.close();
    const again = MetadataMachine.open(options);
    expect([again.hash(), again.applied]).toEqual([hash, applied]);
    // What had been proposed in the batch that failed is applied for the first time, and what came before it is known.
    const repeated = entryOf(volumeCommand('first'), { index: applied + 2, proposal: first ?? null });
    expect(again.apply([sound, repeated])).toEqual([expect.any(Uint8Array), answer]);
    expect(again.dump()).toContain('volumes: "second"');
    again.close();
  }));

test('a state that cannot come back to where it was shows nothing and takes nothing any more', () =>
  inTemporaryDirectory((directory) => {
    const options = { path: join(directory, 'state.db'), files };
    const story = someStory(new Story(options));
    story.machine.keep();
    const kept = story.machine.applied;
    story.do(volumeCommand('lost'));
    const { database } = story.machine;
    database.close();
    const another = entryOf(volumeCommand('another'), { index: story.machine.applied + 1 });
    const failure = expect.objectContaining({ code: 'STATE_DATABASE_FAILED' });
    const { machine } = story;
    for (const use of [() => machine.apply([another]), () => machine.hash(), () => machine.keep()])
      expect(use).toThrow(failure);
    machine.close();
    const again = MetadataMachine.open(options);
    expect(again.applied).toBe(kept);
    again.close();
  }));

test('an entry of a later release ends the process instead of being answered; a malformed one is refused by everybody', () => {
  const { machine } = someStory();
  const hash = machine.hash();
  const entry = entryOf(volumeCommand('another'), { index: machine.applied + 1 });
  const unknown = { ...entry, data: new Uint8Array([1, 127]) };
  expect(() => machine.apply([unknown])).toThrow(expect.objectContaining({ code: 'STATE_COMMAND_UNKNOWN' }));
  expect(machine.hash()).toBe(hash);
  const cut = { ...entry, data: entry.data.subarray(0, -1) };
  const [answer] = machine.apply([cut]);
  expect(Buffer.from(answer ?? []).toString()).toContain('STATE_COMMAND_MALFORMED');
});
