// Leadership, members and requests: who leads, who may join, and what a request is told when things change under it.
import { describe, expect, test } from '@jest/globals';
import type { OpError } from '@holdfast/base';
import { formatConfiguration, settingsDefault } from '@holdfast/raft';
import { addressOf, group, hostLog, member, smallSettings, World, type Machine } from './host-testing.ts';
import { encodeHello, protocolVersion, type Hello } from './frame.ts';

const replicaOf = (machine: Machine) => machine.up.replica(group);
const bytes = (text: string) => new TextEncoder().encode(text);
const codeOf = async (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'resolved',
    (error: unknown) => (error as OpError).code,
  );

describe('leadership', () => {
  test('a member that stops hands over first, and nobody waits for an election timeout', async () => {
    const world = await World.begin();
    await world.propose('before');
    await world.converge();
    const leader = await world.electedLeader();
    await world.done(leader.up.stop());
    const stoppedMs = world.time.nowMs;
    expect(leader.failure).toBeNull();
    await world.propose('after');
    expect(world.time.nowMs - stoppedMs).toBeLessThan(200);
  });

  test('a transfer resolves when the other one leads, and is refused for who cannot', async () => {
    const world = await World.begin();
    await world.propose('before');
    const leader = await world.electedLeader();
    const to = world.machines.find((machine) => machine !== leader) ?? leader;
    await world.done(replicaOf(leader).transfer(to.member));
    expect(world.leader?.member).toBe(to.member);
    expect(await world.done(codeOf(replicaOf(to).transfer(member(9))))).toBe('RAFT_TRANSFER_TARGET');
    expect(await world.done(codeOf(replicaOf(leader).transfer(to.member)))).toBe('RAFT_LEADER_ELSEWHERE');
  });

  test('a proposal of a leader that is cut off ends with an unknown outcome, and a retry has one effect', async () => {
    const world = await World.begin();
    await world.propose('before');
    const leader = await world.electedLeader();
    const id = { session: 5, sequence: 1 };
    isolate(world, leader);
    const first = codeOf(replicaOf(leader).propose(id, bytes('once')));
    expect(await world.done(first)).toBe('RAFT_OUTCOME_UNKNOWN');
    world.network.heal();
    const other = await world.electedLeader();
    await world.done(replicaOf(other).propose(id, bytes('once')));
    await world.done(replicaOf(other).propose(id, bytes('once')));
    expect(other.state.texts.filter((text) => text === 'once')).toHaveLength(1);
  });
});

describe('requests', () => {
  test('a follower passes proposals on, and has applied them when it answers', async () => {
    const world = await World.begin();
    await world.propose('before');
    const follower = world.machines.find((machine) => machine !== world.leader) ?? world.machine(1);
    await world.done(replicaOf(follower).propose({ session: 3, sequence: 1 }, bytes('passed on')));
    expect(follower.state.texts).toContain('passed on');
  });

  test('a read of any member sees what was acknowledged before it began', async () => {
    const world = await World.begin();
    for (let count = 1; count <= 10; count++) {
      await world.propose(`command ${count}`);
      for (const machine of world.machines) {
        await world.done(replicaOf(machine).read());
        expect(machine.state.texts).toHaveLength(count);
      }
    }
  });

  test('a leader that is cut off answers no read', async () => {
    const world = await World.begin();
    await world.propose('before');
    const leader = await world.electedLeader();
    isolate(world, leader);
    expect(await world.done(codeOf(replicaOf(leader).read()))).toBe('RAFT_LEADER_CHANGED');
    expect(await world.done(codeOf(replicaOf(leader).read()))).toBe('RAFT_LEADER_UNKNOWN');
  });

  test('a read that is asked of a leader that does not answer ends in time', async () => {
    const world = await World.begin({ settings: { answerTicks: 3 } });
    await world.propose('before');
    const leader = await world.electedLeader();
    const follower = world.machines.find((machine) => machine !== leader) ?? leader;
    isolate(world, follower);
    expect(await world.done(codeOf(replicaOf(follower).read()))).toBe('TIMED_OUT');
    expect(await world.done(codeOf(replicaOf(follower).propose({ session: 3, sequence: 1 }, bytes('lost'))))).toBe(
      'RAFT_OUTCOME_UNKNOWN',
    );
  });

  test('proposals past the limit are refused, and the same proposal twice waits once', async () => {
    const world = await World.begin({ settings: { waitingMax: 2 } });
    const leader = await world.electedLeader();
    const propose = (sequence: number) => codeOf(replicaOf(leader).propose({ session: 4, sequence }, bytes('x')));
    const codes = [propose(1), propose(1), propose(2), propose(3)];
    expect(await world.done(Promise.all(codes))).toEqual(['resolved', 'resolved', 'resolved', 'RAFT_OVERLOADED']);
    expect(await world.done(codeOf(replicaOf(leader).propose({ session: -1, sequence: 1 }, bytes('x'))))).toBe(
      'ID_MALFORMED',
    );
  });

  test('a member that has stopped answers nobody', async () => {
    const world = await World.begin({ founders: 1 });
    const replica = replicaOf(world.machine(1));
    await world.propose('before');
    const waiting = codeOf(replica.propose({ session: 3, sequence: 1 }, bytes('in the same moment')));
    await world.done(world.machine(1).up.stop());
    expect(['resolved', 'RAFT_HOST_STOPPED']).toContain(await waiting);
    expect(await codeOf(replica.propose({ session: 3, sequence: 2 }, bytes('late')))).toBe('RAFT_HOST_STOPPED');
    expect(await codeOf(replica.read())).toBe('RAFT_HOST_STOPPED');
  });
});

describe('members', () => {
  test('a newcomer learns everything, is promoted, and an old member goes, the leader too', async () => {
    const world = await World.begin();
    for (let count = 1; count <= 200; count++) await world.propose(`command ${count} ${'x'.repeat(60)}`);
    const newcomer = world.add(4);
    await world.done(newcomer.initialise(null));
    await world.done(newcomer.start());
    let leader = await world.electedLeader();
    await world.done(replicaOf(leader).changeConfiguration([{ kind: 'add-learner', member: newcomer.member }]));
    await world.converge();
    await world.done(replicaOf(leader).changeConfiguration([{ kind: 'promote', member: newcomer.member }]));
    const old = leader.member;
    await world.done(replicaOf(leader).changeConfiguration([{ kind: 'remove', member: old }]));
    await world.until(() => world.leader !== null && world.leader.member !== old);
    leader = await world.electedLeader();
    await world.propose('without it');
    await world.converge();
    const voters = [1, 2, 3, 4].filter((id) => id !== old);
    expect(formatConfiguration(replicaOf(leader).status.configuration)).toBe(`(${voters.join(' ')})`);
    expect(newcomer.state.texts).toHaveLength(201);
  });

  test('a newcomer that got the log from its beginning takes no snapshot of a time whose members it does not know', async () => {
    const world = await World.begin({ settings: { snapshotLogBytes: 100_000 } });
    for (let count = 1; count <= 60; count++) await world.propose(`command ${count} ${'x'.repeat(60)}`);
    const leader = await world.electedLeader();
    const [newcomer, next] = [world.add(4), world.add(5)];
    // Reached within the first append that it gets, which ends before its own addition.
    newcomer.settings = { snapshotLogBytes: 3000 };
    for (const machine of [newcomer, next]) {
      await world.done(machine.initialise(null));
      await world.done(machine.start());
    }
    await world.done(replicaOf(leader).changeConfiguration([{ kind: 'add-learner', member: newcomer.member }]));
    await world.converge();
    await world.done(replicaOf(leader).changeConfiguration([{ kind: 'promote', member: newcomer.member }]));
    await world.until(() => replicaOf(newcomer).status.snapshotIndex > 0);
    newcomer.crash('process');
    await world.done(newcomer.start());
    await world.propose('back again');
    await world.converge();
    expect(replicaOf(newcomer).status.base.index).toBeGreaterThan(0);
    await world.done(replicaOf(leader).transfer(newcomer.member));
    await world.propose('of its own term');
    expect(world.leader).toBe(newcomer);
    await world.done(replicaOf(newcomer).changeConfiguration([{ kind: 'add-learner', member: next.member }]));
    await world.converge();
    expect(next.state.texts).toHaveLength(62);
  });

  test('a change that cannot be made is refused with its reason, and two at a time are', async () => {
    const world = await World.begin();
    await world.propose('before');
    const leader = await world.electedLeader();
    const change = (id: number) =>
      codeOf(replicaOf(leader).changeConfiguration([{ kind: 'add-learner', member: member(id) }]));
    expect(await world.done(change(1))).toBe('RAFT_CHANGE_INVALID');
    expect(await world.done(Promise.all([change(4), change(5)]))).toEqual(['resolved', 'RAFT_OVERLOADED']);
  });

  test('the cluster version is raised when every member knows it, and survives restarts', async () => {
    const raft = { ...(smallSettings.raft ?? settingsDefault), supportedVersion: 2 };
    const world = await World.begin({ settings: { raft } });
    await world.propose('before');
    await world.time.runFor(500);
    const leader = await world.electedLeader();
    expect(await world.done(codeOf(replicaOf(leader).raiseVersion(3)))).toBe('RAFT_VERSION_UNANNOUNCED');
    await world.done(replicaOf(leader).raiseVersion(2));
    expect(replicaOf(leader).status.version).toBe(2);
    for (let count = 1; count <= 200; count++) await world.propose(`command ${count} ${'x'.repeat(60)}`);
    for (const machine of world.machines) machine.crash('power');
    for (const machine of world.machines) await world.done(machine.start());
    await world.propose('after');
    await world.converge();
    for (const machine of world.machines) expect(replicaOf(machine).status.version).toBe(2);
  });
});

describe('who comes to the door', () => {
  const knock = async (world: World, hello: Partial<Hello>): Promise<void> => {
    const stranger = world.time.node('stranger');
    const connection = await world.done(world.network.transport(stranger).connect(addressOf(member(1))));
    let isClosed = false;
    connection.start({ onFrame: () => undefined, onClose: () => (isClosed = true) });
    const whole: Hello = {
      version: protocolVersion,
      cluster: 'test',
      from: member(2),
      to: member(1),
      lane: 'urgent',
      ...hello,
    };
    connection.send(encodeHello(whole));
    await world.until(() => isClosed);
  };

  test.each([
    ['of another cluster', { cluster: 'another' }, 'RAFT_MESSAGE_MISDIRECTED'],
    ['who looks for another member', { to: member(2) }, 'RAFT_MESSAGE_MISDIRECTED'],
    ['who is not in the address book', { from: member(99) }, 'RAFT_PEER_UNKNOWN'],
    ['who claims to be this member', { from: member(1) }, 'RAFT_PEER_UNKNOWN'],
    ['of a later release', { version: protocolVersion + 1 }, 'RAFT_PROTOCOL_UNSUPPORTED'],
  ])('somebody %s is refused, and the log says why', async (_who, hello, code) => {
    const world = await World.begin();
    const lines = hostLog.length;
    await knock(world, hello);
    const refused = hostLog.slice(lines).filter(({ message }) => message === 'peer refused');
    expect(refused.map(({ fields }) => (fields['error'] as OpError).code)).toEqual([code]);
  });

  test('a member that is refused tells in its own log why, and once for each of its connections', async () => {
    const world = await World.begin();
    const outsider = world.add(4);
    await world.done(outsider.initialise([1, 4]));
    world.known.delete(outsider.member);
    const lines = hostLog.length;
    await world.done(outsider.start());
    await world.time.runFor(20_000);
    const told = hostLog.slice(lines).filter(({ member: by, message }) => by === 4 && message === 'peer not connected');
    expect(new Set(told.map(({ fields }) => fields['lane']))).toEqual(new Set(['bulk', 'urgent']));
    expect(told).toHaveLength(2);
    for (const { fields } of told) expect((fields['error'] as OpError).code).toBe('RAFT_PEER_UNKNOWN');
  });

  test('foreign bytes end their connection and nothing else', async () => {
    const world = await World.begin();
    const stranger = world.time.node('stranger');
    const connection = await world.done(world.network.transport(stranger).connect(addressOf(member(1))));
    let isClosed = false;
    connection.start({ onFrame: () => undefined, onClose: () => (isClosed = true) });
    connection.send(Buffer.from('GET / HTTP/1.1'));
    await world.until(() => isClosed);
    await world.propose('after');
  });

  test('who says nothing is let go', async () => {
    const world = await World.begin();
    const stranger = world.time.node('stranger');
    const connection = await world.done(world.network.transport(stranger).connect(addressOf(member(1))));
    let isClosed = false;
    connection.start({ onFrame: () => undefined, onClose: () => (isClosed = true) });
    await world.until(() => isClosed, 10_000);
  });
});

/** Nothing reaches it, and nothing of it reaches anybody. */
function isolate(world: World, machine: Machine): void {
  const others = world.machines.filter((each) => each !== machine).map(({ node }) => node.name);
  world.network.partition([others, [machine.node.name]]);
}
