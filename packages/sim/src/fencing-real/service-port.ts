// How a machine asks the real service: the member that led last, then the others. An agent's commands are proposed by the leader; a controller
// numbers its own, so that the same one asked again is the same to the service. No answer in time is an answer, too.
import type { VirtualNode } from '@holdfast/base/internal';
import type { Command as ServiceCommand, CommandOf, ResultOf } from '@holdfast/metadata-service';
import { CallerNumbers } from '../fencing/metadata/callers.ts';
import { accept, refuse, type Answer, type Command } from '../fencing/metadata/command.ts';
import type { LookedUp, MetadataDoor, MetadataPort, Observer, Renewal, RenewalReply } from '../fencing/ports.ts';
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
  readonly observer: Pick<Observer, 'gaveUp'>;
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

/** As many commands may a client have under way; what is further behind was given up (decision record 18). */
const commandsPerClient = 256;
const nobody: MadeVolume = { pool: '', tenant: '', extents: 0 };

interface Client {
  readonly session: number;
  readonly numbers: CallerNumbers;
}

class ServicePort implements MetadataPort {
  readonly #parts: ServicePortParts;
  #leader = 0;
  #client: Client | null = null;
  /** The revisions at which unmaps that nobody has answered yet were first asked for. */
  readonly #expected = new Map<string, number>();

  constructor(parts: ServicePortParts) {
    this.#parts = parts;
  }

  async command(command: Command): Promise<Answer | null> {
    this.#noteMade(command);
    const { layouts, keys, volumes } = this.#parts;
    const said = sayToService(command, { layouts, keys, volume: (name) => volumes.get(name) ?? nobody });
    switch (said.way) {
      case 'agent':
        return this.#answer(said.command, await this.#outcome({ kind: 'agent', command: said.command }));
      case 'narrow':
        return this.#narrow(said.command);
      case 'controller':
        return this.#inTurn(said.commands);
      case 'nowhere':
        return refuse('not-allowed');
    }
  }

  /** However often it is asked for, it says the same: what it takes away is what was there when it was wanted. */
  async #narrow(asked: CommandOf<'intend'>): Promise<Answer | null> {
    const { intent, volume, what } = asked;
    const expected = what === 'share' ? null : (this.#expected.get(intent) ?? (await this.#revisionOf(volume)));
    if (what !== 'share' && expected === null) return null;
    if (expected !== null) this.#expected.set(intent, expected);
    const command = { ...asked, expected };
    const outcome = await this.#outcome({ kind: 'narrow', command });
    if (outcome !== null) this.#expected.delete(intent);
    return this.#answer(command, outcome);
  }

  async #revisionOf(volume: string): Promise<number | null> {
    const reply = await this.#ask({ kind: 'revision', volume });
    return reply?.kind === 'done' ? (reply.result as ResultOf<'intend'>).revision : null;
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

  async #inTurn(commands: readonly ServiceCommand[]): Promise<Answer | null> {
    let answer: Answer | null = accept();
    for (const command of commands) {
      answer = this.#answer(command, await this.#numbered(command));
      if (answer?.refusal !== null) return answer;
    }
    return answer;
  }

  /** The same number for whichever member it is sent to; left behind when none of them answers. */
  async #numbered(command: ServiceCommand): Promise<Outcome | null> {
    const client = await this.#openClient();
    if (client === null) return null;
    const { session, numbers } = client;
    const by = await numbers.take();
    const outcome = await this.#outcome({ kind: 'propose', id: { session, sequence: by.number }, command });
    if (outcome !== null) {
      numbers.answered(by);
      return outcome;
    }
    this.#parts.observer.gaveUp(by, numbers.last);
    numbers.gaveUp(by);
    return null;
  }

  async #openClient(): Promise<Client | null> {
    if (this.#client !== null) return this.#client;
    const reply = await this.#ask({ kind: 'open-client' });
    if (reply?.kind !== 'done') return null;
    const { client: session } = reply.result as ResultOf<'openClient'>;
    // Who asked meanwhile has opened one as well.
    this.#client ??= { session, numbers: new CallerNumbers(callerOf(session), commandsPerClient) };
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

/** As the judge of callers knows a client of the service. */
export function callerOf(session: number): string {
  return `client ${session}`;
}
