// Asks the metadata service over the wire: the member that led last, then the others. No answer in time is an answer, too: the
// command may have been applied, and whoever asks again names the same thing again. What comes after it is applied after it.
import type { Timers } from '@holdfast/base';
import type { VirtualNode } from '@holdfast/base/internal';
import type { LookedUp, MetadataDoor, MetadataPort, Observer, Renewal, RenewalReply } from '../ports.ts';
import { times } from '../settings.ts';
import type { Wire } from '../wire.ts';
import { CallerNumbers, type CommandId } from './callers.ts';
import type { Answer, Command } from './command.ts';

export type MetadataRequest =
  | { readonly kind: 'command'; readonly command: Command; readonly by: CommandId }
  | { readonly kind: 'look'; readonly volume: string; readonly session: string }
  | { readonly kind: 'renew'; readonly renewal: Renewal }
  /** From the leader to a node: something waits for it, it should renew at once. */
  | { readonly kind: 'nudge' };
export type MetadataReply =
  | { readonly kind: 'answer'; readonly answer: Answer }
  | { readonly kind: 'looked'; readonly looked: LookedUp }
  | { readonly kind: 'renewed'; readonly reply: RenewalReply }
  | { readonly kind: 'not-leader' };
export type MetadataWire = Wire<MetadataRequest, MetadataReply>;

export interface MetadataClientParts {
  /** Of a process: no other one has it. */
  readonly caller: string;
  readonly wire: MetadataWire;
  readonly node: VirtualNode;
  readonly timers: Timers;
  readonly members: readonly string[];
  readonly observer: Pick<Observer, 'gaveUp'>;
}

export class MetadataClient implements MetadataPort {
  readonly #parts: MetadataClientParts;
  readonly #numbers: CallerNumbers;
  #leader = 0;

  constructor(parts: MetadataClientParts) {
    this.#parts = parts;
    this.#numbers = new CallerNumbers(parts.caller);
  }

  async command(command: Command): Promise<Answer | null> {
    const by = await this.#numbers.take();
    const reply = await this.#ask({ kind: 'command', command, by });
    if (reply?.kind === 'answer') {
      this.#numbers.answered(by);
      return reply.answer;
    }
    this.#parts.observer.gaveUp(by, this.#numbers.last);
    this.#numbers.gaveUp(by);
    return null;
  }

  async look(volume: string, session: string): Promise<LookedUp | null> {
    const reply = await this.#ask({ kind: 'look', volume, session });
    return reply?.kind === 'looked' ? reply.looked : null;
  }

  async renew(renewal: Renewal): Promise<RenewalReply | null> {
    const reply = await this.#ask({ kind: 'renew', renewal });
    return reply?.kind === 'renewed' ? reply.reply : null;
  }

  async #ask(request: MetadataRequest): Promise<MetadataReply | null> {
    const { wire, members } = this.#parts;
    const first = this.#leader;
    const inTurn = members.map((_, offset) => (first + offset) % members.length);
    for (const at of inTurn) {
      this.#leader = at;
      const reply = await wire.call(this.#parts, members[at] ?? '', request, times.answerMs);
      if (reply !== null && reply.kind !== 'not-leader') return reply;
    }
    return null;
  }
}

export class MetadataWireDoor implements MetadataDoor {
  readonly #wire: MetadataWire;
  readonly #parts: Pick<MetadataClientParts, 'members' | 'observer'>;
  #callers = 0;

  constructor(wire: MetadataWire, parts: Pick<MetadataClientParts, 'members' | 'observer'>) {
    this.#wire = wire;
    this.#parts = parts;
  }

  connect(node: VirtualNode): MetadataPort {
    const caller = `${node.name} ${++this.#callers}`;
    return new MetadataClient({ caller, wire: this.#wire, node, timers: node.timers, ...this.#parts });
  }
  onDue(node: VirtualNode, remind: () => void): void {
    this.#wire.listen(node, remind);
  }
}
