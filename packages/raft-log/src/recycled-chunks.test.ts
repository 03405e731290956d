// A file that lived before as another chunk: whatever it held, nothing of it is seen, and nothing of it looks like a torn write.
import { expect, test } from '@jest/globals';
import type { Files } from '@holdfast/base';
import { VirtualCrash, type VirtualDisk } from '@holdfast/base/internal';
import { reserveName } from './chunk-files.ts';
import { Group } from './group.ts';
import { limitsDefault } from './log-limits.ts';
import { LogSpace } from './log-space.ts';
import { directory, entries, newDisk, openDisk, readAll, smallLimits, SyncLog, tellGroups } from './testing.ts';

function newDiskWithDirectory(seed = 1): VirtualDisk {
  const disk = newDisk(seed);
  disk.files.mkdir(directory);
  disk.files.fsyncDirectory('/');
  return disk;
}

/** Through six chunks, of which at most three are needed at a time. */
function work(files: Files): void {
  const log = new SyncLog(files, 'six chunks');
  log.do({ kind: 'create', group: new Group(1) });
  log.do({ kind: 'vote', group: log.group(1), term: 1, vote: 3 });
  while ((log.core.chunks.at(-1)?.header.sequence ?? 0) < 6) {
    const from = log.group(1).staged.lastIndex + 1;
    log.do({ kind: 'append', group: log.group(1), entries: entries(from, 1, 'x'.repeat(2500)) });
    if (from % 10 !== 0) continue;
    log.do({ kind: 'commit', group: log.group(1), index: from });
    log.do({ kind: 'purge', group: log.group(1), index: from });
    log.settle();
  }
}

test('whatever call a process was killed after, the next one finds no damage, though its files had other lives', () => {
  const whole = newDiskWithDirectory();
  const first = whole.calls + 1;
  work(whole.files);
  expect(whole.files.readdir(directory).filter((name) => name.endsWith('.chunk')).length).toBeLessThan(5);
  for (let call = first; call <= whole.calls; call++) {
    const disk = newDiskWithDirectory();
    disk.crashAt(call, 'after');
    expect(() => work(disk.files)).toThrow(VirtualCrash);
    const next = new SyncLog(disk.restart('process'), 'the next process');
    expect({ call, damages: next.recovered?.report.damages ?? [] }).toEqual({ call, damages: [] });
    expect(next.recovered?.report.ambiguous ?? []).toEqual([]);
    // Its own batches go on in the same file, and are as whole to the one after it.
    if (next.core.stagedGroup(7) === null) next.do({ kind: 'create', group: new Group(7) });
    const last = new SyncLog(disk.restart('power'), 'after the loss of power');
    expect({ call, damages: last.recovered?.report.damages ?? [] }).toEqual({ call, damages: [] });
    expect(tellGroups(last.core.groups)).toEqual(tellGroups(next.core.groups));
  }
});

test.each([1, 2, 3, 4])(
  'a footer that a killed process left unsynced is no damage after a loss of power (disk %i)',
  (seed) => {
    // The footer takes several sectors, of which any may be lost.
    const fill = (files: Files): void => {
      const log = new SyncLog(files, 'a long footer');
      log.do({ kind: 'create', group: new Group(1) });
      log.do({ kind: 'vote', group: log.group(1), term: 1, vote: 3 });
      const texts = Array.from({ length: 100 }, () => '');
      while (log.core.chunks.length < 2) {
        const from = log.group(1).staged.lastIndex + 1;
        log.do({ kind: 'append', group: log.group(1), entries: entries(from, 1, ...texts) });
      }
    };
    const whole = newDiskWithDirectory();
    fill(whole.files);
    for (let call = whole.calls - 12; call <= whole.calls; call++) {
      const disk = newDiskWithDirectory(seed);
      disk.crashAt(call, 'after');
      expect(() => fill(disk.files)).toThrow(VirtualCrash);
      const next = new SyncLog(disk.restart('process'), 'the next process');
      next.do({ kind: 'create', group: new Group(7) });
      const last = new SyncLog(disk.restart('power'), 'after the loss of power');
      expect({ call, damages: last.recovered?.report.damages ?? [] }).toEqual({ call, damages: [] });
      expect(tellGroups(last.core.groups)).toEqual(tellGroups(next.core.groups));
    }
  },
);

test('a log that is killed again and again while its chunks go round is sound each time', async () => {
  const disk = newDisk();
  let log = await openDisk(disk);
  await log.createGroup(1);
  await log.saveVote(1, { term: 1, vote: 3 });
  for (let index = 1; log.stat().lastSequence < 12; index++) {
    await log.append(1, entries(index, 1, `${index}`.padEnd(1500)));
    if (index % 4 === 0) {
      await log.commit(1, index - 1);
      await log.purge(1, index - 1);
    }
    if (index % 3 !== 0) continue;
    const told = readAll(log, 1);
    disk.halt();
    disk.restart('process');
    log = await openDisk(disk);
    expect(log.report).toMatchObject({ damages: [], ambiguous: [] });
    expect(readAll(log, 1)).toEqual(told);
  }
  expect(log.stat().chunks).toBeLessThan(4);
});

test('the reserve is not for those who are too fast for the next spare: it is kept until the disk is full', async () => {
  const log = await openDisk(newDisk(), { limits: { ...smallLimits, prepareBytes: 512 } });
  await log.createGroup(1);
  await log.saveVote(1, { term: 1, vote: 3 });
  for (let index = 1; index <= 60; index++) {
    const hadReserve = log.stat().hasReserve;
    await log.append(1, entries(index, 1, 'x'.repeat(3500)));
    if (hadReserve) expect(log.stat().hasReserve).toBe(true);
    if (index === 1) while (!log.stat().hasReserve) await log.saveVote(1, { term: 1, vote: 3 });
  }
  expect(log.stat()).toMatchObject({ hasReserve: true, isFull: false });
});

test('the reserve becomes a chunk when the disk gives no other file, and not before', () => {
  const space = new LogSpace(directory, { ...limitsDefault, ...smallLimits });
  for (let job = space.nextStep(); job !== null; job = space.nextStep()) space.stepped(job, false);
  expect(space).toMatchObject({ hasSpare: true, hasReserve: true });
  expect(space.takeNext()?.path).toContain('spare-');
  expect(space.takeNext()).toBeNull();
  const step = space.nextStep();
  if (step === null) throw new Error('a spare is wanted');
  space.stepped(step, true);
  expect(space.takeNext()?.path).toContain(reserveName);
});

test('files of another size than the chunks have are not used again', async () => {
  const disk = newDisk();
  const large = await openDisk(disk, { limits: { ...smallLimits, chunkBytes: 32 * 1024, prepareBytes: 32 * 1024 } });
  await large.createGroup(1);
  await large.saveVote(1, { term: 1, vote: 3 });
  for (let index = 1; large.stat().chunks < 3; index++) await large.append(1, entries(index, 1, 'x'.repeat(3000)));
  while (!large.stat().hasSpare) await large.saveVote(1, { term: 1, vote: 3 });
  await large.close();
  // With steps so small that the spare is not there when the first large chunk goes.
  const log = await openDisk(disk, { limits: { ...smallLimits, prepareBytes: 512 } });
  const index = log.state(1)?.lastIndex ?? 0;
  await log.commit(1, index);
  await log.purge(1, index);
  for (let next = index + 1; log.stat().chunks > 1 || log.stat().lastSequence < 6; next++) {
    await log.append(1, entries(next, 1, 'x'.repeat(3000)));
    await log.commit(1, next);
    await log.purge(1, next);
  }
  const sizes = disk.files
    .readdir(directory)
    .filter((name) => name !== 'LOCK')
    .map((name) => [name, disk.files.stat(`${directory}/${name}`)?.sizeBytes]);
  expect(sizes.filter(([, sizeBytes]) => sizeBytes !== smallLimits.chunkBytes)).toEqual([]);
});
