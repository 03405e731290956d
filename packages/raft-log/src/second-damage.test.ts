// Damage that meets other damage, or a log that is short of something else at the same time.
import { describe, expect, test } from '@jest/globals';
import type { Files } from '@holdfast/base';
import type { VirtualDisk } from '@holdfast/base/internal';
import { VirtualCrash, VirtualTime } from '@holdfast/base/internal';
import { listLog, readChunk } from './chunk-files.ts';
import { scanChunk, type FoundBatch } from './chunk-scan.ts';
import { encodeFileHeader, type FileHeader } from './file-header.ts';
import { Group } from './group.ts';
import { LogDisk } from './log-disk.ts';
import type { RaftLog } from './raft-log.ts';
import { recover } from './recovery.ts';
import {
  directory,
  entries,
  makeEveryKind,
  newDisk,
  openDisk,
  readAll,
  readAllOf,
  smallLimits,
  SyncLog,
  tellGroups,
} from './testing.ts';

const chunkPath = (sequence: number): string => `${directory}/000000000000000${sequence}.chunk`;
const payloadOffset = 32;

function batches(disk: VirtualDisk, sequence = 1): FoundBatch[] {
  const chunk = listLog(disk.files, directory).chunks.find((each) => each.sequence === sequence);
  if (chunk?.reading === undefined || chunk.reading === null) throw new Error(`there is no chunk ${sequence}`);
  return [...scanChunk(readChunk(disk.files, chunk.path, chunk.reading.header), { isFollowed: false })];
}

function placesOf(
  disk: VirtualDisk,
  kind: string,
  { group, sequence = 1 }: { group: number; sequence?: number },
): number[] {
  return batches(disk, sequence)
    .flatMap(({ records }) => records)
    .filter(({ header }) => header.kind === kind && header.group === group)
    .map(({ position }) => position);
}

async function openWithGroup(disk: VirtualDisk): Promise<RaftLog> {
  const log = await openDisk(disk);
  await log.createGroup(1);
  await log.saveVote(1, { term: 1, vote: 3 });
  return log;
}

/** A group with an entry that is committed. */
function committedLog(disk: VirtualDisk): SyncLog {
  const log = new SyncLog(disk.files, 'committed');
  log.do({ kind: 'create', group: new Group(1) });
  log.do({ kind: 'vote', group: log.group(1), term: 1, vote: 3 });
  log.do({ kind: 'append', group: log.group(1), entries: entries(1, 1, 'one') });
  log.do({ kind: 'commit', group: log.group(1), index: 1 });
  return log;
}

function crash(disk: VirtualDisk): void {
  disk.halt();
  disk.restart('process');
}

test('of two votes in one batch the later one counts, though of the earlier one only the second copy is left', async () => {
  const disk = newDisk();
  const log = await openWithGroup(disk);
  await Promise.all([log.saveVote(1, { term: 2, vote: 4 }), log.saveVote(1, { term: 3, vote: 5 })]);
  crash(disk);
  const places = placesOf(disk, 'vote', { group: 1 });
  expect(places).toHaveLength(6);
  disk.rot(chunkPath(1), places[2] ?? 0, 0);
  expect((await openDisk(disk)).state(1)).toMatchObject({ term: 3, vote: 5 });
});

test('a second torn tail does not make less of what the first one left ambiguous', async () => {
  const disk = newDisk();
  let log = await openWithGroup(disk);
  await log.append(1, entries(1, 1, 'one'));
  await log.append(1, entries(2, 1, 'two', 'three', 'four'));
  crash(disk);
  disk.rot(chunkPath(1), (placesOf(disk, 'entry', { group: 1 })[2] ?? 0) + payloadOffset, 0);
  log = await openDisk(disk);
  expect(log.report.ambiguous).toEqual([{ group: 1, from: 3, to: 4, term: 1 }]);
  await log.append(1, entries(3, 1, 'three again'));
  crash(disk);
  disk.rot(chunkPath(1), (placesOf(disk, 'entry', { group: 1 }).at(-1) ?? 0) + payloadOffset, 0);
  log = await openDisk(disk);
  expect(log.report.ambiguous).toEqual([{ group: 1, from: 3, to: 4, term: 1 }]);
  expect(readAll(log, 1)).toEqual(['1:1:one', '2:1:two']);
});

test('a log with a torn tail opens on a full disk; the tail stays where it is', async () => {
  const disk = newDisk();
  const log = await openWithGroup(disk);
  await log.append(1, entries(1, 1, 'one'));
  await log.append(1, entries(2, 1, 'two'));
  crash(disk);
  const place = placesOf(disk, 'entry', { group: 1 })[1] ?? 0;
  disk.rot(chunkPath(1), place + payloadOffset, 0);
  disk.setCapacityBytes(disk.usedBytes);
  const opened = await openDisk(disk);
  expect(opened.report).toMatchObject({ copiedAside: null, ambiguous: [{ group: 1, from: 2, to: 2, term: 1 }] });
  await opened.saveVote(1, { term: 9, vote: 1 });
  expect(opened.state(1)).toMatchObject({ term: 9, vote: 1 });
});

describe('a checkpoint of which both copies of a state are lost', () => {
  function damaged(): VirtualDisk {
    const disk = makeEveryKind(true);
    for (const place of placesOf(disk, 'state', { group: 2, sequence: 3 }))
      disk.rot(chunkPath(3), place + payloadOffset + 8, 1);
    return disk;
  }
  const opened = (disk: VirtualDisk, mode: 'tolerate-tail' | 'salvage'): ReturnType<typeof recover> =>
    recover({ files: disk.files, directory, mode, isReadOnly: true });

  test('is passed over for an older one, and nothing is missing', () => {
    const whole = opened(makeEveryKind(true), 'tolerate-tail');
    const found = opened(damaged(), 'tolerate-tail');
    expect(tellGroups(found?.groups ?? new Map())).toEqual(tellGroups(whole?.groups ?? new Map()));
    expect(found?.report.damages.map(({ standing }) => standing)).toContain('damaged');
  });

  test('without an older one is refused, and after a salvage no vote of it is trusted', () => {
    const disk = damaged();
    for (const sequence of [1, 2]) disk.files.unlink(chunkPath(sequence));
    expect(() => opened(disk, 'tolerate-tail')).toThrow('no chunk has a whole checkpoint');
    const groups = opened(disk, 'salvage')?.groups;
    expect(groups?.get(1)?.durable.isVoteLost).toBe(true);
  });
});

test('damage at the end of a chunk that is followed is no torn tail, even where the next chunk has to be replayed, too', () => {
  const disk = makeEveryKind(true);
  for (const place of placesOf(disk, 'state', { group: 2, sequence: 3 }))
    disk.rot(chunkPath(3), place + payloadOffset, 1);
  const footer = batches(disk, 2)
    .at(-1)
    ?.records.find(({ header }) => header.kind === 'footer');
  disk.rot(chunkPath(2), (footer?.position ?? -1) + payloadOffset, 1);
  const found = recover({ files: disk.files, directory, mode: 'tolerate-tail', isReadOnly: true });
  expect(new Set(found?.report.damages.map(({ standing }) => standing))).toEqual(new Set(['damaged']));
  expect(found?.report.ambiguous).toEqual([]);
});

describe('below the durable mark', () => {
  const entriesOfNoTerm = entries(1, 0, 'eins', 'zwei');

  /** Group 1 holds 1–3, truncated to 2, and user data, group 2 holds 1–2, purged to 1, group 3 is gone. */
  async function makeLog(): Promise<VirtualDisk> {
    const disk = newDisk();
    const log = await openWithGroup(disk);
    await log.createGroup(2);
    await log.append(1, entries(1, 1, 'one', 'two', 'three'));
    await log.truncate(1, 2);
    await log.saveUserData(1, Buffer.from('mine'));
    await Promise.all([log.append(2, entriesOfNoTerm), log.createGroup(3)]);
    await log.commit(2, 2);
    await log.purge(2, 1);
    await log.destroyGroup(3);
    await log.saveVote(2, { term: 1, vote: null });
    crash(disk);
    return disk;
  }

  function rotAll(disk: VirtualDisk, kind: string, group: number): void {
    for (const place of placesOf(disk, kind, { group })) disk.rot(chunkPath(1), place, 0);
  }

  test('a truncation that is lost is made all the same: the table tells of it', async () => {
    const disk = await makeLog();
    rotAll(disk, 'truncate', 1);
    expect(readAll(await openDisk(disk), 1)).toEqual(['1:1:one', '2:1:two']);
  });

  test('a purge that is lost is made all the same', async () => {
    const disk = await makeLog();
    rotAll(disk, 'purge', 2);
    expect(readAll(await openDisk(disk), 2)).toEqual(['2:0:zwei']);
  });

  test('a group whose end is lost does not come back', async () => {
    const disk = await makeLog();
    rotAll(disk, 'destroy', 3);
    expect((await openDisk(disk)).groups()).toEqual([1, 2]);
  });

  test('user data that are lost are told', async () => {
    const disk = await makeLog();
    expect((await openDisk(disk)).state(1)?.isUserDataLost).toBe(false);
    const other = await makeLog();
    rotAll(other, 'userData', 1);
    expect((await openDisk(other)).state(1)).toMatchObject({ isUserDataLost: true, isVoteLost: false });
  });

  test('an entry that is lost with its table is missed, and nothing else is: the next batch tells of it', async () => {
    const disk = await makeLog();
    const batch = batches(disk).find(({ records }) => records.some(({ header }) => header.kind === 'entry'));
    for (const { header, position } of batch?.records ?? []) {
      if (header.kind === 'table' || header.index === 2) disk.rot(chunkPath(1), position, 0);
    }
    const log = await openDisk(disk);
    expect(readAll(log, 1)).toEqual(['1:1:one', '2:faulty']);
    expect(log.report.ambiguous).toEqual([]);
    expect(log.state(2)).toMatchObject({ isVoteLost: false, ambiguity: null });
  });
});

test('a slot between two entries of which nothing is left is faulty from the open on, and nobody knows its term', async () => {
  const disk = newDisk();
  const log = await openWithGroup(disk);
  await log.append(1, entries(1, 1, 'one', 'two', 'three'));
  await log.close();
  disk.rot(chunkPath(1), placesOf(disk, 'entry', { group: 1 })[1] ?? 0, 0);
  const opened = await openDisk(disk);
  expect(opened.report.faulty).toEqual([{ group: 1, from: 2, to: 2 }]);
  expect([1, 2, 3].map((index) => opened.term(1, index))).toEqual([1, null, 1]);
});

test('a repair whose slot is lost with everything that told of it does not stand for what is written there later', () => {
  const disk = newDisk();
  const log = new SyncLog(disk.files, 'repaired');
  const append = (to: SyncLog, index: number, text: string): void =>
    to.do({ kind: 'append', group: to.group(1), entries: entries(index, 1, text) });
  log.do({ kind: 'create', group: new Group(1) });
  log.do({ kind: 'vote', group: log.group(1), term: 1, vote: 3 });
  append(log, 1, 'one');
  log.do({ kind: 'commit', group: log.group(1), index: 1 });
  const from = batches(disk).at(-1)?.endPosition ?? 0;
  append(log, 2, 'two');
  log.do({ kind: 'create', group: new Group(2) });
  const to = batches(disk).at(-1)?.endPosition ?? 0;
  log.group(1).faulty.add(2, 2);
  log.do({ kind: 'repair', group: log.group(1), entry: { index: 2, term: 1, payload: Buffer.from('two') } });
  // The entry with its table, and the batch behind it, which repeats the table; and the table of the repair's own batch.
  for (let at = from; at < to; at += 16) disk.rot(chunkPath(1), at, 0);
  disk.rot(chunkPath(1), placesOf(disk, 'table', { group: 0 }).at(-1) ?? 0, 0);
  const opened = new SyncLog(disk.files, 'opened');
  expect(opened.recovered?.report.ambiguous[0]).toEqual({ group: 1, from: 2, to: null, term: null });
  // Nobody knows what else was in the two batches: perhaps a vote.
  expect(opened.group(1).durable).toMatchObject({ isVoteLost: true, isUserDataLost: true });
  append(opened, 2, 'another');
  expect(readAllOf(disk.files, opened.core.groups)).toEqual(['1/1=one', '1/2=another']);
});

test('of two batches without a head the table of the second one tells nothing of the first', () => {
  const disk = newDisk();
  const log = new SyncLog(disk.files, 'headless');
  log.do({ kind: 'create', group: new Group(1) });
  log.do({ kind: 'vote', group: log.group(1), term: 1, vote: 3 });
  const from = batches(disk).at(-1)?.endPosition ?? 0;
  log.do({ kind: 'append', group: log.group(1), entries: entries(1, 1, 'one') });
  const to = batches(disk).at(-1)?.endPosition ?? 0;
  log.do({ kind: 'create', group: new Group(2) });
  log.do({ kind: 'create', group: new Group(3) });
  for (let at = from; at < to; at += 16) disk.rot(chunkPath(1), at, 0);
  disk.rot(chunkPath(1), to, 0);
  const found = recover({ files: disk.files, directory, mode: 'tolerate-tail', isReadOnly: true });
  expect(found?.report.ambiguous).toContainEqual({ group: 1, from: 1, to: null, term: null });
});

test('what is lost behind a settlement is not settled by it, and a later batch tells where the log ended', () => {
  const disk = newDisk();
  const log = new SyncLog(disk.files, 'settled');
  log.do({ kind: 'create', group: new Group(1) });
  const from = batches(disk).at(-1)?.endPosition ?? 0;
  log.do({ kind: 'vote', group: log.group(1), term: 2, vote: 3 });
  log.do({ kind: 'append', group: log.group(1), entries: entries(1, 1, 'one') });
  log.do({ kind: 'append', group: log.group(1), entries: entries(2, 2, 'two') });
  const to = batches(disk).at(-1)?.endPosition ?? 0;
  log.do({ kind: 'settle', group: log.group(1) });
  for (let at = from; at < to; at += 16) disk.rot(chunkPath(1), at, 0);
  const opened = new SyncLog(disk.files, 'opened');
  expect(tellGroups(opened.core.groups)[1]).toBe('term 0 vote - commit 0 purged 0:0 | 1:? 2:?');
  expect(opened.group(1).durable).toMatchObject({ isVoteLost: true, lastTerm: 2 });
  // A vote that stands behind a settlement is the newest: none is missed any more.
  opened.do({ kind: 'settle', group: opened.group(1) }, { kind: 'vote', group: opened.group(1), term: 2, vote: null });
  expect(new SyncLog(disk.files, 'again').group(1).durable).toMatchObject({ term: 2, isVoteLost: false });
});

test('of a group whose creation is lost with something that nobody knows no vote is known', () => {
  const disk = newDisk();
  const log = new SyncLog(disk.files, 'created');
  log.do({ kind: 'create', group: new Group(2) });
  const from = batches(disk).at(-1)?.endPosition ?? 0;
  log.do({ kind: 'create', group: new Group(1) });
  log.do({ kind: 'vote', group: log.group(1), term: 1, vote: 3 });
  log.do({ kind: 'create', group: new Group(3) });
  const to = batches(disk).at(-1)?.endPosition ?? 0;
  log.do({ kind: 'append', group: log.group(1), entries: entries(1, 1, 'one') });
  for (let at = from; at < to; at += 16) disk.rot(chunkPath(1), at, 0);
  const opened = new SyncLog(disk.files, 'opened');
  expect(opened.group(1).durable).toMatchObject({ lastIndex: 1, isVoteLost: true, isUserDataLost: true });
});

test('what a commit speaks of was there, also where nothing else is left of it', () => {
  const disk = newDisk();
  const log = committedLog(disk);
  const from = batches(disk).at(-1)?.endPosition ?? 0;
  log.do({ kind: 'append', group: log.group(1), entries: entries(2, 1, 'two', 'three') });
  const to = batches(disk).at(-1)?.endPosition ?? 0;
  log.do({ kind: 'commit', group: log.group(1), index: 3 });
  log.do({ kind: 'create', group: new Group(2) });
  // Of the batch that committed only the commit is left, and nothing of the two that tell what was there.
  const tables = placesOf(disk, 'table', { group: 0 }).slice(-2);
  for (let at = from; at < to; at += 16) disk.rot(chunkPath(1), at, 0);
  for (const at of tables) disk.rot(chunkPath(1), at, 0);
  const opened = new SyncLog(disk.files, 'opened');
  expect(tellGroups(opened.core.groups)[1]).toContain('commit 3 purged 0:0 | 1:1 2:? 3:?');
  // A snapshot takes the place of what it holds, and of nothing behind it.
  opened.do({ kind: 'purge', group: opened.group(1), index: 2 });
  expect(tellGroups(opened.core.groups)[1]).toContain('purged 2:0 | 3:?');
});

test('what lay between two entries is lost, also where no table tells of it', () => {
  const disk = newDisk();
  const log = committedLog(disk);
  const from = batches(disk).at(-1)?.endPosition ?? 0;
  log.do({ kind: 'append', group: log.group(1), entries: entries(2, 1, 'two', 'three') });
  const to = batches(disk).at(-1)?.endPosition ?? 0;
  log.do({ kind: 'append', group: log.group(1), entries: entries(4, 1, 'four') });
  const [table] = placesOf(disk, 'table', { group: 0 }).slice(-1);
  log.do({ kind: 'create', group: new Group(2) });
  for (let at = from; at < to; at += 16) disk.rot(chunkPath(1), at, 0);
  disk.rot(chunkPath(1), table ?? 0, 0);
  const opened = new SyncLog(disk.files, 'opened');
  expect(tellGroups(opened.core.groups)[1]).toContain('| 1:1 2:? 3:? 4:1');
});

test('behind damage of which nobody knows what it was, a torn tail begins where the log still leads', () => {
  const disk = newDisk();
  const log = committedLog(disk);
  log.do({ kind: 'append', group: log.group(1), entries: entries(2, 1, 'two') });
  log.do({ kind: 'append', group: log.group(1), entries: entries(3, 1, 'three', 'x'.repeat(600)) });
  const [lost, torn] = batches(disk).slice(-2);
  for (let at = lost?.position ?? 0; at < (lost?.endPosition ?? 0); at += 16) disk.rot(chunkPath(1), at, 0);
  for (let at = (torn?.position ?? 0) + 512; at < (torn?.endPosition ?? 0); at += 16) disk.rot(chunkPath(1), at, 0);
  const opened = new SyncLog(disk.files, 'opened');
  expect(tellGroups(opened.core.groups)[1]).toMatch(/[|] 1:1$/);
  expect(opened.recovered?.report.ambiguous).toContainEqual({ group: 1, from: 2, to: null, term: null });
});

test('whatever call a process was killed after, what the next one acknowledges outlives a loss of power', () => {
  const work = (files: Files): void => {
    const log = new SyncLog(files, 'killed');
    log.do({ kind: 'create', group: new Group(1) });
    log.do({ kind: 'vote', group: log.group(1), term: 1, vote: 3 });
    while (log.core.chunks.length < 2) {
      const from = log.group(1).staged.lastIndex + 1;
      log.do({ kind: 'append', group: log.group(1), entries: entries(from, 1, 'x'.repeat(3000)) });
    }
  };
  const diskWithDirectory = (): VirtualDisk => {
    const disk = newDisk();
    disk.files.mkdir(directory);
    disk.files.fsyncDirectory('/');
    return disk;
  };
  const whole = diskWithDirectory();
  const first = whole.calls + 1;
  work(whole.files);
  for (let call = first; call <= whole.calls; call++) {
    const disk = diskWithDirectory();
    disk.crashAt(call, 'after');
    expect(() => work(disk.files)).toThrow(VirtualCrash);
    const next = new SyncLog(disk.restart('process'), 'the next process');
    if (next.core.stagedGroup(7) === null) next.do({ kind: 'create', group: new Group(7) });
    const told = tellGroups(next.core.groups);
    const last = new SyncLog(disk.restart('power'), 'after the loss of power');
    expect(tellGroups(last.core.groups)).toEqual(told);
    const [checkpoint] = batches(disk, last.core.chunks.at(-1)?.header.sequence);
    expect(checkpoint?.records[0]?.header.kind).toBe('checkpoint');
  }
});

describe('a chunk that is not what it should be is refused:', () => {
  function rewrite(disk: VirtualDisk, sequence: number, change: Partial<FileHeader>): void {
    const chunk = listLog(disk.files, directory).chunks.find((each) => each.sequence === sequence);
    if (chunk?.reading === undefined || chunk.reading === null) throw new Error(`there is no chunk ${sequence}`);
    disk.files.open(chunk.path, 'write').pwrite(encodeFileHeader({ ...chunk.reading.header, ...change }), 0);
  }

  test.each<[string, number, Partial<FileHeader>, string]>([
    ['of another log', 3, { logId: new Uint8Array(8) }, 'it belongs to another log'],
    ['after another chunk', 2, { previousSalt: new Uint8Array(8) }, 'chunk 1 is not the one that it followed'],
    ['of another number', 2, { sequence: 9 }, 'it says to be chunk 9'],
  ])('%s', async (_what, sequence, change, reason) => {
    const disk = makeEveryKind(true);
    rewrite(disk, sequence, change);
    await expect(openDisk(disk)).rejects.toThrow(reason);
  });
});

test.each([1, 2, 3])(
  'chunk %i, of whose header both copies are lost, is refused, and salvage opens the others',
  async (sequence) => {
    const disk = makeEveryKind(true);
    for (const position of [20, 512 + 20]) disk.rot(chunkPath(sequence), position, 0);
    await expect(openDisk(disk)).rejects.toThrow('neither copy of its header verifies');
    const opened = await openDisk(disk, { mode: 'salvage' });
    expect(opened.report.damages.map(({ standing }) => standing)).toContain('structure');
  },
);

test('a sealed chunk that somebody cut within its trailer is scanned', async () => {
  const disk = newDisk();
  const log = await openWithGroup(disk);
  for (let index = 1; log.stat().chunks < 2; index++) await log.append(1, entries(index, 1, 'x'.repeat(700)));
  const told = readAll(log, 1);
  await log.close();
  const file = disk.files.open(chunkPath(1), 'write');
  file.ftruncate(file.sizeBytes() - 512 + 12);
  file.fsync();
  expect(readAll(await openDisk(disk), 1)).toEqual(told);
});

test('a footer that rots is not used: the chunk is scanned, and every entry is found', async () => {
  const disk = newDisk();
  const log = await openWithGroup(disk);
  for (let index = 1; log.stat().chunks < 3; index++) await log.append(1, entries(index, 1, `${index}`.padEnd(700)));
  const told = readAll(log, 1);
  await log.close();
  const [footer] = placesOf(disk, 'footer', { group: 1 });
  // The place of the chunk's first entry, behind the counts and one run of terms.
  disk.rot(chunkPath(1), (footer ?? 0) + payloadOffset + 32, 3);
  const opened = await openDisk(disk);
  expect(readAll(opened, 1)).toEqual(told);
  expect(opened.report.damages.map(({ standing }) => standing)).toEqual(['damaged']);
});

test('an entry that rots in a sealed chunk with its footer is told at open', async () => {
  const disk = newDisk();
  const log = await openWithGroup(disk);
  for (let index = 1; log.stat().chunks < 3; index++) await log.append(1, entries(index, 1, `${index}`.padEnd(700)));
  await log.close();
  disk.rot(chunkPath(1), placesOf(disk, 'footer', { group: 1 })[0] ?? 0, 3);
  disk.rot(chunkPath(1), placesOf(disk, 'entry', { group: 1 })[2] ?? 0, 3);
  const opened = await openDisk(disk);
  expect(opened.report.faulty).toEqual([{ group: 1, from: 3, to: 3 }]);
  expect(readAll(opened, 1).filter((text) => text.includes('faulty'))).toEqual(['3:faulty']);
});

test('rot of what a trailer says is found by a scrub, as rot of its first bytes is', async () => {
  const disk = newDisk();
  const log = await openWithGroup(disk);
  for (let index = 1; log.stat().chunks < 2; index++) await log.append(1, entries(index, 1, 'x'.repeat(700)));
  const trailer = disk.files.stat(chunkPath(1))?.sizeBytes ?? 0;
  disk.rot(chunkPath(1), trailer - 512 + 26, 0);
  await log.scrubNext();
  expect(log.stat()).toMatchObject({ scrubDamages: 1, scrubFailure: null });
});

test('there are never more groups than the checkpoint at the head of a chunk holds', async () => {
  const disk = newDisk();
  const log = await openDisk(disk);
  const error: unknown = await createGroups(log).catch((thrown: unknown) => thrown);
  expect(error).toEqual(expect.objectContaining({ code: 'RAFT_LOG_STATES_TOO_LARGE' }));
  const groups = log.groups();
  expect(groups.length).toBeGreaterThan(10);
  await log.saveVote(1, { term: 1, vote: null });
  for (let index = 1; log.stat().chunks < 3; index++) await log.append(1, entries(index, 1, 'x'.repeat(700)));
  await log.close();
  expect((await openDisk(disk)).groups()).toEqual(groups);
});

async function createGroups(log: RaftLog): Promise<never> {
  for (let group = 1; ; group++) await log.createGroup(group);
}

test('a purge that is not durable yet takes nothing from readers', async () => {
  const disk = newDisk();
  const log = await openDisk(disk, { limits: { ...smallLimits, cacheBytes: 0 } });
  await log.createGroup(1);
  await log.saveVote(1, { term: 1, vote: 3 });
  await log.append(1, entries(1, 1, 'a', 'b', 'c'));
  await log.commit(1, 3);
  const purge = log.purge(1, 2);
  expect(readAll(log, 1)).toEqual(['1:1:a', '2:1:b', '3:1:c']);
  await purge;
  expect(readAll(log, 1)).toEqual(['3:1:c']);
});

test('files of which a write failed once are not touched again', () => {
  const disk = newDisk();
  disk.files.mkdir(directory);
  const path = `${directory}/file`;
  disk.files.open(path, 'create').close();
  const files = new LogDisk(disk.files, new VirtualTime({ seed: 1 }).node('log').clock);
  files.run({ kind: 'resume', path, sizeBytes: 0 });
  const write = { kind: 'write', bytes: new Uint8Array(8), position: 0 } as const;
  disk.failNext({ operation: 'fdatasync', errno: 'EIO', pathPart: 'file' });
  expect(() => files.run(write)).toThrow(expect.objectContaining({ code: 'IO_ERROR' }));
  const { calls } = disk;
  expect(() => files.run(write)).toThrow('the log is written to after an error');
  expect(disk.calls).toBe(calls);
});
