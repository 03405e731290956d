// What a replica finds of itself, where the disk has lost something of its log.
import { expect, test } from '@jest/globals';
import type { LogIndex, Term } from '@holdfast/base';
import { SeededRandom, VirtualDisk, VirtualTime } from '@holdfast/base/internal';
import { emptyReplica, toGroupId, toMemberId, votersOnly, type Entry, type SnapshotMark } from '@holdfast/raft';
import { RaftLog } from '@holdfast/raft-log';
import { InlineExecutor, LogDisk } from '@holdfast/raft-log/internal';
import { inlineSyncer } from './file-syncer.ts';
import { sourceOf, TextMachine } from './host-testing.ts';
import { toLogEntry } from './log-entry.ts';
import { recoverGroup } from './recovery.ts';
import { SnapshotStore } from './snapshot-store.ts';

const group = toGroupId(1);
const chunk = '/log/0000000000000001.chunk';
const payloadBytes = 2_000;

async function openLog(disk: VirtualDisk): Promise<RaftLog> {
  const { clock, timers } = new VirtualTime({ seed: 1 }).node('log');
  const executor = new InlineExecutor(new LogDisk(disk.files, clock));
  const limits = { blockBytes: 512, chunkBytes: 64 * 1024, batchBytes: 4096, prepareBytes: 64 * 1024 };
  const random = new SeededRandom('salts');
  return RaftLog.open({ directory: '/log', files: disk.files, executor, clock, timers, random, limits });
}

function openStore(disk: VirtualDisk): SnapshotStore {
  return new SnapshotStore({
    ...{ files: disk.files, directory: '/snapshots', cluster: 'test', group, partBytes: 512, chunkBytes: 512 },
    ...{ syncer: inlineSyncer, rest: async () => Promise.resolve(), pace: () => async () => Promise.resolve() },
    onTrouble: (error) => {
      throw error;
    },
  });
}

/** Behind the second one another leader's. */
function termOf(index: number): Term {
  return (index <= 2 ? 3 : 4) as Term;
}

function entryAt(index: number): Entry {
  const data = new Uint8Array(payloadBytes).fill(index);
  return { index: index as LogIndex, term: termOf(index), kind: 'command', data, proposal: null };
}

/** As if the entry's sectors had rotted, and one before them: of what is up to it the log then knows that it was there, and no more. */
function rot(disk: VirtualDisk, index: number): void {
  const file = disk.files.open(chunk, 'write');
  const bytes = Buffer.alloc(file.sizeBytes());
  file.pread(bytes, 0);
  const from = bytes.indexOf(Buffer.alloc(payloadBytes, index)) - 512;
  file.pwrite(Buffer.alloc(payloadBytes, 'rot'), from);
  file.fsync();
  file.close();
}

test('a snapshot stands for an entry that could not be read, whose term the log does not know: it says who the members are', async () => {
  const disk = new VirtualDisk({ seed: 1 });
  disk.files.mkdir('/snapshots');
  const founded = await openLog(disk);
  await founded.createGroup(group);
  await founded.saveVote(group, { term: 4, vote: null });
  for (let index = 1; index <= 6; index++) await founded.append(group, [toLogEntry(entryAt(index))]);
  await founded.commit(group, 5);
  await founded.close();
  rot(disk, 3);
  const holed = await openLog(disk);
  expect(holed.state(group)?.faulty).toEqual([{ from: 1, to: 3 }]);
  await holed.purge(group, 3);
  await holed.close();

  const voters = votersOnly([1, 2, 3].map(toMemberId));
  const place = { index: 3 as LogIndex, term: termOf(3) };
  const mark: SnapshotMark = { ...emptyReplica(voters).snapshot, id: 'of a peer', ...place };
  const snapshots = openStore(disk);
  await snapshots.take(mark, sourceOf(new Uint8Array(1)));
  const machine = new TextMachine();
  machine.applied = mark.index;
  const log = await openLog(disk);
  const found = await recoverGroup({ log, group, founders: null, snapshots, machine });
  expect(log.state(group)).toMatchObject({ purgedIndex: 3, purgedTerm: 0 });
  expect(found.snapshot).toEqual(mark);
  expect(found.entries.map(({ index }) => index)).toEqual([4, 5, 6]);
  await log.close();
});
