// A real file system that is full: ext4 in a file of a few megabytes behind a loop device. Needs root.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mib, RealClock, RealRandom, RealTimers } from '@holdfast/base';
import { RaftLog } from '@holdfast/raft-log';

const home = mkdtempSync(join(tmpdir(), 'holdfast-full-disk-'));
const image = join(home, 'image');
const mount = join(home, 'mount');
const ballast = join(mount, 'ballast');
const diskBytes = 24 * mib;
const payload = Buffer.alloc(60_000, 'x');

beforeAll(() => {
  writeFileSync(image, '');
  truncateSync(image, diskBytes);
  execFileSync('mkfs.ext4', ['-q', '-m', '0', '-E', 'lazy_itable_init=0', image]);
  execFileSync('mkdir', [mount]);
  execFileSync('mount', ['-o', 'loop', image, mount]);
});

afterAll(() => {
  execFileSync('umount', [mount]);
  rmSync(home, { recursive: true });
});

function open(): Promise<RaftLog> {
  return RaftLog.open({
    directory: join(mount, 'log'),
    clock: new RealClock(),
    timers: new RealTimers(),
    random: new RealRandom(),
    limits: { chunkBytes: mib, prepareBytes: mib / 4 },
  });
}

/** Takes what is free, down to the last block. */
function fillDisk(): void {
  const fill = (): void => writeFileSync(ballast, Buffer.alloc(64 * 1024), { flag: 'a' });
  expect(() => {
    for (let written = 0; written < diskBytes; written += 64 * 1024) fill();
  }).toThrow('ENOSPC');
}

/** Appends until the log says that it is full. */
async function fillLog(log: RaftLog): Promise<number> {
  for (let index = (log.state(1)?.lastIndex ?? 0) + 1; ; index++) {
    const error = await log.append(1, [{ index, term: 1, payload }]).catch((thrown: unknown) => thrown);
    if (error === undefined) continue;
    expect(error).toEqual(expect.objectContaining({ code: 'RAFT_LOG_FULL' }));
    return index - 1;
  }
}

async function until(condition: () => boolean): Promise<void> {
  const timers = new RealTimers();
  while (!condition()) await new Promise<void>((resolve) => void timers.after(20, resolve));
}

test('on a full disk the log refuses entries, votes in its reserve, opens again, and goes on when there is room', async () => {
  const log = await open();
  await log.createGroup(1);
  await log.saveVote(1, { term: 1, vote: null });
  await until(() => log.stat().hasSpare && log.stat().hasReserve);
  fillDisk();
  const lastIndex = await fillLog(log);
  const { chunks } = log.stat();
  for (let term = 2; log.stat().chunks === chunks; term++) await log.saveVote(1, { term, vote: term });
  expect(log.stat()).toMatchObject({ isFull: true, hasReserve: false });
  await log.truncate(1, lastIndex - 1);
  const term = log.state(1)?.term ?? 0;
  await log.close();

  const again = await open();
  expect(again.report).toMatchObject({ isClean: true, damages: [] });
  expect(again.state(1)).toMatchObject({ term, vote: term, lastIndex: lastIndex - 1 });
  await again.saveVote(1, { term: term + 1, vote: 1 });
  expect(await fillLog(again)).toBe(lastIndex - 1);

  rmSync(ballast);
  await until(() => !again.stat().isFull && again.stat().hasReserve);
  await again.append(1, [{ index: lastIndex, term: term + 1, payload }]);
  expect(again.state(1)).toMatchObject({ lastIndex });
  await again.close();
}, 120_000);
