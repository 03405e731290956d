// The metadata service of a fencing world on the stand-in for consensus: fast, and with the faults that matter to the rules: leaders
// that are deposed and do not know, members that are cut off or paused.
import type { VirtualNode } from '@holdfast/base/internal';
import type { Fault } from '../world/scenario.ts';
import { ConsensusStandIn } from './consensus-stand-in.ts';
import type { Metadata, MetadataParts } from './fencing-run.ts';
import { MetadataWireDoor, type MetadataWire } from './metadata/client.ts';
import { MetadataMachine } from './metadata/machine.ts';
import { MetadataServer } from './metadata/server.ts';
import type { MetadataState } from './metadata/state.ts';
import { Wire } from './wire.ts';

export class StandInMetadata implements Metadata {
  readonly members: readonly string[];
  readonly door: MetadataWireDoor;
  readonly #consensus: ConsensusStandIn;
  readonly #machines = new Map<string, MetadataMachine>();
  readonly #nodes = new Map<string, VirtualNode>();

  constructor({ world, shape, observer }: MetadataParts) {
    this.members = Array.from({ length: shape.members }, (_, at) => `m${at + 1}`);
    const wire: MetadataWire = new Wire(world.time, world.network);
    this.door = new MetadataWireDoor(wire, { members: this.members, observer });
    this.#consensus = new ConsensusStandIn(world.time, world.random.fork('consensus'));
    for (const name of this.members) {
      const node = world.time.node(name);
      const machine = new MetadataMachine((applied, by) => {
        observer.applied(name, applied, machine.digest);
        if (by !== null) observer.tookEffect(applied, by);
      });
      this.#machines.set(name, machine);
      this.#nodes.set(name, node);
      const consensus = this.#consensus.join(name, machine);
      const { clock, timers } = node;
      new MetadataServer({ node, clock, timers, wire, machine, consensus, observer });
    }
    this.#consensus.elect('m1');
  }

  state(): MetadataState | null {
    return this.#machines.get(this.#consensus.leader)?.state ?? null;
  }
  leader(): string | null {
    return this.#consensus.leader;
  }
  whyNotAtRest(): string | null {
    return null;
  }

  beyondPromise(): null {
    return null;
  }

  inflict({ kind, target, parameters }: Fault): (() => void) | null {
    const leader = this.#consensus.leader;
    const name = target === 'leader' ? leader : target;
    const node = this.#nodes.get(name);
    if (node === undefined) return null;
    const next = this.members[Math.floor(Number(parameters['next']) * this.members.length)] ?? '';
    switch (kind) {
      case 'stall-log':
        return this.#consensus.stall();
      case 'elect':
        if (!this.#nodes.get(next)?.isPaused) this.#consensus.elect(next, Number(parameters['believesMs']));
        return () => undefined;
      case 'cut-member':
        return this.#cut(name, next);
      case 'pause-member':
        return this.#pause(node, next);
      default:
        return null;
    }
  }

  #cut(name: string, next: string): () => void {
    if (name === this.#consensus.leader && next !== name) this.#consensus.elect(next, 3_000);
    if (name === this.#consensus.leader) return () => undefined;
    this.#consensus.cut(name);
    return () => this.#consensus.mend(name);
  }

  #pause(node: VirtualNode, next: string): () => void {
    if (node.isPaused) return () => undefined;
    node.pause('stopped');
    if (node.name === this.#consensus.leader && next !== node.name && !this.#nodes.get(next)?.isPaused) {
      this.#consensus.elect(next, 100_000);
    }
    return () => {
      if (node.isPaused) node.resume();
    };
  }
}
