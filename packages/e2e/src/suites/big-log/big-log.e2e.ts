// A log of ten gigabytes on a real disk: written, closed, opened, read in places drawn at random, purged, and opened again. What
// each step took stands in build/e2e/big-log/report.txt.
import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { formatBytes, gib, kib, mib, RealClock, RealFiles, RealRandom, RealTimers } from '@holdfast/base';
import { SeededRandom } from '@holdfast/base/internal';
import { RaftLog } from '@holdfast/raft-log';
import { artefactsVariable } from '../../suites.ts';

const logBytes = 10 * gib;
/** Spare, reserve, and the chunks' own. */
const marginBytes = 2 * gib;
const groupCount = 100;
const payloadBytes = 64 * kib;
const callEntries = 16;
const inFlight = 8;
const readCount = 2_000;
const openMsMax = 5_000;
const entriesOfGroup = Math.ceil(logBytes / payloadBytes / groupCount / callEntries) * callEntries;
const keptEntries = 100;

const home = mkdtempSync(join(tmpdir(), 'holdfast-big-log-'));
const directory = join(home, 'log');
const clock = new RealClock();
const timers = new RealTimers();
afterAll(() => rmSync(home, { recursive: true }));

beforeAll(() => {
  const { freeBytes } = new RealFiles().freeSpace(home);
  const neededBytes = logBytes + marginBytes;
  if (freeBytes < neededBytes) {
    throw new Error(`${tmpdir()} has ${formatBytes(freeBytes)} free; the suite needs ${formatBytes(neededBytes)}`);
  }
});

async function open(): Promise<RaftLog> {
  return RaftLog.open({ directory, clock, timers, random: new RealRandom() });
}

async function timed<Value>(what: string, run: () => Promise<Value>): Promise<{ value: Value; tookMs: number }> {
  const startMs = clock.monotonicMs();
  const value = await run();
  const tookMs = clock.monotonicMs() - startMs;
  const folder = process.env[artefactsVariable];
  const line = `${what}: ${Math.round(tookMs)} ms`;
  if (folder !== undefined) appendFileSync(join(folder, 'report.txt'), `${line}\n`);
  return { value, tookMs };
}

/** Another content for each entry, so that one in another's place is seen. */
function payloadOf(group: number, index: number): Buffer {
  const payload = Buffer.alloc(payloadBytes, index & 0xff);
  payload.writeUInt32LE(group, 0);
  payload.writeUInt32LE(index, payloadBytes - 4);
  return payload;
}

async function fill(log: RaftLog): Promise<void> {
  const groups = Array.from({ length: groupCount }, (_, at) => at + 1);
  await Promise.all(groups.map(async (group) => log.createGroup(group)));
  await Promise.all(groups.map(async (group) => log.saveVote(group, { term: 1, vote: null })));
  let call = 0;
  const calls = (entriesOfGroup / callEntries) * groupCount;
  const lane = async (): Promise<void> => {
    while (call < calls) {
      const group = (call % groupCount) + 1;
      const from = Math.floor(call++ / groupCount) * callEntries + 1;
      const entries = Array.from({ length: callEntries }, (_, at) => {
        return { index: from + at, term: 1, payload: payloadOf(group, from + at) };
      });
      await log.append(group, entries);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
}

function expectSoundReads(log: RaftLog, firstIndex: number): void {
  const random = new SeededRandom('places');
  for (let read = 0; read < readCount; read++) {
    const group = 1 + random.below(groupCount);
    const index = firstIndex + random.below(entriesOfGroup - firstIndex + 1);
    const [entry] = log.read(group, { from: index, to: index, budgetBytes: 1 });
    if (entry?.index !== index || !payloadOf(group, index).equals(entry.payload)) {
      throw new Error(`entry ${index} of group ${group} is not what was written`);
    }
  }
}

function usedBytes(): number {
  return readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).blocks * 512, 0);
}

test(
  'ten gigabytes are written, opened in a moment, read anywhere, and purged',
  async () => {
    const { value: log } = await timed('made', open);
    await timed(`${formatBytes(entriesOfGroup * groupCount * payloadBytes)} appended`, async () => fill(log));
    const { chunks } = log.stat();
    expect(chunks).toBeGreaterThan(logBytes / (64 * mib));
    expect(log.stat()).toMatchObject({ faultySlots: 0, groups: groupCount });
    await timed('closed', async () => log.close());
    expect(usedBytes()).toBeGreaterThan(logBytes);

    const { value: opened, tookMs } = await timed(`opened, ${chunks} chunks`, open);
    expect(opened.report).toMatchObject({ isClean: true, damages: [], faulty: [] });
    expect(tookMs).toBeLessThan(openMsMax);
    for (const group of opened.groups()) expect(opened.state(group)).toMatchObject({ lastIndex: entriesOfGroup });
    await timed(`${readCount} entries read at random`, async () => Promise.resolve(expectSoundReads(opened, 1)));

    const purgedIndex = entriesOfGroup - keptEntries;
    await timed('purged', async () => {
      await Promise.all(opened.groups().map(async (group) => opened.commit(group, entriesOfGroup)));
      await Promise.all(opened.groups().map(async (group) => opened.purge(group, purgedIndex)));
      // Chunks go one by one when nobody else wants the disk.
      while (opened.stat().chunks > chunks / 8) await new Promise<void>((resolve) => void timers.after(50, resolve));
    });
    await opened.close();
    expect(usedBytes()).toBeLessThan(logBytes / 4);

    const { value: again } = await timed('opened after the purge', open);
    expect(again.report).toMatchObject({ isClean: true, damages: [], faulty: [] });
    expectSoundReads(again, purgedIndex + 1);
    expect(() => again.read(1, { from: purgedIndex, to: purgedIndex, budgetBytes: 1 })).toThrow(
      expect.objectContaining({ code: 'RAFT_LOG_ENTRY_PURGED' }),
    );
    await again.close();
  },
  15 * 60_000,
);
