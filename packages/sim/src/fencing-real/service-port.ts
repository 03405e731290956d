// How a machine asks the real service: the member that led last, then the others. An agent's commands are proposed by the leader; a controller
// numbers its own, so that the same one asked again is the same to the service. No answer in time is an answer, too.
import type { VirtualNode } from '@holdfast/base/internal';
import type { Command as ServiceCommand, ResultOf } from '@holdfast/metadata-service';
import type { ProposalId } from '@holdfast/raft';
import { accept, refuse, type Answer, type Command } from '../fencing/metadata/command.ts';
import type { LookedUp, MetadataDoor, MetadataPort, Renewal, RenewalReply } from '../fencing/ports.ts';
import { times } from '../fencing/settings.ts';
import type { Outcome, ServiceReply, ServiceRequest, ServiceWire } from './conversation.ts';
import { answerOf, emptyReplyOf, renewalReplyOf } from './from-service.ts';
import type { KeyBook } from './key-book.ts';
import type { Layouts } from './pool-layout.ts';
import { sayToService } from './to-service.ts';

interface MadeVolume {
  readonly pool: string;
  readonly tenant: string;
  readonly extents: number;
}

export interface ServiceDoorParts {
  readonly wire: ServiceWire;
  readonly members: readonly string[];
  readonly layouts: Layouts;
  readonly keys: KeyBook;
  readonly pools: readonly string[];
}

export class ServiceDoor implements MetadataDoor {
  readonly #parts: ServiceDoorParts;
  /** As they were asked for. */
  readonly volumes = new Map<string, MadeVolume>();

  constructor(parts: ServiceDoorParts) {
    this.#parts = parts;
  }

  connect(node: VirtualNode): MetadataPort {
    return new ServicePort({ ...this.#parts, node, volumes: this.volumes });
  }
  onDue(node: VirtualNode, remind: () => void): void {
    this.#parts.wire.listen(node, remind);
  }
}

interface ServicePortParts extends ServiceDoorParts {
  readonly node: VirtualNode;
  readonly volumes: Map<string, MadeVolume>;
}

/** As many may a client have under way; what is further behind was given up. */
const nobody: MadeVolume = { pool: '', tenant: '', extents: 0 };

class ServicePort implements MetadataPort {
  readonly #parts: ServicePortParts;
  #leader = 0;
  #client: { readonly number: number; sequence: number } | null = null;
  /** Of commands that may be asked for again. */
  readonly #ids = new WeakMap<Command, Map<number, ProposalId>>();

  constructor(parts: ServicePortParts) {
    this.#parts = parts;
  }

  async command(command: Command): Promise<Answer | null> {
    this.#noteMade(command);
    const { layouts, keys, pools, volumes } = this.#parts;
    const said = sayToService(command, { layouts, keys, pools, volume: (name) => volumes.get(name) ?? nobody });
    switch (said.way) {
      case 'agent':
        return this.#answer(said.command, await this.#outcome({ kind: 'agent', command: said.command }));
      case 'narrow':
        return this.#answer(said.command, await this.#outcome({ kind: 'narrow', command: said.command }));
      case 'controller':
        return this.#inTurn(command, said.commands);
      case 'nowhere':
        return refuse('not-allowed');
    }
  }

  #noteMade(command: Command): void {
    const { volumes } = this.#parts;
    if (command.kind === 'create-volume') volumes.set(command.volume.name, command.volume);
    const source = command.kind === 'clone' ? volumes.get(command.volume) : undefined;
    if (command.kind === 'clone' && source !== undefined) volumes.set(command.clone, source);
  }

  #answer(command: ServiceCommand, outcome: Outcome | null): Answer | null {
    return outcome === null ? null : answerOf(command, outcome, this.#parts);
  }

  async #inTurn(command: Command, commands: readonly ServiceCommand[]): Promise<Answer | null> {
    let answer: Answer | null = accept();
    for (const [step, each] of commands.entries()) {
      const id = await this.#idOf(command, step);
      if (id === null) return null;
      answer = this.#answer(each, await this.#outcome({ kind: 'propose', id, command: each }));
      if (answer?.refusal !== null) return answer;
    }
    return answer;
  }

  async #idOf(command: Command, step: number): Promise<ProposalId | null> {
    const ids = this.#ids.get(command) ?? new Map<number, ProposalId>();
    this.#ids.set(command, ids);
    const known = ids.get(step);
    if (known !== undefined) return known;
    const client = await this.#openClient();
    if (client === null) return null;
    const id = { session: client.number, sequence: ++client.sequence };
    ids.set(step, id);
    return id;
  }

  async #openClient(): Promise<{ readonly number: number; sequence: number } | null> {
    if (this.#client !== null) return this.#client;
    const reply = await this.#ask({ kind: 'open-client' });
    if (reply?.kind !== 'done') return null;
    // Who asked meanwhile has opened one as well.
    this.#client ??= { number: (reply.result as ResultOf<'openClient'>).client, sequence: 0 };
    return this.#client;
  }

  async #outcome(request: ServiceRequest): Promise<Outcome | null> {
    const reply = await this.#ask(request);
    if (reply?.kind === 'done') return { result: reply.result, refusal: null };
    if (reply?.kind !== 'refused') return null;
    if (reply.code === 'CLIENT_UNKNOWN') this.#client = null;
    return { result: null, refusal: reply };
  }

  async look(volume: string, session: string): Promise<LookedUp | null> {
    const reply = await this.#ask({ kind: 'look', volume, session });
    return reply?.kind === 'looked' ? reply.looked : null;
  }

  async renew({ session, agent }: Renewal): Promise<RenewalReply | null> {
    const reply = await this.#ask({ kind: 'renew', session, agent });
    if (reply?.kind === 'standing') return renewalReplyOf(reply.standing, this.#parts);
    if (reply?.kind !== 'refused') return null;
    if (reply.code === 'SESSION_ENDED') return emptyReplyOf('ended');
    return reply.code === 'AGENT_SUPERSEDED' ? emptyReplyOf('older-agent') : null;
  }

  async #ask(request: ServiceRequest): Promise<ServiceReply | null> {
    const { wire, members, node } = this.#parts;
    const caller = { node, timers: node.timers };
    const first = this.#leader;
    const inTurn = members.map((_, offset) => (first + offset) % members.length);
    for (const at of inTurn) {
      this.#leader = at;
      const reply = await wire.call(caller, members[at] ?? '', request, times.answerMs);
      if (reply !== null && reply.kind !== 'not-leader') return reply;
    }
    return null;
  }
}
