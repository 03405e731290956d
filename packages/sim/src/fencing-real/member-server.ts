// A member of the real service as machines reach it: the leader's part of sessions behind an agent's words, the log behind a controller's.
// Where production code stands above this, it speaks gRPC (api/agent-stream.ts, api/state-access.ts) and asks for the same.
import { invariant, isOpError, type Clock, type ErrorCode, type Random, type Timers } from '@holdfast/base';
import type { VirtualNode } from '@holdfast/base/internal';
import {
  decodeAnswer,
  encodeCommand,
  type Command as ServiceCommand,
  type CommandOf,
  type MetadataMachine,
  type Replica,
} from '@holdfast/metadata-service';
import { SessionLeader } from '@holdfast/metadata-service/internal';
import type { MetadataState } from '../fencing/metadata/state.ts';
import type { LookedUp, Observer } from '../fencing/ports.ts';
import { times } from '../fencing/settings.ts';
import type { ServiceReply, ServiceRequest, ServiceWire } from './conversation.ts';
import { endOf } from './from-service.ts';
import { StateView } from './state-view.ts';
import type { Layouts } from './pool-layout.ts';

export interface MemberServerParts {
  readonly node: VirtualNode;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly wire: ServiceWire;
  readonly replica: Replica;
  readonly machine: MetadataMachine;
  readonly observer: Observer;
  readonly layouts: Layouts;
  readonly isAlive: () => boolean;
}

const { watchMs, pausedMs, waitMs, intentMs } = times;
const settings = { watchMs, pausedMs, waitMs, intentMs };

const strangersMax = 2 ** 47;
/** Any kind's answer is an object; of a union of all kinds the compiler makes nothing. */
type AnyKind = 'release';
/** Somebody else may lead. */
const elsewhere: ReadonlySet<ErrorCode> = new Set([
  ...(['RAFT_LEADER_ELSEWHERE', 'RAFT_LEADER_UNKNOWN', 'RAFT_LEADER_CHANGED', 'RAFT_HOST_STOPPED'] as const),
]);

export class MemberServer {
  readonly #parts: MemberServerParts;
  readonly #sessions: SessionLeader;
  readonly #view: StateView;
  #isStopped = false;

  constructor(parts: MemberServerParts) {
    this.#parts = parts;
    this.#view = new StateView(parts.layouts);
    const { replica, machine, clock, timers, random, observer, node, wire } = parts;
    this.#sessions = new SessionLeader({
      ...{ replica, machine, clock, timers, random, settings },
      onDue: (session) => this.#remind(session),
      observer: {
        onProposing: (command) => {
          const by = { member: node.name, applied: machine.applied };
          if (command.kind === 'endSession') observer.proposing(by, endOf(command));
        },
        onAnswered: (session) => {
          if (parts.isAlive()) observer.answering(session, { member: node.name, term: replica.status.term });
        },
      },
    });
    wire.listen(node, (_, request, reply) => {
      void this.#serve(request).then((answer) => {
        if (answer !== null && !this.#isStopped && parts.isAlive()) reply(answer);
      });
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#sessions.stop();
    this.#parts.wire.close(this.#parts.node.name);
  }

  /** A session is named by its generation, its node and its incarnation. */
  #remind(session: string): void {
    const [, node = ''] = session.split('.');
    void this.#parts.wire.call(this.#parts, node, { kind: 'due' }, times.answerMs);
  }

  async #serve(request: ServiceRequest): Promise<ServiceReply | null> {
    if (this.#isStopped) return null;
    if (this.#parts.replica.status.role !== 'leader') return { kind: 'not-leader' };
    try {
      return await this.#carryOut(request);
    } catch (error) {
      if (!isOpError(error)) throw error;
      const { code, details } = error;
      if (elsewhere.has(code)) return { kind: 'not-leader' };
      // Nobody knows what became of it.
      return code.startsWith('RAFT_') ? null : { kind: 'refused', code, details };
    }
  }

  async #carryOut(request: ServiceRequest): Promise<ServiceReply> {
    switch (request.kind) {
      case 'agent':
        return done(await this.#sessions.carryOut<AnyKind>(this.#atPresent(request.command) as CommandOf<AnyKind>));
      case 'narrow':
        await this.#sessions.narrow(request.command);
        return done({});
      case 'revision':
        return done({ revision: (await this.#readState()).volumes[request.volume]?.revision ?? 0 });
      case 'renew':
        return this.#renew(request);
      case 'open-client': {
        const { replica, random } = this.#parts;
        const id = { session: 1 + random.below(strangersMax), sequence: 0 };
        const command = this.#atPresent({ kind: 'openClient', atMs: 0 });
        return done(decodeAnswer(command.kind, await replica.propose(id, encodeCommand(command))));
      }
      case 'propose': {
        const command = this.#atPresent(request.command);
        const answer = await this.#parts.replica.propose(request.id, encodeCommand(command));
        const read = (): object => decodeAnswer(command.kind, answer);
        return done(this.#sessions.heed<AnyKind>(command as CommandOf<AnyKind>, read));
      }
      case 'look':
        return { kind: 'looked', looked: await this.#look(request.volume, request.session) };
      case 'due':
        invariant(false, 'a member is reminded of nothing');
    }
  }

  /** The proposer's wall clock is in what it proposes. */
  #atPresent(command: ServiceCommand): ServiceCommand {
    return 'atMs' in command ? { ...command, atMs: this.#parts.clock.wallMs() } : command;
  }

  async #renew({ session, agent }: Extract<ServiceRequest, { readonly kind: 'renew' }>): Promise<ServiceReply> {
    const { observer, isAlive } = this.#parts;
    const arrivedAt = observer.renewing();
    const standing = await this.#sessions.renew({ session, agent });
    if (isAlive()) observer.renewed(session, arrivedAt);
    return { kind: 'standing', standing };
  }

  async #look(volume: string, session: string): Promise<LookedUp> {
    const { generation, volumes, sessions } = await this.#readState();
    const isLive = sessions[session]?.endedBy === null && sessions[session].generation === generation;
    return { generation, volume: isLive ? (volumes[volume] ?? null) : null };
  }

  async #readState(): Promise<MetadataState> {
    const { replica, machine } = this.#parts;
    await replica.read();
    return this.#view.read(machine.database, 'everything');
  }
}

function done(result: object): ServiceReply {
  return { kind: 'done', result };
}
