// What the core costs without a disk and a network: commits of three replicas in one process, and what a thousand idle groups
// on three nodes take of a processor and of memory. Messages are handed over as they are, writes are durable at once.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { RealRandom } from '@holdfast/base';
import { median, type Bench, type Report } from '@holdfast/tooling';
import { votersOnly } from './configuration.ts';
import { RaftCore } from './core.ts';
import type { Effects } from './effects.ts';
import type { RaftEvent } from './event.ts';
import { Groups, type BeatFrame, type GroupsEvent } from './groups.ts';
import { toGroupId, toMemberId, type GroupId, type MemberId } from './ids.ts';
import type { Message, Proposal } from './message.ts';
import { emptyReplica } from './recovered.ts';
import { settingsDefault } from './settings.ts';

const members = [1, 2, 3].map(toMemberId);
const random = new RealRandom();
const batch = 64;
const batchesPerRound = 500;
const rounds = 15;
const compactEvery = 100;

class ThreeCores {
  readonly #cores = new Map<MemberId, RaftCore>();
  readonly #wire: Message[] = [];
  committed = 0;

  constructor() {
    for (const self of members) {
      const identity = { cluster: 'bench', group: toGroupId(1), self };
      const recovered = emptyReplica(votersOnly(members));
      this.#cores.set(self, new RaftCore({ identity, settings: settingsDefault, random, recovered }));
    }
    this.step(toMemberId(1), { kind: 'campaign' });
    this.#deliver();
  }

  step(self: MemberId, event: RaftEvent): void {
    const core = this.#cores.get(self);
    if (core === undefined) return;
    let effects: Effects | null = core.step(event);
    while (effects !== null) {
      this.#wire.push(...effects.messages);
      if (self === members[0]) this.committed += effects.committed.length;
      effects = effects.write === null ? null : core.step({ kind: 'stored', ticket: effects.write.ticket });
    }
  }

  #deliver(): void {
    // What a step sends is appended to the list, and reached by the same loop.
    for (const message of this.#wire) this.step(message.to, { kind: 'message', message });
    this.#wire.length = 0;
  }

  propose(proposals: readonly Proposal[]): void {
    this.step(toMemberId(1), { kind: 'propose', proposals });
    this.#deliver();
  }

  compact(): void {
    for (const [self, core] of this.#cores) this.step(self, { kind: 'compact', mark: core.mark('bench') });
  }
}

/** Commits a second of the processor, in one round: nothing here waits, and other processes must not count. */
function commitRound(cores: ThreeCores, data: Uint8Array, firstSequence: number): number {
  const before = cores.committed;
  const started = process.cpuUsage();
  let sequence = firstSequence;
  for (let at = 0; at < batchesPerRound; at++) {
    const proposals = Array.from({ length: batch }, () => ({
      id: { session: 1, sequence: sequence++ },
      data,
      version: 1,
    }));
    cores.propose(proposals);
    if (at % compactEvery === 0) cores.compact();
  }
  const { user, system } = process.cpuUsage(started);
  return ((cores.committed - before) * 1e6) / (user + system);
}

const groupCount = 1_000;
const tickMs = 100;
const ticks = 600;

class Idle {
  readonly hosts = new Map<MemberId, Groups>();
  readonly #wire: (BeatFrame | Message)[] = [];

  constructor() {
    const settings = { ...settingsDefault, sleepAfterTicks: 10 };
    for (const self of members) {
      const groups = new Groups({ cluster: 'bench', self, settings, random });
      for (let id = 1; id <= groupCount; id++) groups.add(toGroupId(id), emptyReplica(votersOnly(members)));
      this.hosts.set(self, groups);
    }
  }

  #step(host: Groups, event: GroupsEvent): void {
    const { groups, frames } = host.step(event);
    this.#wire.push(...frames);
    for (const { group, effects } of groups) this.#carryOut(host, group, effects);
  }

  #carryOut(host: Groups, group: GroupId, { messages, write }: Effects): void {
    this.#wire.push(...messages);
    if (write !== null) this.#step(host, { kind: 'group', group, event: { kind: 'stored', ticket: write.ticket } });
  }

  tick(): void {
    for (const host of this.hosts.values()) this.#step(host, { kind: 'tick' });
    for (const sent of this.#wire) {
      const host = this.hosts.get(sent.to);
      if (host === undefined) continue;
      if ('beats' in sent) this.#step(host, { kind: 'frame', frame: sent });
      else this.#step(host, { kind: 'group', group: sent.group, event: { kind: 'message', message: sent } });
    }
    this.#wire.length = 0;
  }

  get awake(): number {
    return [...this.hosts.values()].reduce((sum, host) => sum + host.awake, 0);
  }
}

/** Bytes in use after everything that nobody holds is gone. */
function usedBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let pass = 0; pass < 3; pass++) collect();
  return process.memoryUsage().heapUsed;
}

function measureIdle(report: Report): void {
  const before = usedBytes();
  const idle = new Idle();
  for (let tick = 0; tick < 200 && (tick < 20 || idle.awake > 0); tick++) idle.tick();
  if (idle.awake > 0) throw new Error(`${idle.awake} groups did not fall asleep`);
  const perGroupKib = (usedBytes() - before) / groupCount / 1024;
  const started = process.cpuUsage();
  for (let tick = 0; tick < ticks; tick++) idle.tick();
  const { user, system } = process.cpuUsage(started);
  const share = ((user + system) / 1000 / (ticks * tickMs)) * 100;
  report.figure('idle-groups-cpu', share, '% of a core', { atMost: 1 });
  report.figure('idle-group-memory', perGroupKib, 'KiB', { atMost: 10 });
}

const bench: Bench = {
  name: 'raft',
  run(report) {
    measureIdle(report);
    const cores = new ThreeCores();
    const data = random.bytes(256);
    const rates: number[] = [];
    for (let round = 0; round < rounds; round++) {
      rates.push(commitRound(cores, data, 1 + round * batchesPerRound * batch));
    }
    report.figure('commits', median(rates.slice(3)), '1/s', { atLeast: 300_000 });
  },
};
export default bench;
