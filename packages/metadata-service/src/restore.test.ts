// A backup is whole or refused, and what is restored of it is what it held, without everything that others may have gone on with.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { RealClock, RealRandom, RealTimers } from '@holdfast/base';
import { BackupEncoder, verifyBackup, type BackupHead } from './backup-file.ts';
import { PartsEncoder } from './host/parts.ts';
import { initialiseFirst, statePath, type HomeOptions } from './member-home.ts';
import { restoreBackup, type Restored, type RestoreOptions } from './restore.ts';
import { MetadataMachine } from './state/machine.ts';
import { schemaSteps } from './state/schema.ts';
import { files, nodeCommand, poolCommand, readAll, Story, temporaryDirectory } from './state/state-testing.ts';
import { volumeCommand } from './state/state-testing.ts';

const cluster = '11111111-2222-4333-8444-555555555555';
const place = { name: 'm1', peerAddress: '127.0.0.1:1', apiAddress: '127.0.0.1:2' };
const partBytes = 64 * 1024;

let folder = '';
let home: HomeOptions;
beforeEach(() => {
  folder = temporaryDirectory();
  const time = { clock: new RealClock(), timers: new RealTimers() };
  home = { directory: join(folder, 'data'), cluster, random: new RealRandom(), ...time };
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A grant, an intent that its holder acknowledged, an unmap that nobody waits for, a client with an answer, a member and a token. */
function someStory(): Story {
  const story = new Story();
  story.do({ kind: 'foundMember', ...place });
  const by = { by: 'ada', atMs: 1 };
  story.do({ kind: 'inviteMember', name: 'm2', tokenHash: Buffer.from('token'), endsMs: 9, ...by });
  const { client } = story.do<'openClient'>({ kind: 'openClient', atMs: 1 });
  story.do(poolCommand('pool'), { session: client, sequence: 1 });
  story.do({ kind: 'addDevice', pool: 'pool', device: 'disk', extents: 10_000 });
  story.do(volumeCommand('volume'));
  const { session, agent } = story.do<'registerNode'>(nodeCommand('node'));
  story.do({ kind: 'publish', volume: 'volume', node: 'node', mode: 'write' });
  const share = { what: 'share', snapshot: 'snapshot', name: 'snapshot', start: 0, stop: 0, expected: null } as const;
  story.do({ kind: 'intend', volume: 'volume', intent: 'cut', ...share });
  story.do({ kind: 'acknowledge', session, agent, volume: 'volume', intent: 'cut', revision: 1 });
  const unmap = { what: 'unmap', snapshot: null, name: null, start: 0, stop: 8, expected: 0 } as const;
  story.do(volumeCommand('unheld'));
  story.do({ kind: 'intend', volume: 'unheld', intent: 'unmap', ...unmap });
  return story;
}

function write(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

function backUp({ machine, term }: Story, changes: Partial<BackupHead> = {}): Buffer {
  const encoder = new BackupEncoder();
  const facts = { index: machine.applied, term, version: 1, generation: 1, madeMs: 7, member: 'm1', release: 'test' };
  const pieces = [encoder.begin({ cluster, ...facts, ...changes })];
  const image = readAll(machine.snapshot());
  for (let at = 0; at < image.length; at += partBytes) pieces.push(encoder.part(image.subarray(at, at + partBytes)));
  return Buffer.concat([...pieces, encoder.end()]);
}

async function restore(backup: string, options: Partial<RestoreOptions> = {}): Promise<Restored> {
  return restoreBackup({ ...home, backup, seen: 0, by: 'ada', ...options }, place);
}

async function restored(): Promise<{
  readonly story: Story;
  readonly answer: Restored;
  readonly machine: MetadataMachine;
}> {
  const story = someStory();
  const answer = await restore(write('backup', backUp(story)));
  return { story, answer, machine: MetadataMachine.open({ path: statePath(home.directory), files }) };
}

test('what is restored has the hash of the state that was backed up, and says at which revision', async () => {
  const { story, answer, machine } = await restored();
  expect(answer.hash).toBe(story.machine.hash());
  expect(answer.head).toMatchObject({ index: story.machine.applied, cluster, madeMs: 7 });
  expect(machine.applied).toBe(answer.revision);
  machine.close();
});

test('a restored state is a generation of its own, in which nothing older speaks, is acknowledged or is watched', async () => {
  const { story, answer, machine } = await restored();
  const [before, dump] = [story.machine, machine].map((each) => `\n${each.dump()}`) as [string, string];
  machine.close();
  expect(answer.generation).toBe(2);
  expect(dump).toMatch(/^sessions: "1\.node\.1" .* "generation"$/m);
  for (const table of ['intents', 'acknowledgements', 'clients', 'answers', 'changes', 'invitations']) {
    expect(before).toContain(`\n${table}: `);
    expect(dump).not.toContain(`\n${table}: `);
  }
  // Whoever asks for it again begins nothing anew.
  expect(before).not.toContain('\nended_unmaps: ');
  expect(dump).toContain('\nended_unmaps: "unheld" "unmap" 1 0\n');
  // The grant stands until it is certified.
  expect(dump).toMatch(/^grants: "volume" 1 /m);
  const members = dump.split('\n').filter((line) => line.startsWith('members: '));
  expect(members).toEqual([`members: ${answer.member} "m1" "127.0.0.1:1" "127.0.0.1:2"`]);
});

test('numbers go on far behind those that may have been given after the backup', async () => {
  const { story, answer, machine } = await restored();
  expect(answer.revision).toBeGreaterThan(story.machine.applied + 1e11);
  expect(answer.member).toBeGreaterThan(2 ** 30);
  const again = new Story({ path: statePath(home.directory), files });
  const { client } = again.do<'openClient'>({ kind: 'openClient', atMs: 1 });
  expect(client).toBe(answer.revision + 1);
  again.machine.close();
  machine.close();
});

test('what an engine of before says late is refused, where a restored volume gives the same revision again', async () => {
  const story = someStory();
  const backup = write('backup', backUp(story));
  const share = { what: 'share', snapshot: 'later', name: 'later', start: 0, stop: 0, expected: null } as const;
  const intend = { kind: 'intend', volume: 'volume', intent: 'later', ...share } as const;
  story.do({ kind: 'withdrawIntent', volume: 'volume', intent: 'cut', revision: 1 });
  const { revision } = story.do<'intend'>(intend);
  await restore(backup);
  const again = new Story({ path: statePath(home.directory), files });
  const evidence = { readBacks: [], waitedInTerm: null };
  again.do({ kind: 'proveGeneration', pool: 'pool', evidence, by: 'ada', atMs: 0 });
  again.do({ kind: 'openPool', pool: 'pool', term: again.term });
  expect(again.do<'intend'>(intend)).toEqual({ revision });
  const acknowledge = { kind: 'acknowledge', volume: 'volume', intent: 'later', revision } as const;
  expect(again.try({ ...acknowledge, session: '1.node.1', agent: 1 })).toBe('SESSION_ENDED');
  again.machine.close();
});

test('a backup that was restored before begins behind the generation that it is told of', async () => {
  const answer = await restore(write('backup', backUp(someStory())), { seen: 6 });
  expect(answer.generation).toBe(7);
});

async function expectRefused(bytes: Uint8Array, code: string): Promise<void> {
  const backup = write('refused', bytes);
  await expect(restore(backup)).rejects.toMatchObject({ code });
  expect(existsSync(home.directory)).toBe(false);
}

test('a backup that was cut anywhere is refused, and nothing is written', async () => {
  const bytes = backUp(someStory());
  const lengths = [0, 1, 7, 8, 15, 16, 100, partBytes, bytes.length >> 1, bytes.length - 9, bytes.length - 1];
  for (const length of lengths) await expectRefused(bytes.subarray(0, length), 'BACKUP_DAMAGED');
  await expectRefused(Buffer.concat([bytes, Buffer.from('x')]), 'BACKUP_DAMAGED');
});

test('a flipped bit anywhere is noticed', () => {
  const bytes = backUp(someStory());
  const positions = Array.from({ length: 160 }, (_, at) => (at < 120 ? 3 * at : at * Math.floor(bytes.length / 160)));
  for (const at of [...positions, bytes.length - 8, bytes.length - 1]) {
    const flipped = Uint8Array.from(bytes);
    flipped[at] = (flipped[at] ?? 0) ^ 0x10;
    const path = write('flipped', flipped);
    expect(() => verifyBackup(files, path)).toThrow(expect.objectContaining({ code: 'BACKUP_DAMAGED' }));
  }
});

test('a backup of another cluster, or of a release that knows more, is refused', async () => {
  const story = someStory();
  await expectRefused(backUp(story, { cluster: 'another' }), 'BACKUP_FOREIGN');
  await expectRefused(backUp(story, { version: schemaSteps.length + 1 }), 'BACKUP_TOO_NEW');
  const later = new PartsEncoder().begin(Buffer.from('HFbackup'), Buffer.from('{"form":2}'));
  await expectRefused(Buffer.concat([...later, ...new PartsEncoder().end()]), 'BACKUP_TOO_NEW');
  await expectRefused(Buffer.from('PK\u0003\u0004 something else entirely'), 'BACKUP_DAMAGED');
});

test('a directory that has anything in it stays as it is', async () => {
  const backup = write('backup', backUp(someStory()));
  await initialiseFirst(home, place);
  const identity = readFileSync(join(home.directory, 'identity'));
  await expect(restore(backup)).rejects.toMatchObject({ code: 'RAFT_MEMBER_EXISTS' });
  expect(readFileSync(join(home.directory, 'identity'))).toEqual(identity);
  const other = join(folder, 'other');
  mkdirSync(join(other, 'lost+found'), { recursive: true });
  await expect(restore(backup, { directory: other })).rejects.toMatchObject({ code: 'RAFT_DIRECTORY_TAKEN' });
});

test('what an interrupted restore left is no member, and is taken for none', async () => {
  mkdirSync(home.directory);
  writeFileSync(statePath(home.directory), 'some of it');
  await expect(initialiseFirst(home, place)).rejects.toMatchObject({ code: 'RAFT_DIRECTORY_TAKEN' });
});
