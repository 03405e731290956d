// Ten thousand groups in one log, on real files. What they cost is measured in a process that does nothing else.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { mib, RealClock, RealRandom, RealTimers } from '@holdfast/base';
import type { FillOrder, FillReport } from './filler-testing.ts';
import { limitsDefault } from './log-limits.ts';
import { RaftLog } from './raft-log.ts';
import { readAll } from './testing.ts';

const home = mkdtempSync(join(tmpdir(), 'holdfast-many-groups-'));
const directory = join(home, 'log');
afterAll(() => rmSync(home, { recursive: true }));

const groupCount = 10_000;
const entryCount = 5;

async function inProcess(order: Pick<FillOrder, 'groups' | 'entries'>): Promise<FillReport> {
  const child = fork(join(import.meta.dirname, 'filler-testing.ts'), [], { execArgv: ['--expose-gc'] });
  child.send({ directory, payloadBytes: 64, callEntries: entryCount, ...order } satisfies FillOrder);
  const [report] = (await once(child, 'message')) as [FillReport];
  await once(child, 'exit');
  return report;
}

async function open(): Promise<RaftLog> {
  return RaftLog.open({ directory, clock: new RealClock(), timers: new RealTimers(), random: new RealRandom() });
}

test('ten thousand groups are made, written, opened again with little memory, and destroyed without a trace', async () => {
  const filled = await inProcess({ groups: groupCount, entries: entryCount });
  expect(filled.entries).toBe(groupCount * entryCount);
  // The ring counts with its whole length, whatever was written to it.
  expect(filled.heapBytes - limitsDefault.cacheBytes).toBeLessThan(64 * mib);
  const reopened = await inProcess({ groups: groupCount, entries: 0 });
  expect(reopened.entries).toBe(groupCount * entryCount);
  expect(reopened.heapBytes).toBeLessThan(48 * mib);

  const log = await open();
  expect(log.report).toMatchObject({ isClean: true, damages: [] });
  expect(log.groups()).toHaveLength(groupCount);
  for (const group of [1, 5000, groupCount]) {
    expect(log.state(group)).toMatchObject({ term: 1, firstIndex: 1, lastIndex: entryCount, faulty: [] });
    expect(readAll(log, group)).toHaveLength(entryCount);
  }
  await Promise.all(log.groups().map(async (group) => log.destroyGroup(group)));
  expect(log.groups()).toEqual([]);
  await log.createGroup(7);
  await log.close();
  const again = await open();
  expect(again.groups()).toEqual([7]);
  expect(again.state(7)).toMatchObject({ term: 0, lastIndex: 0 });
  await again.close();
}, 60_000);
