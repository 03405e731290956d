import { cpSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeSync, closeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { kib, mib, RealClock, RealRandom, RealTimers } from '@holdfast/base';
import { recordingSystem } from '@holdfast/cli/internal';
import { RaftLog } from '@holdfast/raft-log';
import { runWords } from '../../command-line.ts';
import { commandTable } from '../../command-table.ts';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-log-'));
const sound = join(folder, 'sound');
const directory = join(folder, 'log');
const copy = join(folder, 'copy');
const chunk = join(directory, '0000000000000001.chunk');

async function openLog(path: string): Promise<RaftLog> {
  const limits = { chunkBytes: mib, batchBytes: 64 * kib, prepareBytes: 64 * kib };
  const parts = { clock: new RealClock(), timers: new RealTimers(), random: new RealRandom() };
  return RaftLog.open({ directory: path, limits, ...parts });
}

beforeAll(async () => {
  const log = await openLog(sound);
  await log.createGroup(1);
  await log.createGroup(2);
  await log.saveVote(1, { term: 1, vote: 2 });
  for (const [at, text] of ['first', 'second', 'third'].entries()) {
    await log.append(1, [{ index: at + 1, term: 1, payload: Buffer.from(text) }]);
  }
  await log.saveVote(2, { term: 3, vote: null });
  await log.append(2, [{ index: 1, term: 3, payload: Buffer.of(0, 255) }]);
  await log.commit(1, 2);
  await log.close();
});
beforeEach(() => {
  rmSync(directory, { recursive: true, force: true });
  cpSync(sound, directory, { recursive: true });
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Outcome {
  readonly lines: readonly string[];
  readonly code: string | null;
}

async function run(...words: string[]): Promise<Outcome> {
  const { system, lines } = recordingSystem({ commands: commandTable });
  try {
    await runWords(['log', ...words], system);
    return { lines, code: null };
  } catch (error) {
    return { lines, code: (error as { code: string }).code };
  }
}

/** Where the record lies whose line in the dump ends with `text`. */
async function positionOf(text: string): Promise<number> {
  const { lines } = await run('dump', directory);
  return Number(
    lines
      .find((line) => line.endsWith(text))
      ?.trim()
      .split(' ')[0],
  );
}

function overwrite(position: number, bytes: Uint8Array, where = directory): void {
  const descriptor = openSync(join(where, '0000000000000001.chunk'), 'r+');
  writeSync(descriptor, bytes, 0, bytes.length, position);
  closeSync(descriptor);
}

const byteInLength = 4;
const payloadAt = 32;

test('a dump is a story, one record a line', async () => {
  const { lines } = await run('dump', directory);
  const told = lines.map((line) => line.replace(/^ *\d+ +/, '')).filter((line) => !line.startsWith('batch'));
  expect(told).toEqual([
    'chunk 1: 1MiB in blocks of 4096, active',
    'checkpoint: the state of 0 groups follows',
    'group 1: created',
    'group 2: created',
    'group 1: term 1, voted for 2',
    'group 1: entry 1 of term 1, 5B: "first"',
    'group 1: entry 2 of term 1, 6B: "second"',
    'group 1: entry 3 of term 1, 5B: "third"',
    'group 2: term 3, no vote yet',
    'group 2: entry 1 of term 3, 2B: 00ff',
    'group 1: committed up to 2',
    'the log was closed',
  ]);
});

test('a dump shows one group, or some entries, or everything, or JSON with its payloads', async () => {
  const entriesOf = async (...words: string[]): Promise<string[]> =>
    (await run('dump', directory, ...words)).lines.filter((line) => line.includes(': entry'));
  expect(await entriesOf('--group', '2')).toHaveLength(1);
  expect(await entriesOf('--from', '2', '--to', '2')).toEqual([expect.stringContaining('"second"')]);
  const { lines: all } = await run('dump', directory, '--all');
  expect(all.filter((line) => line.endsWith('(second copy)'))).not.toEqual([]);
  const { lines } = await run('dump', directory, '--json', '--payload', '--group', '1', '--from', '3');
  const [record] = lines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ what }) => what === 'record');
  expect(record).toMatchObject({
    kind: 'entry',
    group: 1,
    index: 3,
    term: 1,
    payload: Buffer.from('third').toString('base64'),
  });
  expect(await run('dump', directory, '--group', 'one')).toMatchObject({ code: 'ARGUMENT_WRONG' });
});

test('a sound log verifies, and needs no repair', async () => {
  expect(await run('verify', directory)).toEqual({
    lines: [
      'chunk 1: 1MiB in blocks of 4096, active',
      expect.stringMatching(/^1 chunk, 11 batches, \d+ records: everything verifies$/),
    ],
    code: null,
  });
  expect(await run('verify', '-q', directory)).toEqual({ lines: [], code: null });
  expect((await run('repair', directory)).lines).toEqual(['everything that an open looks at verifies: nothing to do']);
});

test.each([
  ['a length', byteInLength, 'no record verifies here'],
  ['a payload', payloadAt, 'the payload of entry 2 of group 1 does not verify'],
])('a byte in %s costs one entry, and is told by its place', async (_what, offset, reason) => {
  const position = await positionOf('"second"');
  overwrite(position + offset, Buffer.of(0x7a));
  const { lines, code } = await run('verify', directory);
  expect(code).toBe('RAFT_LOG_DAMAGED');
  expect(lines).toContain(`  DAMAGED at ${position} (40 bytes): ${reason}`);
  expect(lines).toContain('group 1: entry 2 is lost; a peer supplies it');
  const { lines: story } = await run('dump', directory, '--from', '3');
  expect(story.filter((line) => line.includes('!!'))).toEqual([
    expect.stringContaining(`damage at ${position} (40 bytes): ${reason}`),
  ]);
  expect((await run('stat', directory)).lines).toContain('1 place does not verify: holdfast log verify names them');
  const before = readFileSync(chunk);
  expect((await run('repair', directory)).lines[0]).toContain('stays in its place; what it held counts as lost');
  expect(readFileSync(chunk).equals(before)).toBe(true);
});

test('a torn end is told, given up on demand only, and leaves its groups in doubt', async () => {
  overwrite(await positionOf('committed up to 2'), Buffer.alloc(16 * kib));
  const { lines, code } = await run('verify', directory);
  expect(code).toBe('RAFT_LOG_DAMAGED');
  expect(lines).toContainEqual(expect.stringMatching(/^ {2}TORN END at \d+/));
  const doubt = 'group 1: entries 4 and later may have been acknowledged; until it has caught up it votes in no term';
  expect(lines).toContain(doubt);

  const { lines: plan } = await run('repair', directory);
  expect(plan).toContainEqual(expect.stringMatching(/^would give up \d+B at the end, after a copy to damaged\/$/));
  expect(readdirSync(directory)).not.toContain('damaged');
  const { lines: done } = await run('repair', directory, '--apply');
  expect(done).toContainEqual(
    expect.stringMatching(/^the torn end was copied to .*\/damaged\/0+1\.chunk\.\d+ and given up$/),
  );
  expect(done).toContain(doubt);
  expect(await run('verify', '-q', directory)).toEqual({ lines: expect.arrayContaining([doubt]), code: null });
  expect((await run('stat', directory)).lines.at(-2)).toMatch(/ambiguous from 4$/);
});

test('a damaged copy of a header is written anew from the other one', async () => {
  const before = readFileSync(chunk).subarray(0, 8 * kib);
  overwrite(4096 + 20, Buffer.of(99));
  const { lines, code } = await run('verify', directory);
  expect([code, lines]).toEqual([
    'RAFT_LOG_DAMAGED',
    expect.arrayContaining(["  DAMAGED at 4096 (4096 bytes): copy 2 of the file's header does not verify"]),
  ]);
  expect((await run('repair', directory, '--apply')).lines[0]).toBe('1 copy of a header was written anew');
  expect(
    readFileSync(chunk)
      .subarray(0, 8 * kib)
      .equals(before),
  ).toBe(true);
  expect((await run('verify', directory)).code).toBeNull();
});

test('a vote that is lost at the end puts its group in doubt, and no entry', async () => {
  const log = await openLog(directory);
  await log.saveVote(2, { term: 4, vote: 1 });
  cpSync(directory, copy, { recursive: true });
  // Its lock names this process, which lives.
  rmSync(join(copy, 'LOCK'));
  await log.close();
  const { lines: story } = await run('dump', copy, '--all');
  const votes = story.filter((line) => line.includes('group 2: term 4'));
  expect(votes).toHaveLength(2);
  for (const line of votes) overwrite(Number(line.trim().split(' ')[0]) + byteInLength, Buffer.of(0x7a), copy);
  expect((await run('verify', copy)).lines).toContain(
    'group 2: something that is lost and no entry may have been acknowledged; until it has caught up it votes neither in term 3 nor in the next',
  );
});

test('a chunk that is not the one of its name is told by every verb, and salvaged on demand only', async () => {
  const third = join(directory, '0000000000000003.chunk');
  cpSync(chunk, third);
  const reason = `${third}: it says to be chunk 1`;
  const { lines, code } = await run('verify', directory);
  expect([code, lines]).toEqual(['RAFT_LOG_DAMAGED', expect.arrayContaining([`DAMAGED ${reason}`])]);
  const planned = async (...words: string[]): Promise<string> =>
    (await run('repair', directory, ...words)).lines.join('\n');
  expect(await planned()).toContain('it says to be chunk 1 — needs --salvage');
  expect(await planned('--salvage')).toContain('it says to be chunk 1 — what is left would be opened');
  expect((await run('repair', directory, '--apply')).code).toBe('RAFT_LOG_CORRUPT');
  expect((await run('repair', directory, '--apply', '--salvage')).code).toBeNull();
});

test('a log in use is read beside its writer, and not repaired', async () => {
  const log = await openLog(directory);
  await log.append(2, [{ index: 2, term: 3, payload: Buffer.from('live') }]);
  expect((await run('dump', directory)).lines.at(-1)).toContain('group 2: entry 2 of term 3, 4B: "live"');
  expect((await run('verify', directory)).code).toBeNull();
  expect((await run('stat', directory)).lines).toContainEqual(
    expect.stringContaining(`lock: process ${process.pid} on `),
  );
  expect((await run('repair', directory, '--apply')).code).toBe('FILE_LOCKED');
  await log.close();
});

test.each([
  ['that is not there', 'nowhere', 'FILE_NOT_FOUND'],
  ['without a log', '.', 'RAFT_LOG_NOT_THERE'],
  ['that is a file', 'sound/0000000000000001.chunk', 'ARGUMENT_WRONG'],
])('a directory %s is refused', async (_what, path, code) => {
  for (const verb of ['dump', 'verify', 'stat', 'repair']) {
    expect(await run(verb, join(folder, path))).toEqual({ lines: [], code });
  }
});
