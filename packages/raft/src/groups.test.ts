import { expect, test } from '@jest/globals';
import { toLogIndex, toTerm } from '@holdfast/base';
import { SeededRandom } from '@holdfast/base/internal';
import { votersOnly } from './configuration.ts';
import type { Effects } from './effects.ts';
import { Groups, type BeatFrame } from './groups.ts';
import { toGroupId, toMemberId, type GroupId, type MemberId } from './ids.ts';
import type { Message } from './message.ts';
import { emptyReplica } from './recovered.ts';
import { settingsDefault, type Settings } from './settings.ts';

const settings: Settings = { ...settingsDefault, sleepAfterTicks: 5 };
const members = [1, 2, 3].map(toMemberId);

/** Three processes with the same groups, a network that delivers at once, and disks that sync at once. */
class Processes {
  readonly #random = new SeededRandom('groups');
  readonly #wire: (BeatFrame | Message)[] = [];
  readonly hosts = new Map<MemberId, Groups>();
  readonly ids: readonly GroupId[];
  down: MemberId | null = null;
  framesSent = 0;

  constructor(count: number) {
    this.ids = Array.from({ length: count }, (_, at) => toGroupId(at + 1));
    for (const member of members) this.start(member);
  }

  start(self: MemberId): void {
    const groups = new Groups({ cluster: 'test', self, settings, random: this.#random });
    for (const group of this.ids) groups.add(group, emptyReplica(votersOnly(members)));
    this.hosts.set(self, groups);
  }

  #step(host: Groups, event: Parameters<Groups['step']>[0]): void {
    const { groups, frames } = host.step(event);
    this.framesSent += frames.length;
    this.#wire.push(...frames);
    for (const { group, effects } of groups) this.#carryOut(host, group, effects);
  }

  #carryOut(host: Groups, group: GroupId, { messages, write }: Effects): void {
    this.#wire.push(...messages);
    if (write === null) return;
    this.#step(host, { kind: 'group', group, event: { kind: 'stored', ticket: write.ticket } });
  }

  tick(times: number): void {
    for (let tick = 0; tick < times; tick++) {
      for (const [member, host] of this.hosts) if (member !== this.down) this.#step(host, { kind: 'tick' });
      for (let sent = this.#wire.shift(); sent !== undefined; sent = this.#wire.shift()) this.#deliver(sent);
    }
  }

  #deliver(sent: BeatFrame | Message): void {
    const host = this.hosts.get(sent.to);
    if (host === undefined || sent.to === this.down || sent.from === this.down) return;
    if ('beats' in sent) this.#step(host, { kind: 'frame', frame: sent });
    else this.#step(host, { kind: 'group', group: sent.group, event: { kind: 'message', message: sent } });
  }

  propose(group: GroupId): void {
    const leader = this.leaderOf(group);
    const host = leader === null ? null : this.hosts.get(leader);
    const proposals = [{ id: { session: 1, sequence: 1 }, data: new Uint8Array(1), version: 1 }];
    if (host) this.#step(host, { kind: 'group', group, event: { kind: 'propose', proposals } });
  }

  leaderOf(group: GroupId): MemberId | null {
    const up = [...this.hosts].filter(([member]) => member !== this.down);
    return up.find(([, host]) => host.core(group)?.status.role === 'leader')?.[0] ?? null;
  }

  get awake(): number {
    return [...this.hosts].reduce((sum, [member, host]) => sum + (member === this.down ? 0 : host.awake), 0);
  }
}

test('idle groups fall asleep, and from then on cost one frame a peer and interval, however many they are', () => {
  const world = new Processes(20);
  world.tick(60);
  expect(world.awake).toBe(0);
  world.framesSent = 0;
  world.tick(10);
  expect(world.framesSent).toBe(10 * 3 * 2);
});

test('work wakes a group, everywhere, and no other; then it sleeps again', () => {
  const world = new Processes(5);
  world.tick(60);
  world.propose(toGroupId(3));
  world.tick(1);
  expect(world.awake).toBe(3);
  for (const host of world.hosts.values()) expect(host.core(toGroupId(3))?.status.applied).toBe(2);
  world.tick(20);
  expect(world.awake).toBe(0);
});

test('when a process is gone, what it led finds another leader although it slept', () => {
  const world = new Processes(12);
  world.tick(60);
  const led = world.ids.filter((group) => world.leaderOf(group) === members[0]);
  expect(led.length).toBeGreaterThan(0);
  world.down = toMemberId(1);
  world.tick(60);
  for (const group of world.ids) expect(world.leaderOf(group)).not.toBeNull();
});

test('a process that restarts before anybody misses it is noticed by its incarnation', () => {
  const world = new Processes(12);
  world.tick(60);
  const led = world.ids.filter((group) => world.leaderOf(group) === members[0]);
  const before = world.awake;
  world.start(toMemberId(1));
  world.tick(2);
  expect([before, led.length > 0]).toEqual([0, true]);
  world.tick(60);
  for (const group of world.ids) expect(world.leaderOf(group)).not.toBeNull();
});

test('what is of another cluster or an unknown group is refused, and that a stranger lives is ignored', () => {
  const world = new Processes(1);
  const [host] = world.hosts.values();
  const frame = { cluster: 'test', from: toMemberId(2), to: toMemberId(1), incarnation: 1, beats: [] };
  const refusal = (event: Parameters<Groups['step']>[0]): string | undefined => host?.step(event).refused?.code;
  expect(refusal({ kind: 'frame', frame: { ...frame, cluster: 'other' } })).toBe('RAFT_MESSAGE_MISDIRECTED');
  expect(host?.step({ kind: 'frame', frame: { ...frame, from: toMemberId(9) } })).toEqual({
    groups: [],
    frames: [],
    refused: null,
  });
  expect(refusal({ kind: 'group', group: toGroupId(7), event: { kind: 'tick' } })).toBe('RAFT_GROUP_UNKNOWN');
  expect(() => host?.add(toGroupId(1), emptyReplica())).toThrow('has the group 1 already');
});

test('a group that is removed is neither ticked nor a reason to send frames', () => {
  const world = new Processes(1);
  const [host] = world.hosts.values();
  host?.remove(toGroupId(1));
  expect([host?.size, host?.awake, host?.step({ kind: 'tick' }).frames]).toEqual([0, 0, []]);
});

test('a group does not fall asleep while one of its members is away', () => {
  const world = new Processes(1);
  world.down = toMemberId(3);
  world.tick(60);
  expect(world.leaderOf(toGroupId(1))).not.toBeNull();
  expect(world.awake).toBe(2);
});

test('a newcomer that knows nobody yet answers the heartbeats of its leader', () => {
  const self = toMemberId(4);
  const group = toGroupId(1);
  const newcomer = new Groups({ cluster: 'test', self, settings, random: new SeededRandom('newcomer') });
  newcomer.add(group, emptyReplica());
  const envelope = { cluster: 'test', group, from: toMemberId(1), to: self, term: toTerm(1) };
  const beat: Message = { ...envelope, kind: 'heartbeat', commit: toLogIndex(0), context: 7, sleepAt: null };
  const frame: BeatFrame = { cluster: 'test', from: toMemberId(1), to: self, incarnation: 1, beats: [beat] };
  const { groups } = newcomer.step({ kind: 'frame', frame });
  const ticket = groups[0]?.effects.write?.ticket ?? 0;
  const { frames } = newcomer.step({ kind: 'group', group, event: { kind: 'stored', ticket } });
  expect(frames.flatMap(({ beats }) => beats)).toMatchObject([{ kind: 'heartbeat-response', to: 1, context: 7 }]);
});

test('a leader takes nobody for heard who has not answered it, from its first moment on', () => {
  const world = new Processes(1);
  const group = world.ids[0] ?? toGroupId(0);
  const elect = (): MemberId => {
    for (let ticks = 0; ticks < 10 * settings.electionTicks; ticks++) {
      const leader = world.leaderOf(group);
      if (leader !== null) return leader;
      world.tick(1);
    }
    throw new Error('nobody was elected');
  };
  const dead = elect();
  world.down = dead;
  const leader = elect();
  const followers = world.hosts.get(leader)?.core(group)?.status.followers ?? [];
  const heard = followers.filter(({ isActive }) => isActive).map(({ member }) => member);
  expect(heard).toEqual(members.filter((member) => member !== dead && member !== leader));
});
