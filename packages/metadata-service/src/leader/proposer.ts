// Commands that this member proposes for itself and for callers that repeat what they asked: each gets its id from a client session
// that is opened when it is first needed. What the state answered, also a refusal, is known; everything else is thrown, and
// then nobody knows whether the command took effect.
import { isOpError, OpError, type Clock, type Random } from '@holdfast/base';
import type { Replica } from '../host/host-options.ts';
import { decodeAnswer, encodeCommand } from '../state/command-codec.ts';
import { commands, type Command, type CommandKind, type CommandOf, type ResultOf } from '../state/commands.ts';
import { stateLimits } from '../state/state-limits.ts';

export interface ProposerParts {
  readonly replica: Pick<Replica, 'propose'>;
  readonly clock: Clock;
  readonly random: Random;
}

export type Answered<Kind extends CommandKind> =
  { readonly result: ResultOf<Kind>; readonly refusal: null } | { readonly result: null; readonly refusal: OpError };

interface Client {
  readonly number: number;
  sequence: number;
  /** In the order of their numbers: the state keeps answers no further behind the newest than its limit. */
  readonly underWay: Set<number>;
}

interface Place {
  readonly client: Client;
  readonly sequence: number;
}

/** Proposals of clients that have no number yet are told apart by luck, so two members never share one. */
const sessionOfStrangers = 0;
const strangersMax = 2 ** 47;
const clientsMax = 16;

export class Proposer {
  readonly #parts: ProposerParts;
  #clients: Client[] = [];
  #opening: Promise<void> | null = null;

  constructor(parts: ProposerParts) {
    this.#parts = parts;
  }

  /** The result, or the OpError with which the state refused it. */
  async propose<Kind extends CommandKind>(command: CommandOf<Kind> & Command): Promise<ResultOf<Kind>> {
    const { result, refusal } = await this.ask<Kind>(command);
    if (refusal !== null) throw refusal;
    return result;
  }

  async ask<Kind extends CommandKind>(command: CommandOf<Kind> & Command): Promise<Answered<Kind>> {
    const data = encodeCommand(command);
    const { since } = commands[command.kind];
    const { client, sequence } = await this.#place();
    try {
      const bytes = await this.#parts.replica.propose({ session: client.number, sequence }, data, since);
      return this.#read<Kind>(command.kind, client, bytes);
    } finally {
      client.underWay.delete(sequence);
    }
  }

  #read<Kind extends CommandKind>(kind: Kind, client: Client, bytes: Uint8Array): Answered<Kind> {
    try {
      return { result: decodeAnswer(kind, bytes), refusal: null };
    } catch (error) {
      if (!isOpError(error)) throw error;
      // Forgotten, or of a state that was restored: the next command opens another one.
      if (error.code === 'CLIENT_UNKNOWN') this.#clients = this.#clients.filter((each) => each !== client);
      return { result: null, refusal: error };
    }
  }

  /** Taken at once: whoever waits for the same client session comes behind it. */
  async #place(): Promise<Place> {
    for (;;) {
      const client = this.#clients.find((each) => hasRoom(each));
      if (client !== undefined) {
        const sequence = ++client.sequence;
        client.underWay.add(sequence);
        return { client, sequence };
      }
      if (this.#clients.length >= clientsMax) {
        const limit = clientsMax * stateLimits.commandsPerClient;
        throw new OpError('RAFT_OVERLOADED', { what: 'commands of this member', limit });
      }
      this.#opening ??= this.#open().finally(() => (this.#opening = null));
      await this.#opening;
    }
  }

  async #open(): Promise<void> {
    const { replica, clock, random } = this.#parts;
    const id = { session: sessionOfStrangers, sequence: 1 + random.below(strangersMax) };
    const bytes = await replica.propose(id, encodeCommand({ kind: 'openClient', atMs: clock.wallMs() }));
    this.#clients.push({ number: decodeAnswer('openClient', bytes).client, sequence: 0, underWay: new Set() });
  }
}

function hasRoom({ sequence, underWay }: Client): boolean {
  const [oldest = sequence + 1] = underWay;
  return sequence + 1 - oldest < stateLimits.commandsPerClient;
}
