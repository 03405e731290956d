// How a call reaches the state: commands with the caller's own number, so that one which is sent again gets its first answer, and reads
// that see everything that was acknowledged before they began. Both are the leader's; everybody else names it. A read may say that
// the state of the server that it asks will do.
import { OpError, type Clock, type Random } from '@holdfast/base';
import type { CommandId } from '@holdfast/rpc';
import { decodeAnswer, encodeCommand } from '../state/command-codec.ts';
import { commands, type Command, type CommandKind, type CommandOf, type ResultOf } from '../state/commands.ts';
import type { StateDatabase } from '../state/database.ts';
import type { MetadataService } from '../service.ts';
import { present, toNumber } from './values.ts';

export interface Read<Value> {
  readonly value: Value;
  readonly revision: bigint;
}

/** An answer without fields. */
type Nothing = Readonly<Record<string, never>>;
const nothing: Nothing = {};

export interface StateAccessParts {
  readonly service: Pick<MetadataService, 'replica' | 'machine' | 'book' | 'isLeader' | 'sessions'>;
  readonly clock: Clock;
  readonly random: Random;
}

/** Clients count from 1, so this is nobody's command. */
const sequenceOfOpening = 0;
const openingsMax = 2 ** 47;

export class StateAccess {
  readonly #parts: StateAccessParts;

  constructor(parts: StateAccessParts) {
    this.#parts = parts;
  }

  get wallMs(): number {
    return this.#parts.clock.wallMs();
  }

  /** An id for what is about to be made: whoever asks again with the same command's number is told the first one. */
  newId(): string {
    return this.#parts.random.uuid();
  }

  requireLeader(): void {
    const { replica, book, isLeader } = this.#parts.service;
    if (isLeader) return;
    const { leader } = replica.standing;
    const place = leader === null ? null : book.find(leader);
    if (place === null) throw new OpError('RAFT_LEADER_UNKNOWN', {});
    throw new OpError('METADATA_LEADER_ELSEWHERE', { leader: place.name, address: place.apiAddress });
  }

  async openClient(): Promise<number> {
    this.requireLeader();
    const { service, clock, random } = this.#parts;
    const id = { session: 1 + random.below(openingsMax), sequence: sequenceOfOpening };
    const bytes = await service.replica.propose(id, encodeCommand({ kind: 'openClient', atMs: clock.wallMs() }));
    return decodeAnswer('openClient', bytes).client;
  }

  /** What the state answered, the first time. */
  async propose<Kind extends CommandKind>(
    id: CommandId | null,
    command: CommandOf<Kind> & Command,
  ): Promise<ResultOf<Kind>> {
    const { client, sequence } = present(id, 'id');
    const proposal = { session: toNumber(client, 'id.client'), sequence: toNumber(sequence, 'id.sequence') };
    if (proposal.sequence === sequenceOfOpening) throw new OpError('FIELD_MISSING', { field: 'id.sequence' });
    const data = encodeCommand(command);
    this.requireLeader();
    const { replica, sessions } = this.#parts.service;
    const answer = await replica.propose(proposal, data, commands[command.kind].since);
    return sessions.heed(command, () => decodeAnswer(command.kind, answer));
  }

  /** The same of a command whose answer says no more than that it took effect. */
  act<Kind extends CommandKind>(id: CommandId | null, command: CommandOf<Kind> & Command): Promise<Nothing> {
    return this.propose<Kind>(id, command).then(() => nothing);
  }

  /** `look` sees one state, and nothing is applied while it looks. */
  async read<Value>(isLocal: boolean, look: (database: StateDatabase) => Value): Promise<Read<Value>> {
    const { machine, replica } = this.#parts.service;
    if (!isLocal) {
      this.requireLeader();
      await replica.read();
    }
    return { value: look(machine.database), revision: BigInt(machine.applied) };
  }
}
