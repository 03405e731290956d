// The metadata service of a fencing world as it ships, but for its API: the real state machine in SQLite and the real leader's part of sessions on
// the real raft host. A crash takes the process's memory and with it the database, which is made anew from snapshot and log.
import { isOpError, OpError, RealFiles } from '@holdfast/base';
import { initialise, MetadataMachine, ReplicaHost, type HostSettings, type Replica } from '@holdfast/metadata-service';
import { settingsDefault, toGroupId, toMemberId, votersOnly, type MemberId } from '@holdfast/raft';
import type { LogLimits } from '@holdfast/raft-log';
import { failedStartsMax, whyBeyondPromise } from '../faults/fault-atlas.ts';
import type { Metadata, MetadataParts } from '../fencing/fencing-run.ts';
import type { MetadataState } from '../fencing/metadata/state.ts';
import { Wire } from '../fencing/wire.ts';
import { cluster } from '../workload/member-program.ts';
import type { Process, Program, Running } from '../world/scenario.ts';
import type { ServiceWire } from './conversation.ts';
import { JudgedMachine } from './judged-machine.ts';
import { KeyBook } from './key-book.ts';
import { MemberServer } from './member-server.ts';
import { Layouts } from './pool-layout.ts';
import { ServiceLog } from './service-log.ts';
import { ServiceDoor } from './service-port.ts';

const group = toGroupId(1);
const directory = '/member';
const restartDelayMs = { leastMs: 50, mostMs: 2_000 };
const kib = 1024;
const settings: Partial<HostSettings> = {
  raft: { ...settingsDefault, snapshotChunkBytes: 64 * kib, proposalBytesMax: 64 * kib, appendBytesMax: 64 * kib },
  // A minute's log has some ten KiB: so members start from images, and are sent some.
  snapshotLogBytes: kib,
  snapshotPartBytes: 64 * kib,
};
/** Rot that nobody reads is the scenario `raft`'s to find; here it would take a tenth of the time. */
const scrubBytesPerSecond = 256 * kib;
const logLimits: Partial<LogLimits> = { blockBytes: 512, chunkBytes: 512 * kib, cacheBytes: 128 * kib };

class RunningMember implements Running {
  readonly replica: Replica;
  readonly machine: MetadataMachine;
  readonly #host: ReplicaHost;
  readonly #server: MemberServer;

  constructor(host: ReplicaHost, machine: MetadataMachine, server: MemberServer) {
    this.#host = host;
    this.#server = server;
    this.machine = machine;
    this.replica = host.replica(group);
  }

  async stop(): Promise<void> {
    this.#server.stop();
    await this.#host.stop();
  }
}

export class ServiceMembers implements Metadata {
  readonly members: readonly string[];
  readonly door: ServiceDoor;
  readonly #parts: MetadataParts;
  readonly #wire: ServiceWire;
  readonly #layouts: Layouts;
  readonly #log: ServiceLog;

  constructor(parts: MetadataParts) {
    const { shape, world, observer } = parts;
    this.#parts = parts;
    this.members = Array.from({ length: shape.members }, (_, at) => `m${at + 1}`);
    this.#wire = new Wire(world.time, world.network);
    this.#layouts = new Layouts(shape.pools);
    const reading = { layouts: this.#layouts, keys: new KeyBook() };
    this.door = new ServiceDoor({ ...reading, wire: this.#wire, members: this.members, observer });
    this.#log = new ServiceLog({ ...reading, observer, world });
    for (const [at, name] of this.members.entries()) {
      world.addMachine(name, { program: this.#programOf(toMemberId(at + 1)), restartDelayMs }).start();
    }
  }

  #programOf(member: MemberId): Program {
    const founders = votersOnly(this.members.map((_, at) => toMemberId(at + 1)));
    let isInitialised = false;
    return async (process) => {
      const { clock, timers, random, files } = process;
      const parts = { clock, timers, random, files, logLimits, directory, cluster, self: member };
      if (!isInitialised) {
        await initialise({ ...parts, executor: process.newExecutor(), groups: [{ group, founders }] }).catch(
          (error: unknown) => {
            // An earlier life died between writing that it is done and hearing of it.
            if (!isOpError(error) || error.code !== 'RAFT_MEMBER_EXISTS') throw error;
          },
        );
        isInitialised = true;
      }
      return this.#serve(member, process, parts);
    };
  }

  async #serve(
    member: MemberId,
    process: Process,
    parts: Pick<Parameters<typeof ReplicaHost.open>[0], 'directory' | 'cluster' | 'self' | 'logLimits'>,
  ): Promise<Running> {
    const { clock, timers, random, files, transport, name } = process;
    const { world, observer } = this.#parts;
    const isAlive = (): boolean => process.isAlive;
    // In memory: the files of a database are no part of the world.
    const machine = MetadataMachine.open({ path: null, files: new RealFiles() });
    const host = await ReplicaHost.open({
      ...parts,
      ...{ clock, timers, random, files, transport, settings, address: addressOf(name), scrubBytesPerSecond },
      executor: process.newExecutor(),
      addressOf: (other) => addressOf(`m${other}`),
      groups: [{ group, stateMachine: new JudgedMachine({ member: name, machine, log: this.#log, isAlive }) }],
    });
    const server = new MemberServer({
      ...{
        node: world.time.node(name),
        clock,
        timers,
        random,
        wire: this.#wire,
        replica: host.replica(group),
        machine,
      },
      ...{ observer, layouts: this.#layouts, isAlive },
    });
    void host.ended.then((error) => {
      if (process.isAlive) server.stop();
      process.fail(error ?? new OpError('RAFT_HOST_STOPPED', { member }));
    });
    return new RunningMember(host, machine, server);
  }

  #running(name: string): RunningMember | null {
    const running = this.#parts.world.machines.get(name)?.running;
    return running instanceof RunningMember ? running : null;
  }

  /** Of several that believe it, the one of the latest term. */
  leader(): string | null {
    const leaders = this.members.flatMap((name) => {
      const status = this.#running(name)?.replica.status;
      return status?.role === 'leader' ? [{ name, term: status.term }] : [];
    });
    return leaders.sort((one, other) => other.term - one.term)[0]?.name ?? null;
  }

  /** Of whoever has applied most. */
  state(): MetadataState {
    return this.#log.state;
  }

  inflict(): null {
    return null;
  }

  whyNotAtRest(): string | null {
    return this.leader() === null ? 'nobody leads' : null;
  }

  /** Nobody replaces a member here whose disk decayed. */
  beyondPromise(): string | null {
    const { machines } = this.#parts.world;
    const isLost = (name: string): boolean => (machines.get(name)?.startFailures ?? 0) >= failedStartsMax;
    const lost = new Set(this.members.flatMap((name, at) => (isLost(name) ? [toMemberId(at + 1)] : [])));
    const running = this.members.map((name) => this.#running(name)).filter((each) => each !== null);
    return whyBeyondPromise({ running: running.map(({ replica }) => replica.status), lost });
  }

  conclude(): void {
    const leader = this.leader();
    const running = leader === null ? null : this.#running(leader);
    if (running !== null) this.#log.conclude(running.machine);
  }
}

function addressOf(machine: string): string {
  return `${machine}:1`;
}
