// What a member bears, and what it refuses to bear: disks that fail, fill up, rot or are lost, and a process that stands still.
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { replaceContent } from '@holdfast/base';
import { directory, group, hostLog, member, TextMachine, World, type Machine } from './host-testing.ts';
import { ReplicaHost } from './replica-host.ts';

const logPath = join(directory, 'log');
const snapshotPath = join(directory, 'snapshots');
const statusOf = (machine: Machine) => machine.up.replica(group).status;

/** The position behind the last byte of the newest chunk that is not zero. */
function endOfLog(machine: Machine): { readonly path: string; readonly position: number } {
  const { files } = machine.disk;
  const name = files.readdir(logPath).findLast((each) => each.endsWith('.chunk')) ?? '';
  const path = join(logPath, name);
  const file = files.open(path, 'read');
  const bytes = new Uint8Array(file.sizeBytes());
  file.pread(bytes, 0);
  file.close();
  return { path, position: bytes.findLastIndex((byte) => byte !== 0) + 1 };
}

describe('who a directory belongs to', () => {
  test('an empty directory is not taken for a member, before its first start and after its disk was lost', async () => {
    const world = await World.begin();
    const machine = world.add(4);
    await expect(world.done(machine.start())).rejects.toMatchObject({ code: 'RAFT_MEMBER_UNINITIALISED' });
    const wiped = world.machine(1);
    wiped.crash('power');
    wiped.replaceDisk();
    await expect(world.done(wiped.start())).rejects.toMatchObject({ code: 'RAFT_MEMBER_UNINITIALISED' });
  });

  test('a directory is initialised once, and only the member that it is of may start there', async () => {
    const world = await World.begin({ founders: 1 });
    const machine = world.machine(1);
    await world.done(machine.up.stop());
    await expect(world.done(machine.initialise([1]))).rejects.toMatchObject({ code: 'RAFT_MEMBER_EXISTS' });
    const options = machine.options();
    for (const wrong of [{ self: member(2) }, { cluster: 'another' }]) {
      await expect(world.done(ReplicaHost.open({ ...options, ...wrong }))).rejects.toMatchObject({
        code: 'RAFT_MEMBER_MISTAKEN',
      });
    }
  });

  test('either copy of the identity is enough, and without both the member stays down', async () => {
    const world = await World.begin({ founders: 1 });
    const machine = world.machine(1);
    await world.done(machine.up.stop());
    replaceContent(machine.disk.files, join(directory, 'identity'), Buffer.from('rot'));
    await world.done(machine.start());
    await world.done(machine.up.stop());
    replaceContent(machine.disk.files, join(directory, 'identity.copy'), Buffer.from('rot'));
    await expect(world.done(machine.start())).rejects.toMatchObject({ code: 'RAFT_IDENTITY_DAMAGED' });
  });

  test('a member whose log is gone is not taken for a fresh one', async () => {
    const world = await World.begin({ founders: 1 });
    const machine = world.machine(1);
    await world.propose('acknowledged');
    await world.done(machine.up.stop());
    for (const name of machine.disk.files.readdir(logPath)) machine.disk.files.unlink(join(logPath, name));
    await expect(world.done(machine.start())).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
  });
});

describe('a disk that fails', () => {
  test('a sync that fails ends the member, who waits is sent to the others, and they go on', async () => {
    const world = await World.begin();
    await world.propose('before');
    const leader = await world.electedLeader();
    leader.disk.failNext({ operation: 'fdatasync', errno: 'EIO', pathPart: logPath });
    const waiting = leader.up.replica(group).propose({ session: 9, sequence: 1 }, Buffer.from('lost'));
    await expect(world.done(waiting)).rejects.toMatchObject({ code: 'RAFT_HOST_STOPPED', retriable: true });
    await world.until(() => leader.host === null);
    expect(leader.failure?.code).toBe('RAFT_LOG_POISONED');
    await world.propose('after');
    leader.crash('process');
    await world.done(leader.start());
    await world.converge();
    expect(leader.state.texts).toContain('after');
  });

  test('a follower whose disk is full stays, and goes on when there is room', async () => {
    const world = await World.begin({ settings: { snapshotLogBytes: 10_000_000 } });
    await world.propose('before');
    const follower = world.machines.find((machine) => machine !== world.leader) ?? world.machine(1);
    follower.disk.setCapacityBytes(follower.disk.usedBytes);
    for (let count = 1; count <= 300; count++) await world.propose(`while full ${count}`);
    expect(statusOf(follower).durable).toBeLessThan(250);
    follower.disk.setCapacityBytes(2 ** 30);
    await world.converge();
    expect(follower.state.texts).toHaveLength(301);
    expect(follower.failure).toBeNull();
  });

  test('a leader whose disk is full hands over to one that can apply', async () => {
    const world = await World.begin({ settings: { snapshotLogBytes: 10_000_000 } });
    await world.propose('before');
    const full = await world.electedLeader();
    full.disk.setCapacityBytes(full.disk.usedBytes);
    for (let count = 1; count <= 300; count++) await world.propose(`command ${count}`);
    expect(world.leader?.member).not.toBe(full.member);
    full.disk.setCapacityBytes(2 ** 30);
    await world.converge();
    expect(full.state.texts).toHaveLength(301);
  });

  test('a leader whose disk does not answer hands over to one that can apply, and follows when it answers again', async () => {
    const world = await World.begin();
    await world.propose('before');
    const stuck = await world.electedLeader();
    stuck.disk.hang();
    const sinceMs = world.time.nowMs;
    await world.propose('meanwhile');
    expect(world.time.nowMs - sinceMs).toBeLessThan(5_000);
    expect(world.leader?.member).not.toBe(stuck.member);
    stuck.disk.resume();
    await world.converge();
    expect(stuck.state.texts).toEqual(['before', 'meanwhile']);
    expect(stuck.failure).toBeNull();
  });

  test('where the log has no room, what is proposed is refused at once, until there is room', async () => {
    const world = await World.begin({ founders: 1, settings: { snapshotLogBytes: 10_000_000 } });
    await world.propose('before');
    const { disk, up } = world.machine(1);
    disk.setCapacityBytes(disk.usedBytes);
    const propose = async (sequence: number): Promise<Uint8Array> =>
      up.replica(group).propose({ session: 9, sequence }, Buffer.from(`${sequence} ${'x'.repeat(60)}`));
    const outcomes: Promise<unknown>[] = [];
    const isDone = (): boolean => up.status.log.isFull || statusOf(world.machine(1)).waitingProposals === 0;
    while (!up.status.log.isFull) {
      outcomes.push(propose(outcomes.length + 1).catch((error: unknown) => error));
      await world.until(isDone);
    }
    await world.time.runFor(100);
    await expect(world.done(propose(outcomes.length + 1))).rejects.toMatchObject({ code: 'RAFT_LOG_FULL' });
    await world.done(up.replica(group).read());
    disk.setCapacityBytes(2 ** 30);
    // What was taken before the log was found full is done with it.
    await world.done(Promise.all(outcomes));
    await world.propose('after');
    expect(world.machine(1).state.texts).toHaveLength(outcomes.length + 2);
  });

  test('a state without room is waited for: writing is refused, or done by another leader, and goes on by itself', async () => {
    const world = await World.begin();
    await world.propose('before');
    const full = await world.electedLeader();
    full.state.hasRoom = false;
    await world.until(() => world.leader !== null && world.leader !== full);
    for (let count = 1; count <= 300; count++) await world.propose(`while full ${count}`);
    expect([full.state.texts.length, full.failure]).toEqual([1, null]);
    const refused = full.up.replica(group).propose({ session: 9, sequence: 1 }, Buffer.from('refused'));
    await expect(world.done(refused)).rejects.toMatchObject({ code: 'STATE_DISK_FULL', retriable: true });
    expect(statusOf(full).full?.code).toBe('STATE_DISK_FULL');
    full.state.hasRoom = true;
    await world.converge();
    await world.until(() => statusOf(full).full === null);
    expect(full.state.texts).toHaveLength(301);
    await world.done(full.up.replica(group).propose({ session: 9, sequence: 2 }, Buffer.from('taken')));
  });

  test('a member whose state has no room for a snapshot waits for it, and has it when there is room', async () => {
    const world = await World.begin();
    const follower = await behindTheLog(world);
    await world.done(follower.start());
    follower.state.hasRoom = false;
    await world.until(() => statusOf(follower).snapshotIndex > 0 && follower.state.refusals > 20);
    expect([follower.state.texts.length, follower.failure]).toEqual([0, null]);
    follower.state.hasRoom = true;
    await world.converge();
    expect(follower.state.texts).toEqual(world.leader?.state.texts);
  });

  test('a follower without room for a snapshot asks for it again, and has it when there is room', async () => {
    const world = await World.begin();
    const follower = await behindTheLog(world);
    follower.disk.failNext({ operation: 'pwrite', errno: 'ENOSPC', pathPart: '.receiving' });
    follower.disk.failNext({ operation: 'pwrite', errno: 'ENOSPC', pathPart: '.receiving', skip: 3 });
    await world.done(follower.start());
    await world.converge();
    expect(follower.state.texts).toEqual(world.leader?.state.texts);
  });

  test('a snapshot that cannot be written is tried again later, and the log waits for it', async () => {
    const world = await World.begin({ founders: 1 });
    const machine = world.machine(1);
    for (const operation of ['fsync', 'fdatasync', 'pwrite', 'rename'] as const) {
      machine.disk.failNext({ operation, errno: 'EIO', pathPart: '.taking' });
    }
    for (let count = 1; count <= 400; count++) await world.propose(`command ${count} ${'x'.repeat(60)}`);
    expect(statusOf(machine).base.index).toBeGreaterThan(0);
    machine.crash('power');
    await world.done(machine.start());
    await world.until(() => machine.state.texts.length === 400);
  });
});

describe('a disk that rots', () => {
  test('a member whose last batch does not verify votes for nobody until it has caught up', async () => {
    const world = await World.begin();
    for (let count = 1; count <= 5; count++) await world.propose(`command ${count}`);
    const doubtful = world.machine(1);
    doubtful.crash('process');
    const { path, position } = endOfLog(doubtful);
    doubtful.disk.rot(path, position - 1, 3);
    for (const other of world.machines) if (other !== doubtful) other.crash('process');
    await world.done(doubtful.start());
    expect(statusOf(doubtful).isSuspect).toBe(true);
    for (const other of world.machines) if (other !== doubtful) await world.done(other.start());
    await world.converge();
    await world.until(() => !statusOf(doubtful).isSuspect);
    expect(doubtful.state.texts).toHaveLength(5);
  });

  test('when the newest snapshot is damaged, the one before it and the log lead to the same state', async () => {
    const world = await World.begin({ founders: 1 });
    const machine = world.machine(1);
    for (let count = 1; count <= 200; count++) await world.propose(`command ${count} ${'x'.repeat(60)}`);
    const { snapshotIndex } = statusOf(machine);
    await world.done(machine.up.stop());
    const newest = machine.disk.files.readdir(snapshotPath).findLast((name) => name.endsWith('.snapshot')) ?? '';
    machine.disk.rot(join(snapshotPath, newest), 600, 1);
    await world.done(machine.start());
    expect(statusOf(machine).snapshotIndex).toBeLessThan(snapshotIndex);
    await world.until(() => machine.state.texts.length === 200);
  });

  test('a member without any usable snapshot behind its log stays down', async () => {
    const world = await World.begin({ founders: 1 });
    const machine = world.machine(1);
    for (let count = 1; count <= 200; count++) await world.propose(`command ${count} ${'x'.repeat(60)}`);
    await world.done(machine.up.stop());
    for (const name of machine.disk.files.readdir(snapshotPath)) machine.disk.rot(join(snapshotPath, name), 600, 1);
    await expect(world.done(machine.start())).rejects.toMatchObject({ code: 'RAFT_STATE_UNUSABLE' });
  });

  test('a leader whose snapshot turns out to be damaged takes another one for its follower', async () => {
    const world = await World.begin();
    const follower = await behindTheLog(world);
    const leader = await world.electedLeader();
    await world.done(leader.up.stop());
    for (const name of leader.disk.files.readdir(snapshotPath).slice(-1)) {
      leader.disk.rot(join(snapshotPath, name), 600, 1);
    }
    await world.done(leader.start());
    await world.done(follower.start());
    await world.converge();
    expect(follower.state.texts).toEqual(leader.state.texts);
  });
});

describe('a snapshot on its way', () => {
  test('a restart goes on where the parts end that verify', async () => {
    const world = await World.begin({ settings: { snapshotPartBytes: 256 } });
    const follower = await behindTheLog(world);
    const receiving = join(snapshotPath, '1.receiving');
    await world.done(follower.start());
    await world.until(() => (follower.disk.files.stat(receiving)?.sizeBytes ?? 0) > 3_000);
    follower.crash('process');
    const sizeBytes = follower.disk.files.stat(receiving)?.sizeBytes ?? 0;
    const written: number[] = [];
    follower.observer = {
      onStep: (_group, _event, { snapshots }) => {
        for (const effect of snapshots) if (effect.kind === 'snapshot-write') written.push(effect.offset);
      },
    };
    await world.done(follower.start());
    await world.converge();
    expect(Math.min(...written)).toBeGreaterThan(sizeBytes - 1_000);
    expect(follower.state.texts).toEqual(world.leader?.state.texts);
  });

  test('it takes as long as the rate of the settings asks for, which is not nothing', async () => {
    const bytesPerSecond = 2_048;
    const world = await World.begin({ settings: { snapshotBytesPerSecond: bytesPerSecond } });
    const follower = await behindTheLog(world);
    const isCut = (): boolean => world.leader !== null && statusOf(world.leader).base.index > 20;
    while (!isCut()) {
      await world.propose('another');
      await world.time.runFor(1_000);
    }
    const beforeMs = follower.node.clock.boottimeMs();
    let [sentBytes, installs] = [0, 0];
    follower.observer = {
      onStep: (_group, _event, { snapshots }) => {
        for (const effect of snapshots) {
          if (effect.kind === 'snapshot-write') sentBytes += effect.data.length;
          if (effect.kind === 'snapshot-install') installs++;
        }
      },
    };
    await world.done(follower.start());
    await world.until(() => installs > 0);
    expect(sentBytes).toBeGreaterThan(5_000);
    const tookMs = follower.node.clock.boottimeMs() - beforeMs;
    expect(tookMs).toBeGreaterThan((900 * sentBytes) / bytesPerSecond);
    await world.converge();
    follower.settings = { snapshotBytesPerSecond: 0 };
    follower.crash('process');
    await expect(world.done(follower.start())).rejects.toMatchObject({
      code: 'RAFT_SETTINGS_INVALID',
      message: expect.stringContaining(
        'snapshotBytesPerSecond is 0, but must be at least 1024. snapshotBytesPerSecond is 0, but parts of 512 bytes need',
      ),
    });
  });
});

describe('a process that stands still', () => {
  test('a leader that stood still leads no more when it wakes, before it is asked anything', async () => {
    const world = await World.begin();
    await world.propose('before');
    for (const kind of ['stopped', 'suspended'] as const) {
      const leader = await world.electedLeader();
      const lines = hostLog.length;
      leader.node.pause(kind);
      await world.time.runFor(5_000);
      leader.node.resume();
      await world.time.runFor(150);
      expect(statusOf(leader).role).not.toBe('leader');
      expect(hostLog.slice(lines).map(({ message }) => message)).toContain('the process stood still');
      await world.propose(`after ${kind}`);
      await world.converge();
    }
  });
});

/** A follower that is down, and whose log ends before the leader's begins. */
async function behindTheLog(world: World): Promise<Machine> {
  await world.propose('before');
  const follower = world.machines.find((machine) => machine !== world.leader) ?? world.machine(1);
  follower.crash('process');
  for (let count = 1; count <= 150; count++) await world.propose(`without ${count} ${'x'.repeat(60)}`);
  return follower;
}

test('the machine of these tests answers a retry as it did the first time', () => {
  const machine = new TextMachine();
  const entry = { term: 1, kind: 'command', proposal: { session: 1, sequence: 1 }, data: Buffer.from('once') } as const;
  const answers = [1, 2].map((index) => machine.apply([{ ...entry, index } as never]).map(String));
  expect(answers).toEqual([[answers[0]?.[0]], [answers[0]?.[0]]]);
  expect(machine.texts).toEqual(['once']);
});
