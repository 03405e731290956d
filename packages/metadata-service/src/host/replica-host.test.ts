// Clusters of hosts in a virtual world: what a user of the host is promised, through failures of machines, disks and networks.
import { expect, test } from '@jest/globals';
import { group, World, type Machine } from './host-testing.ts';

test('a single member leads at once and answers what it was asked to apply', async () => {
  const world = await World.begin({ founders: 1 });
  expect(await world.propose('first')).toBe(1);
  expect(await world.propose('second')).toBe(2);
  expect(world.machine(1).state.texts).toEqual(['first', 'second']);
});

test('three members elect one leader, and all of them apply the same', async () => {
  const world = await World.begin();
  for (let count = 1; count <= 10; count++) expect(await world.propose(`command ${count}`)).toBe(count);
  await world.converge();
  const [first, ...others] = world.machines.map(({ state }) => state.texts);
  for (const texts of others) expect(texts).toEqual(first);
  expect(first?.length).toBe(10);
});

test('when the leader of five dies, another one goes on, and the dead one catches up from its disk', async () => {
  const world = await World.begin({ founders: 5 });
  for (let count = 1; count <= 5; count++) await world.propose(`before ${count}`);
  const first = await world.electedLeader();
  first.crash('power');
  for (let count = 1; count <= 5; count++) await world.propose(`without ${count}`);
  expect((await world.electedLeader()).member).not.toBe(first.member);
  await world.done(first.start());
  await world.converge();
  expect(first.state.texts).toEqual(world.leader?.state.texts);
  expect(first.state.texts).toHaveLength(10);
});

test('what was acknowledged survives a loss of power of everybody at once', async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const world = await World.begin({ seed });
    for (let count = 1; count <= 8; count++) expect(await world.propose(`command ${count}`)).toBe(count);
    for (const machine of world.machines) machine.crash('power');
    for (const machine of world.machines) await world.done(machine.start());
    expect(await world.propose('after')).toBe(9);
  }
});

test('the log is let go behind snapshots, and a start begins at the newest one', async () => {
  const world = await World.begin();
  for (let count = 1; count <= 300; count++) await world.propose(`command ${count} ${'x'.repeat(60)}`);
  await world.converge();
  const machine = world.machine(1);
  const { snapshotIndex, base } = machine.up.replica(group).status;
  expect(base.index).toBeGreaterThan(100);
  expect(snapshotIndex).toBeGreaterThan(base.index);
  machine.crash('power');
  await world.done(machine.start());
  expect(machine.state.applied).toBeGreaterThanOrEqual(snapshotIndex);
  await world.converge();
  expect(machine.state.texts).toHaveLength(300);
});

test('a member that was away for longer than the log reaches back gets a snapshot', async () => {
  const world = await World.begin();
  await world.propose('before');
  const slow = world.machines.find((machine) => machine !== world.leader) ?? world.machine(1);
  slow.crash('process');
  for (let count = 1; count <= 200; count++) await world.propose(`without ${count} ${'x'.repeat(60)}`);
  await world.done(slow.start());
  await world.converge();
  expect(slow.state.texts).toHaveLength(201);
  expect(slow.up.replica(group).status.snapshotIndex).toBeGreaterThan(50);
});

test('a follower applies together what nobody waits for, and at once what is much or is asked for', async () => {
  const world = await World.begin();
  await world.propose('before');
  await world.converge();
  const leader = await world.electedLeader();
  const follower = world.machines.find((machine) => machine !== leader) ?? leader;
  const batchesOf = ({ state }: Machine): number[] => {
    const sizes: number[] = [];
    const apply = state.apply.bind(state);
    state.apply = (entries) => {
      sizes.push(entries.length);
      return apply(entries);
    };
    return sizes;
  };
  const [one, other] = [batchesOf(leader), batchesOf(follower)];
  for (let count = 1; count <= 40; count++) await world.propose(`command ${count}`);
  await world.converge();
  expect(one).toHaveLength(40);
  expect(other.length).toBeLessThan(20);
  const data = new TextEncoder().encode('one of many');
  const numbers = Array.from({ length: 2_000 }, (_, at) => at + 1);
  const many = numbers.map(async (sequence) => leader.up.replica(group).propose({ session: 2, sequence }, data));
  const target = follower.state.applied + 1_024;
  await world.until(() => follower.up.replica(group).status.commit >= target);
  expect(follower.state.applied).toBeGreaterThanOrEqual(target);
  await Promise.all(many);
  await world.converge();
  await world.propose('after');
  await world.until(() => follower.up.replica(group).status.commit > follower.state.applied);
  const askedMs = world.time.nowMs;
  await world.done(follower.up.replica(group).read());
  expect(follower.state.texts.at(-1)).toBe('after');
  expect(world.time.nowMs - askedMs).toBeLessThan(4);
});

test('a leader says a commit with the next entries, and by a frame of its own when none come for a while', async () => {
  const world = await World.begin();
  await world.propose('before');
  await world.converge();
  const leader = await world.electedLeader();
  const sentFrames = (): number => leader.up.status.peers.reduce((sum, peer) => sum + peer.sentFrames, 0);
  const sentBefore = sentFrames();
  for (let count = 1; count <= 40; count++) {
    await world.propose(`command ${count}`);
    await world.time.runFor(4);
  }
  // The entries for two followers, and what is sent at each tick.
  expect(sentFrames() - sentBefore).toBeLessThan(2 * 40 + 20);
  await world.propose('the last for a while');
  const commits = (): number[] => world.machines.map(({ up }) => up.replica(group).status.commit);
  const { commit } = leader.up.replica(group).status;
  expect(Math.min(...commits())).toBeLessThan(commit);
  await world.time.runFor(40);
  expect(commits()).toEqual([commit, commit, commit]);
});
