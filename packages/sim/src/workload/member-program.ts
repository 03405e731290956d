// What runs on a member's machine: the production host with the key-value machine, and a door for clients. A process that ends by an
// error of the table is started again by its supervisor; anything else that it ends by is a finding.
import { isOpError, OpError, type Connection } from '@holdfast/base';
import {
  initialise,
  ReplicaHost,
  type HostObserver,
  type HostSettings,
  type Replica,
} from '@holdfast/metadata-service';
import { toGroupId, type Configuration, type GroupsEvent, type Effects, type MemberId } from '@holdfast/raft';
import type { LogLimits } from '@holdfast/raft-log';
import type { RaftJudge } from '../judge/raft-judge.ts';
import type { Process, Program, Running, World } from '../world/scenario.ts';
import { decodeAnswer, encodeCommand, type Answer } from './command.ts';
import { KeyValueMachine } from './key-value-machine.ts';
import { decodeRequest, encode, type Request, type Response } from './request.ts';
import { noteStep } from './step-note.ts';

export const cluster = 'simulated';
export const group = toGroupId(1);
const directory = '/member';
/** A chunk of the small logs here every few seconds, which is much more often than a real disk is read again. */
const scrubBytesPerSecond = 4096;

export interface MemberOptions {
  readonly world: World;
  readonly judge: RaftJudge;
  readonly member: MemberId;
  /** null for who is added later. */
  readonly founders: Configuration | null;
  readonly addressOf: (member: MemberId) => string | null;
  readonly settings: Partial<HostSettings>;
  readonly logLimits: Partial<LogLimits>;
}

/** Where a machine's member listens for its peers, and where for clients. */
export const peerAddress = (machine: string): string => `${machine}:1`;
export const clientAddress = (machine: string): string => `${machine}:2`;

export class RunningMember implements Running {
  readonly host: ReplicaHost;
  readonly replica: Replica;
  readonly machine: KeyValueMachine;

  constructor(host: ReplicaHost, machine: KeyValueMachine) {
    this.host = host;
    this.replica = host.replica(group);
    this.machine = machine;
  }

  async stop(): Promise<void> {
    await this.host.stop();
  }
}

/** Whoever runs a member initialises it once: a disk that is empty later is not taken for a fresh one. */
export function memberProgram(options: MemberOptions): Program {
  let isInitialised = false;
  return async (process) => {
    if (!isInitialised) {
      await initialiseMember(options, process);
      isInitialised = true;
    }
    const machine = new KeyValueMachine({
      onEffect: (id, index) => process.isAlive && options.judge.proposals.tookEffect(id, index),
      onState: (index, digest) => process.isAlive && options.judge.onApplied(options.member, index, digest),
    });
    const host = await ReplicaHost.open({
      ...hostOptions(options, process, machine),
      observer: observerOf(options, process, () => readAtOnce(() => host, process)),
    });
    const running = new RunningMember(host, machine);
    await process.transport.listen(clientAddress(process.name), (connection) => new ClientDoor(connection, running));
    void host.ended.then((error) =>
      process.fail(error ?? new OpError('RAFT_HOST_STOPPED', { member: options.member })),
    );
    return running;
  };
}

async function initialiseMember({ member, founders, logLimits }: MemberOptions, process: Process): Promise<void> {
  const { clock, timers, random, files } = process;
  const parts = { clock, timers, random, files, executor: process.newExecutor(), logLimits };
  try {
    await initialise({ ...parts, directory, cluster, self: member, groups: [{ group, founders }] });
  } catch (error) {
    // An earlier life died between writing that it is done and hearing of it.
    if (!isOpError(error) || error.code !== 'RAFT_MEMBER_EXISTS') throw error;
  }
}

/** Whoever has just come to lead is asked for a read, as callers do who waited for a leader. */
function readAtOnce(host: () => ReplicaHost, process: Process): void {
  process.timers.after(0, () => {
    host()
      .replica(group)
      .read()
      .catch((error: unknown) => {
        if (!isOpError(error)) throw error;
      });
  });
}

function hostOptions(options: MemberOptions, process: Process, stateMachine: KeyValueMachine): HostOptionsOf {
  const { member } = options;
  const { clock, timers, random, files, transport } = process;
  return {
    directory,
    cluster,
    self: member,
    address: peerAddress(process.name),
    addressOf: options.addressOf,
    groups: [{ group, stateMachine }],
    settings: options.settings,
    logLimits: options.logLimits,
    scrubBytesPerSecond,
    clock,
    timers,
    random,
    files,
    transport,
    executor: process.newExecutor(),
  };
}

function observerOf({ world, judge, member }: MemberOptions, process: Process, onLeading: () => void): HostObserver {
  return {
    onRecovered: (_group, recovered) => {
      if (process.isAlive) judge.onRecovered(member, recovered);
    },
    onStored: (_group, ticket) => {
      if (process.isAlive) judge.onStored(member, ticket);
    },
    onStep: (_group, event: GroupsEvent, effects: Effects) => {
      // The dead may still be on their way out of a call; what they say reaches nobody.
      if (!process.isAlive) return;
      judge.onStep(member, event, effects);
      noteStep(world, process.name, effects);
      if (effects.role?.role === 'leader') onLeading();
    },
  };
}

type HostOptionsOf = Parameters<typeof ReplicaHost.open>[0];

/** One client's connection. */
class ClientDoor {
  readonly #connection: Connection;
  readonly #member: RunningMember;
  readonly #seen = new Set<number>();

  constructor(connection: Connection, member: RunningMember) {
    this.#connection = connection;
    this.#member = member;
    connection.start({ onFrame: (frame) => this.#take(decodeRequest(frame)), onClose: () => this.#seen.clear() });
  }

  #take(request: Request): void {
    if (this.#seen.has(request.number)) return;
    this.#seen.add(request.number);
    void this.#serve(request).then(
      (answer) => this.#respond(request, answer),
      (error: unknown) => this.#refuse(request, error),
    );
  }

  async #serve({ key, action, id, padding }: Request): Promise<Answer> {
    const { replica, machine } = this.#member;
    if (id === null || action.kind === 'get') {
      await replica.read();
      return { value: machine.read(key) };
    }
    return decodeAnswer(await replica.propose(id, encodeCommand({ key, action, padding: '.'.repeat(padding) })));
  }

  #respond({ number }: Request, answer: Answer): void {
    this.#send('forgotten' in answer ? { number, kind: 'unknown' } : { number, kind: 'answer', value: answer.value });
  }

  #refuse({ number }: Request, error: unknown): void {
    if (!isOpError(error)) throw error;
    const leader = Number(error.details['leader'] ?? 0);
    const isUnknown = error.code === 'RAFT_OUTCOME_UNKNOWN';
    this.#send(
      isUnknown
        ? { number, kind: 'unknown' }
        : { number, kind: 'refused', code: error.code, leader: leader > 0 ? leader : null },
    );
  }

  #send(response: Response): void {
    try {
      this.#connection.send(encode(response));
    } catch (error) {
      // The client is gone, or takes nothing: it will ask again.
      if (!isOpError(error)) throw error;
    }
  }
}
