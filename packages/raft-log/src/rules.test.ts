import { describe, expect, test } from '@jest/globals';
import { VirtualTime } from '@holdfast/base/internal';
import { InlineExecutor } from './executor.ts';
import { LogDisk } from './log-disk.ts';
import type { RaftLog } from './raft-log.ts';
import { entries, newDisk, openDisk, readAll, smallLimits } from './testing.ts';

/** Group 1 in term 2 with a vote for 7, entries 1–4 of terms 1, 1, 2, 2, committed to 3 and purged to 1. */
async function openLog(): Promise<RaftLog> {
  const log = await openDisk(newDisk());
  await log.createGroup(1);
  await log.saveVote(1, { term: 1, vote: null });
  await log.append(1, entries(1, 1, 'a', 'b'));
  await log.saveVote(1, { term: 2, vote: 7 });
  await log.append(1, entries(3, 2, 'c', 'd'));
  await log.commit(1, 3);
  await log.purge(1, 1);
  return log;
}

describe('refused, and without a trace:', () => {
  test.each<[string, (log: RaftLog) => Promise<void>, string]>([
    ['an entry behind a gap', (log) => log.append(1, entries(6, 2, 'x')), 'entry 6 does not follow 4'],
    ['an entry in the place of another', (log) => log.append(1, entries(4, 2, 'x')), 'entry 4 does not follow 4'],
    [
      'the second of two entries that do not follow one another',
      (log) => log.append(1, [...entries(5, 2, 'x'), ...entries(7, 2, 'y')]),
      'entry 7 does not follow 5',
    ],
    ['an entry of a term before the last one', (log) => log.append(1, entries(5, 1, 'x')), 'term 1 comes after term 2'],
    ['an entry of a term that was not saved', (log) => log.append(1, entries(5, 3, 'x')), 'term 3 was not saved'],
    ['a term that is over', (log) => log.saveVote(1, { term: 1, vote: null }), 'term 1 is over'],
    ['a second vote in a term', (log) => log.saveVote(1, { term: 2, vote: 8 }), 'the vote of term 2 was given to 7'],
    ['a vote taken back', (log) => log.saveVote(1, { term: 2, vote: null }), 'the vote of term 2 was given to 7'],
    ['a vote that is no number', (log) => log.saveVote(1, { term: 3, vote: 0.5 }), 'vote 0.5 is no 48-bit counter'],
    ['a commit that goes back', (log) => log.commit(1, 2), '3 is committed'],
    ['a commit beyond the end', (log) => log.commit(1, 5), 'the log ends at 4'],
    ['a truncation of what is committed', (log) => log.truncate(1, 2), 'everything up to 3 is committed'],
    ['a truncation beyond the end', (log) => log.truncate(1, 5), 'the log ends at 4'],
    ['a purge of what is not committed', (log) => log.purge(1, 4), 'only 3 is committed'],
    [
      'a snapshot from before the commit',
      (log) => log.installSnapshot(1, { index: 2, term: 1 }),
      'the snapshot ends at 2',
    ],
    ['a snapshot of a term to come', (log) => log.installSnapshot(1, { index: 9, term: 3 }), 'term 3 was not saved'],
    ['too much user data', (log) => log.saveUserData(1, new Uint8Array(4097)), 'at most 4096'],
    [
      'a repair of a sound slot',
      (log) => log.repair(1, { index: 2, term: 1, payload: Buffer.from('b') }),
      'is not faulty',
    ],
    ['more than a batch holds', (log) => log.append(1, entries(5, 2, 'x'.repeat(5000))), 'at most 4096 fit'],
    ['a group that is there', (log) => log.createGroup(1), 'has group 1 already'],
    ['a group of more than 32 bits', (log) => log.createGroup(2 ** 32), 'group 4294967296 has no 32 bits'],
    ['a group that is not there', (log) => log.append(9, entries(1, 1, 'x')), 'has no group 9'],
  ])('%s', async (_what, run, reason) => {
    const log = await openLog();
    const before = { state: log.state(1), bytes: log.stat().bytes };
    await expect(run(log)).rejects.toThrow(reason);
    await log.flush();
    expect({ state: log.state(1), bytes: log.stat().bytes }).toEqual(before);
    expect(readAll(log, 1)).toEqual(['2:1:b', '3:2:c', '4:2:d']);
  });
});

test('the same vote again is no second vote', async () => {
  const log = await openLog();
  await log.saveVote(1, { term: 2, vote: 7 });
  expect(log.state(1)).toMatchObject({ term: 2, vote: 7 });
});

test('user data are taken as they are when they are handed in', async () => {
  const log = await openLog();
  const data = Buffer.from('mine');
  const call = log.saveUserData(1, data);
  data.fill(0);
  await call;
  expect(log.state(1)?.userData).toEqual(new Uint8Array(Buffer.from('mine')));
});

test('a flush waits for what was accepted, whether its batch is laid out or being written', async () => {
  const disk = newDisk();
  const files = new LogDisk(disk.files, new VirtualTime({ seed: 1 }).node('log').clock);
  // A disk that answers in a later turn of the event loop, when everybody had time to be too early, or when it is let.
  const answers: (() => void)[] = [];
  let isHeld = false;
  const deliver = (tell: () => void): void => (isHeld ? void answers.push(tell) : void setImmediate(tell));
  const log = await openDisk(disk, { executor: new InlineExecutor(files, deliver) });
  await log.createGroup(1);
  const durable: number[] = [];
  const vote = (term: number): void => void log.saveVote(1, { term, vote: null }).then(() => durable.push(term));
  vote(1);
  await log.flush();
  expect(durable).toEqual([1]);
  isHeld = true;
  vote(2);
  for (let turn = 0; answers.length === 0 && turn < 1000; turn++) await Promise.resolve();
  expect(answers).toHaveLength(1);
  const flushed = log.flush().then(() => durable.push(0));
  isHeld = false;
  setImmediate(() => answers.forEach((tell) => tell()));
  await flushed;
  expect(durable).toEqual([1, 2, 0]);
});

test('calls that wait for room are bounded, and those that wait are served in their order', async () => {
  const log = await openDisk(newDisk(), { limits: { ...smallLimits, waitingCalls: 5 } });
  await log.createGroup(1);
  await log.saveVote(1, { term: 1, vote: null });
  const calls = Array.from({ length: 12 }, (_, at) => log.append(1, entries(at + 1, 1, 'x'.repeat(1000))));
  const ends = await Promise.allSettled(calls);
  const refused = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as unknown] : []));
  expect(refused.length).toBeGreaterThan(0);
  for (const error of refused) expect(error).toEqual(expect.objectContaining({ code: 'QUEUE_FULL' }));
  expect(log.state(1)?.lastIndex).toBe(12 - refused.length);
});

test('callers of one turn share one batch, and a closed log takes none', async () => {
  const log = await openDisk(newDisk());
  await log.createGroup(1);
  await log.saveVote(1, { term: 1, vote: null });
  const { batches } = log.stat();
  await Promise.all([1, 2, 3, 4].map((index) => log.append(1, entries(index, 1, 'x'))));
  expect(log.stat().batches).toBe(batches + 1);
  expect(log.stat().batchOperations.sum).toBe(log.stat().operations);
  await log.close();
  await expect(log.append(1, entries(5, 1, 'x'))).rejects.toEqual(expect.objectContaining({ code: 'RAFT_LOG_CLOSED' }));
  expect(() => log.read(1, { from: 1, to: 1, budgetBytes: 1 })).toThrow(
    expect.objectContaining({ code: 'RAFT_LOG_CLOSED' }),
  );
});

test('a read gives what its budget holds and one entry at least, and says what was purged', async () => {
  const log = await openLog();
  const indexes = (from: number, budgetBytes: number): number[] =>
    log.read(1, { from, to: 100, budgetBytes }).map(({ index }) => index);
  expect(indexes(2, 0)).toEqual([2]);
  expect(indexes(2, 2)).toEqual([2, 3]);
  expect(indexes(2, 100)).toEqual([2, 3, 4]);
  expect(indexes(5, 100)).toEqual([]);
  expect(() => indexes(1, 100)).toThrow(expect.objectContaining({ code: 'RAFT_LOG_ENTRY_PURGED' }));
  expect([0, 1, 2, 3, 4, 5].map((index) => log.term(1, index))).toEqual([null, 1, 1, 2, 2, null]);
  expect(log.groups()).toEqual([1]);
  expect(log.state(9)).toBeNull();
});

test('whoever calls again as soon as it is answered does not wait behind a chore; the chore comes when nobody calls', async () => {
  const disk = newDisk();
  const log = await openDisk(disk, { limits: { ...smallLimits, prepareBytes: 8192 } });
  const preparedBytes = (): number =>
    disk.files
      .readdir('/log')
      .filter((name) => name.startsWith('spare-') || name === 'reserve')
      .reduce((sum, name) => sum + (disk.files.stat(`/log/${name}`)?.sizeBytes ?? 0), 0);
  await log.createGroup(1);
  await log.saveVote(1, { term: 1, vote: null });
  const before = preparedBytes();
  for (let index = 1; index <= 4; index++) await log.append(1, entries(index, 1, 'x'));
  expect(preparedBytes()).toBe(before);
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(preparedBytes()).toBe(2 * 16 * 1024);
});
