// A vote that both places lost, and the votes that are saved while nobody knows what it was.
import { describe, expect, test } from '@jest/globals';
import type { Files } from '@holdfast/base';
import { forEachCrash, type VirtualDisk } from '@holdfast/base/internal';
import { listLog, readChunk } from './chunk-files.ts';
import { scanChunk, type FoundRecord } from './chunk-scan.ts';
import { Group } from './group.ts';
import { recordFields, tellRecord } from './story.ts';
import { directory, entries, newDisk, openDisk, SyncLog } from './testing.ts';

const lost = { isVoteLost: true } as const;
const known = { isVoteLost: false } as const;

/** The records of one kind in the newest chunk, and the chunk's path. */
function find(files: Files, kind: string): { readonly path: string; readonly records: readonly FoundRecord[] } {
  const chunk = listLog(files, directory).chunks.at(-1);
  if (chunk?.reading === undefined || chunk.reading === null) throw new Error('there is no chunk');
  const bytes = readChunk(files, chunk.path, chunk.reading.header);
  const records = [...scanChunk(bytes, { isFollowed: false })].flatMap((batch) => batch.records);
  return { path: chunk.path, records: records.filter(({ header }) => header.kind === kind) };
}

/** The last records of a kind rot: of a vote both places. */
function loseLast(files: Files, kind: 'vote' | 'settle'): void {
  const { path, records } = find(files, kind);
  const file = files.open(path, 'write');
  for (const { position } of records.slice(kind === 'vote' ? -2 : -1)) file.pwrite(new Uint8Array(32), position);
  file.fdatasync();
  file.close();
}

const vote = (log: SyncLog, term: number, to: number | null): void =>
  log.do({ kind: 'vote', group: log.group(1), term, vote: to });

/** A life that knew everything: a vote of term 5, and one of term 9 behind which something else is durable. */
function loseVoteOfNine(files: Files): void {
  const log = new SyncLog(files, 'first life');
  log.do({ kind: 'create', group: new Group(1) });
  vote(log, 5, 1);
  vote(log, 9, 2);
  log.do({ kind: 'create', group: new Group(2) });
  loseLast(files, 'vote');
}

function diskWithoutVoteOfNine(): VirtualDisk {
  const disk = newDisk();
  loseVoteOfNine(disk.files);
  return disk;
}

const stateOf = (disk: VirtualDisk): object => new SyncLog(disk.files, 'looks').group(1).durable;

test('a member that lost its vote of term 9 and saves term 6 is in doubt also at the start after that', async () => {
  const disk = diskWithoutVoteOfNine();
  const second = await openDisk(disk);
  expect(second.state(1)).toMatchObject({ term: 5, vote: 1, ...lost });
  await second.saveVote(1, { term: 6, vote: null });
  expect(second.state(1)).toMatchObject({ term: 6, ...lost });
  await second.saveVote(1, { term: 7, vote: 3 });
  await second.close();
  const third = await openDisk(disk);
  expect(third.state(1)).toMatchObject({ term: 7, vote: 3, ...lost });
  expect(third.state(2)).toMatchObject(known);
});

test('it is in doubt behind a checkpoint, too', () => {
  const disk = diskWithoutVoteOfNine();
  const log = new SyncLog(disk.files, 'second life');
  vote(log, 6, null);
  const { sequence } = log.core.chunks.at(-1)?.header ?? { sequence: 0 };
  while (log.core.chunks.at(-1)?.header.sequence === sequence) {
    const from = log.group(2).staged.lastIndex + 1;
    log.do({ kind: 'append', group: log.group(2), entries: entries(from, 0, 'x'.repeat(900)) });
  }
  vote(log, 7, null);
  expect(stateOf(disk)).toMatchObject({ term: 7, ...lost });
});

test('a vote that was saved in doubt says so, to people, too, and so does its second copy', () => {
  const disk = diskWithoutVoteOfNine();
  vote(new SyncLog(disk.files, 'second life'), 6, 3);
  const { path, records } = find(disk.files, 'vote');
  const [first] = records.slice(-2);
  if (first === undefined) throw new Error('there is no vote');
  expect(tellRecord(first)).toBe('group 1: term 6, voted for 3, while a vote was lost');
  expect(recordFields(first)).toMatchObject({ term: 6, vote: 3, isInDoubt: true });
  disk.rot(path, first.position, 0);
  expect(stateOf(disk)).toMatchObject({ term: 6, vote: 3, ...lost });
});

test('a later vote of the life that knew the lost one makes up for it', () => {
  const disk = newDisk();
  const log = new SyncLog(disk.files, 'first life');
  log.do({ kind: 'create', group: new Group(1) });
  vote(log, 9, 2);
  loseLast(disk.files, 'vote');
  vote(log, 9, 2);
  vote(log, 10, null);
  expect(stateOf(disk)).toMatchObject({ term: 10, vote: null, ...known });
});

describe('a settlement', () => {
  async function settledDisk(): Promise<VirtualDisk> {
    const disk = diskWithoutVoteOfNine();
    const log = await openDisk(disk);
    await log.saveVote(1, { term: 11, vote: 3 });
    await log.settle(1);
    expect(log.state(1)).toMatchObject({ term: 11, vote: 3, ...known });
    await log.close();
    return disk;
  }

  test('ends the doubt for good, with the vote that counts', async () => {
    const disk = await settledDisk();
    expect(stateOf(disk)).toMatchObject({ term: 11, vote: 3, ...known });
    vote(new SyncLog(disk.files, 'third life'), 12, 1);
    expect(stateOf(disk)).toMatchObject({ term: 12, vote: 1, ...known });
  });

  test('whose vote is lost ends no doubt; the vote alone does', async () => {
    const without = await settledDisk();
    loseLast(without.files, 'vote');
    expect(stateOf(without)).toMatchObject({ term: 11, vote: 3, ...lost });
    const alone = await settledDisk();
    loseLast(alone.files, 'settle');
    expect(stateOf(alone)).toMatchObject({ term: 11, vote: 3, ...known });
  });
});

test('wherever a crash falls, a member is out of doubt only behind a settlement that had begun, and surely behind one that was made', () => {
  let step = '';
  const states = forEachCrash({
    seed: 1,
    survivorsLimit: 24,
    prepare: loseVoteOfNine,
    work: (files) => {
      step = 'in doubt';
      const log = new SyncLog(files, 'second life');
      vote(log, 6, null);
      vote(log, 11, null);
      step = 'settles';
      log.do({ kind: 'settle', group: log.group(1) }, { kind: 'vote', group: log.group(1), term: 11, vote: 3 });
      step = 'has settled';
      vote(log, 12, 3);
    },
    check: (files) => {
      const { isVoteLost, term, vote: to } = new SyncLog(files, 'third life').group(1).durable;
      if (step === 'in doubt') expect(isVoteLost).toBe(true);
      if (step === 'settles' && !isVoteLost) expect([term, to]).toEqual([11, 3]);
      if (step === 'has settled') expect(isVoteLost).toBe(false);
    },
  });
  expect(states).toBeGreaterThan(100);
});
