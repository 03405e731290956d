// The snapshots of a group across crashes: what a start found is there from then on.
import { expect, test } from '@jest/globals';
import type { Files, LogIndex, Term } from '@holdfast/base';
import { VirtualCrash, VirtualDisk, type CrashMoment } from '@holdfast/base/internal';
import { emptyReplica, toGroupId, toMemberId, votersOnly, type SnapshotMark } from '@holdfast/raft';
import { inlineSyncer } from './file-syncer.ts';
import { sourceOf } from './host-testing.ts';
import { SnapshotStore } from './snapshot-store.ts';

const directory = '/snapshots';
const data = Buffer.from('the state of a group');
const markAt = (index: number): SnapshotMark => ({
  ...emptyReplica(votersOnly([toMemberId(1)])).snapshot,
  id: `1-${index}`,
  index: index as LogIndex,
  term: 3 as Term,
});

function newDisk(): VirtualDisk {
  const disk = new VirtualDisk({ seed: 1 });
  disk.files.mkdir(directory);
  disk.files.fsyncDirectory('/');
  return disk;
}

function openStore(files: Files): SnapshotStore {
  return new SnapshotStore({
    files,
    directory,
    cluster: 'test',
    group: toGroupId(1),
    partBytes: 8,
    chunkBytes: 512,
    syncer: inlineSyncer,
    rest: async () => Promise.resolve(),
    pace: () => async () => Promise.resolve(),
    onTrouble: (error) => {
      throw error;
    },
  });
}

/** A snapshot that comes from a leader, and takes the place of one that the member took itself. */
async function takeAndAccept(files: Files): Promise<void> {
  const own = openStore(files);
  await own.take(markAt(7), sourceOf(data));
  const leader = newDisk();
  const source = openStore(leader.files);
  await source.take(markAt(9), sourceOf(data));
  const part = await source.readPart({
    kind: 'snapshot-read',
    to: toMemberId(2),
    id: null,
    leastIndex: 0 as LogIndex,
    mostIndex: 9 as LogIndex,
    offset: 0,
    repairs: null,
  });
  if (part === null) throw new Error('a snapshot without a part');
  own.receive({ kind: 'snapshot-write', mark: part.mark, offset: 0, data: part.data });
  await own.accept(part.mark);
}

test.each(['before', 'during', 'after'] as const satisfies readonly CrashMoment[])(
  'what a start finds, after its process was killed %s any call, no loss of power takes away',
  async (moment) => {
    const whole = newDisk();
    const before = whole.calls;
    await takeAndAccept(whole.files);
    const found = new Set<number>();
    for (let call = before + 1; call <= whole.calls; call++) {
      const disk = newDisk();
      disk.crashAt(call, moment);
      await expect(takeAndAccept(disk.files)).rejects.toThrow(VirtualCrash);
      const newest = openStore(disk.restart('process')).newest?.index ?? 0;
      disk.halt();
      expect(openStore(disk.restart('power')).newest?.index ?? 0).toBe(newest);
      found.add(newest);
    }
    expect([...found]).toEqual([0, 7, 9]);
  },
);
