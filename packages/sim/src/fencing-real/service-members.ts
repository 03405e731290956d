// The metadata service of a fencing world as it ships, but for its API: the real state machine in SQLite and the real leader's part of sessions on
// the real raft host. A crash takes the process's memory and with it the database, which is made anew from snapshot and log.
import { RealFiles } from '@holdfast/base';
import { MetadataMachine, type Replica } from '@holdfast/metadata-service';
import type { Metadata, MetadataParts } from '../fencing/fencing-run.ts';
import { MetadataMembers } from '../fencing/metadata-members.ts';
import type { MetadataState } from '../fencing/metadata/state.ts';
import { Wire } from '../fencing/wire.ts';
import type { ServiceWire } from './conversation.ts';
import { JudgedMachine } from './judged-machine.ts';
import { KeyBook } from './key-book.ts';
import { MemberServer } from './member-server.ts';
import { Layouts } from './pool-layout.ts';
import { ServiceLog } from './service-log.ts';
import { ServiceDoor } from './service-port.ts';

const kib = 1024;
/** A minute's log has some ten KiB: so members start from images, and are sent some. */
const settings = { raft: { snapshotChunkBytes: 64 * kib }, snapshotLogBytes: kib, snapshotPartBytes: 64 * kib };

export class ServiceMembers implements Metadata {
  readonly door: ServiceDoor;
  readonly #members: MetadataMembers<MetadataMachine>;
  readonly #log: ServiceLog;

  constructor({ shape, world, observer }: MetadataParts) {
    const wire: ServiceWire = new Wire(world.time, world.network);
    const layouts = new Layouts(shape.pools);
    const reading = { layouts, keys: new KeyBook() };
    const log = new ServiceLog({ ...reading, observer, world });
    this.#log = log;
    this.#members = new MetadataMembers({
      ...{ world, count: shape.members, settings },
      begin: (process) => {
        const { clock, timers, random, name } = process;
        const isAlive = (): boolean => process.isAlive;
        // In memory: the files of a database are no part of the world.
        const machine = MetadataMachine.open({ path: null, files: new RealFiles() });
        const serve = (replica: Replica): MemberServer => {
          return new MemberServer({
            ...{ node: world.time.node(name), clock, timers, random, wire, replica, machine },
            ...{ observer, layouts, isAlive },
          });
        };
        return { state: machine, stateMachine: new JudgedMachine({ member: name, machine, log, isAlive }), serve };
      },
    });
    this.door = new ServiceDoor({ ...reading, wire, members: this.members, observer });
  }

  get members(): readonly string[] {
    return this.#members.names;
  }

  leader(): string | null {
    return this.#members.leader()?.name ?? null;
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

  beyondPromise(): string | null {
    return this.#members.beyondPromise();
  }

  conclude(): void {
    const leader = this.#members.leader();
    if (leader !== null) this.#log.conclude(leader.state);
  }
}
