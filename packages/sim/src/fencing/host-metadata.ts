// The metadata service of a fencing world on the production raft host: members are machines of the world with disks, and everything
// may go wrong with them that the raft scenario knows.
import { isOpError, OpError } from '@holdfast/base';
import { initialise, ReplicaHost, type HostSettings, type Replica } from '@holdfast/metadata-service';
import { settingsDefault, toGroupId, toMemberId, votersOnly, type MemberId } from '@holdfast/raft';
import type { LogLimits } from '@holdfast/raft-log';
import { failedStartsMax, whyBeyondPromise } from '../faults/fault-atlas.ts';
import { cluster } from '../workload/member-program.ts';
import type { Fault, Process, Program, Running } from '../world/scenario.ts';
import type { Metadata, MetadataParts } from './fencing-run.ts';
import { MetadataWireDoor, type MetadataWire } from './metadata/client.ts';
import type { Answer } from './metadata/command.ts';
import { decodeAnswer, encode, MetadataMachine } from './metadata/machine.ts';
import { MetadataServer, type ConsensusPort } from './metadata/server.ts';
import type { MetadataState } from './metadata/state.ts';
import { Wire } from './wire.ts';

const group = toGroupId(1);
const directory = '/member';
const restartDelayMs = { leastMs: 50, mostMs: 2_000 };
const kib = 1024;
const settings: Partial<HostSettings> = {
  raft: { ...settingsDefault, snapshotChunkBytes: 8 * kib, proposalBytesMax: 64 * kib, appendBytesMax: 64 * kib },
  snapshotLogBytes: 64 * kib,
  snapshotPartBytes: 8 * kib,
};
const logLimits: Partial<LogLimits> = { blockBytes: 512, chunkBytes: 512 * kib, cacheBytes: 128 * kib };
/** Ids of proposals: each life of a process has a session of its own. */
const livesMax = 1_000_000;

class RunningMetadata implements Running {
  readonly replica: Replica;
  readonly machine: MetadataMachine;
  readonly #host: ReplicaHost;
  readonly #server: MetadataServer;

  constructor(host: ReplicaHost, machine: MetadataMachine, server: MetadataServer) {
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

export class HostMetadata implements Metadata {
  readonly members: readonly string[];
  readonly door: MetadataWireDoor;
  readonly #wire: MetadataWire;
  readonly #parts: MetadataParts;

  constructor(parts: MetadataParts) {
    this.#parts = parts;
    this.members = Array.from({ length: parts.shape.members }, (_, at) => `m${at + 1}`);
    this.#wire = new Wire(parts.world.time, parts.world.network);
    this.door = new MetadataWireDoor(this.#wire, { members: this.members, observer: parts.observer });
    for (const [at, name] of this.members.entries()) {
      const program = this.#programOf(toMemberId(at + 1));
      parts.world.addMachine(name, { program, restartDelayMs }).start();
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
    const wire = this.#wire;
    const machine = new MetadataMachine((applied, by) => {
      if (!process.isAlive) return;
      observer.applied(name, applied, machine.digest);
      if (by !== null) observer.tookEffect(applied, by);
    });
    const host = await ReplicaHost.open({
      ...parts,
      ...{ clock, timers, random, files, transport, settings, address: addressOf(name) },
      executor: process.newExecutor(),
      addressOf: (other) => addressOf(`m${other}`),
      groups: [{ group, stateMachine: machine }],
    });
    const session = member * livesMax + process.incarnation;
    const consensus = consensusOf(host.replica(group), session);
    const node = world.time.node(name);
    const server = new MetadataServer({ node, clock, timers, wire, machine, consensus, observer });
    void host.ended.then((error) => {
      if (process.isAlive) server.stop();
      process.fail(error ?? new OpError('RAFT_HOST_STOPPED', { member }));
    });
    return new RunningMetadata(host, machine, server);
  }

  #running(name: string): RunningMetadata | null {
    const running = this.#parts.world.machines.get(name)?.running;
    return running instanceof RunningMetadata ? running : null;
  }

  /** Of several that believe it, the one of the latest term. */
  leader(): string | null {
    const leaders = this.members.flatMap((name) => {
      const status = this.#running(name)?.replica.status;
      return status?.role === 'leader' ? [{ name, term: status.term }] : [];
    });
    return leaders.sort((one, other) => other.term - one.term)[0]?.name ?? null;
  }

  state(): MetadataState | null {
    const leader = this.leader();
    return leader === null ? null : (this.#running(leader)?.machine.state ?? null);
  }

  inflict(_fault: Fault): null {
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
}

function addressOf(machine: string): string {
  return `${machine}:1`;
}

function consensusOf(replica: Replica, session: number): ConsensusPort {
  let sequence = 0;
  return {
    isLeading: () => replica.status.role === 'leader',
    term: () => replica.status.term,
    propose: async (command, by): Promise<Answer> => {
      return decodeAnswer(await replica.propose({ session, sequence: ++sequence }, encode({ command, by })));
    },
    read: () => replica.read(),
  };
}
