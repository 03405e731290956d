// Several groups in one process: one log, one set of connections, and each group for itself.
import { expect, test } from '@jest/globals';
import { settingsDefault, toGroupId, votersOnly } from '@holdfast/raft';
import { member, smallSettings, TextMachine, World, type Machine } from './host-testing.ts';
import { initialise } from './initialise.ts';
import { ReplicaHost } from './replica-host.ts';

const groups = Array.from({ length: 20 }, (_, at) => toGroupId(at + 1));
const founders = [1, 2, 3];

class Hosts {
  readonly world = new World();
  readonly states = new Map<Machine, Map<number, TextMachine>>();
  readonly hosts = new Map<Machine, ReplicaHost>();

  async begin(): Promise<void> {
    const configuration = votersOnly(founders.map(member));
    for (const id of founders) {
      const machine = this.world.add(id);
      const initial = groups.map((group) => ({ group, founders: configuration }));
      await this.world.done(initialise({ ...machine.options(), groups: initial }));
      await this.start(machine);
    }
  }

  async start(machine: Machine): Promise<void> {
    const states = new Map(groups.map((group) => [group, new TextMachine()]));
    const raft = { ...(smallSettings.raft ?? settingsDefault), sleepAfterTicks: 10 };
    const host = await this.world.done(
      ReplicaHost.open({
        ...machine.options(),
        settings: { ...smallSettings, raft },
        groups: [...states].map(([group, stateMachine]) => ({ group, stateMachine })),
      }),
    );
    this.states.set(machine, states);
    this.hosts.set(machine, host);
  }

  leaderOf(group: number): ReplicaHost | null {
    return [...this.hosts.values()].find((host) => host.replica(toGroupId(group)).status.role === 'leader') ?? null;
  }

  async propose(group: number, sequence: number): Promise<void> {
    await this.world.until(() => this.leaderOf(group) !== null);
    const replica = this.leaderOf(group)?.replica(toGroupId(group));
    const text = new TextEncoder().encode(`group ${group} command ${sequence}`);
    await this.world.done(replica?.propose({ session: 1, sequence }, text) ?? Promise.reject(new Error('no leader')));
  }
}

test('twenty groups elect, commit, sleep and come back from a loss of power, each with its own state', async () => {
  const hosts = new Hosts();
  await hosts.begin();
  for (const group of groups) for (let sequence = 1; sequence <= 3; sequence++) await hosts.propose(group, sequence);
  const isAsleep = (): boolean =>
    [...hosts.hosts.values()].every((host) => host.status.groups.every((status) => status.isAsleep));
  await hosts.world.until(isAsleep);
  for (const machine of hosts.world.machines) machine.crash('power');
  for (const machine of hosts.world.machines) await hosts.start(machine);
  for (const group of groups) await hosts.propose(group, 4);
  await hosts.world.until(isAsleep);
  for (const states of hosts.states.values()) {
    for (const [group, { texts }] of states) {
      expect(texts).toEqual([1, 2, 3, 4].map((sequence) => `group ${group} command ${sequence}`));
    }
  }
});
