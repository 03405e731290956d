// The metadata service of a fencing world as a model on the production raft host.
import type { Replica } from '@holdfast/metadata-service';
import type { Fault } from '../world/scenario.ts';
import type { Metadata, MetadataParts } from './fencing-run.ts';
import { MetadataMembers } from './metadata-members.ts';
import { MetadataWireDoor, type MetadataWire } from './metadata/client.ts';
import type { Answer } from './metadata/command.ts';
import type { ConsensusPort } from './metadata/consensus-port.ts';
import { decodeAnswer, encode, MetadataMachine } from './metadata/machine.ts';
import { MetadataServer } from './metadata/server.ts';
import type { MetadataState } from './metadata/state.ts';
import { Wire } from './wire.ts';

const kib = 1024;
const settings = { raft: { snapshotChunkBytes: 8 * kib }, snapshotLogBytes: 64 * kib, snapshotPartBytes: 8 * kib };
/** Ids of proposals: each life of a process has a session of its own. */
const livesMax = 1_000_000;

export class HostMetadata implements Metadata {
  readonly door: MetadataWireDoor;
  readonly #members: MetadataMembers<MetadataMachine>;

  constructor({ world, shape, observer }: MetadataParts) {
    const wire: MetadataWire = new Wire(world.time, world.network);
    this.#members = new MetadataMembers({
      ...{ world, count: shape.members, settings },
      begin: (process, member) => {
        const { clock, timers, name } = process;
        const machine = new MetadataMachine((applied, by) => {
          if (!process.isAlive) return;
          observer.applied(name, applied, machine.digest);
          if (by !== null) observer.tookEffect(applied, by);
        });
        const session = member * livesMax + process.incarnation;
        const serve = (replica: Replica): MetadataServer => {
          const consensus = consensusOf(replica, session);
          return new MetadataServer({
            ...{ node: world.time.node(name), clock, timers },
            ...{ wire, machine, consensus, observer },
          });
        };
        return { state: machine, stateMachine: machine, serve };
      },
    });
    this.door = new MetadataWireDoor(wire, { members: this.members, observer });
  }

  get members(): readonly string[] {
    return this.#members.names;
  }

  leader(): string | null {
    return this.#members.leader()?.name ?? null;
  }

  state(): MetadataState | null {
    return this.#members.leader()?.state.state ?? null;
  }

  inflict(_fault: Fault): null {
    return null;
  }

  whyNotAtRest(): string | null {
    return this.leader() === null ? 'nobody leads' : null;
  }

  beyondPromise(): string | null {
    return this.#members.beyondPromise();
  }
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
