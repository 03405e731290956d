// Somebody on the network who says to members what no member says: of another cluster, under a name that nobody has, or, with the name of
// a member (a program gone wrong, or one of another release), frames that are cut short, of groups and terms that there are not,
// and changes that would remove everybody. A member refuses all of it with a row of the error table and goes on as if nothing was.
import { isOpError, toLogIndex, toTerm, type Connection, type Random } from '@holdfast/base';
import { encodeHello, encodeMessages, protocolVersion } from '@holdfast/metadata-service/internal';
import { toGroupId, toMemberId, type MemberId, type Message, type MessageBody } from '@holdfast/raft';
import type { Process, Program, Running } from '../world/scenario.ts';
import { cluster, group, peerAddress } from './member-program.ts';

/** One visit: how it introduces itself, and what it says then. */
interface Visit {
  readonly cluster: string;
  readonly from: MemberId;
  readonly frames: (random: Random, to: MemberId) => Uint8Array[];
}

const nobody = toMemberId(29);
const imposture = toMemberId(1);
const farTerm = toTerm(2 ** 50);
const emptyConfiguration = '{"voters":[],"outgoing":[],"learners":[],"learnersNext":[]}';
const origin = { term: toTerm(0), index: toLogIndex(0) };

function messageOf(to: MemberId, term: number, body: MessageBody, inGroup = group): Message {
  return { cluster, group: inGroup, from: imposture, to, term: toTerm(term), ...body };
}

/** Frames of a visitor with the name of member 1. */
const asMember = (messages: (to: MemberId) => Message[]): Visit => ({
  cluster,
  from: imposture,
  frames: (_random, to) => messages(to).map((message) => encodeMessages([message])),
});

export const visits = {
  'of another cluster': { cluster: 'another', from: imposture, frames: () => [] },
  'of nobody': { cluster, from: nobody, frames: () => [] },
  'of noise': {
    cluster,
    from: imposture,
    frames: (random) => Array.from({ length: 5 }, () => random.bytes(1 + random.below(200))),
  },
  'cut short': {
    cluster,
    from: imposture,
    frames: (random, to) => {
      const whole = encodeMessages([
        messageOf(to, 1, { kind: 'append', previous: origin, entries: [], commit: origin.index }),
      ]);
      return [whole.subarray(0, 1 + random.below(whole.length - 1))];
    },
  },
  'of the far future': asMember((to) => [
    messageOf(to, farTerm, { kind: 'vote-request', last: origin, isTransfer: true, isRecovery: false, context: 0 }),
    messageOf(to, farTerm, { kind: 'append', previous: origin, entries: [], commit: toLogIndex(9) }),
    messageOf(to, farTerm, { kind: 'heartbeat', commit: toLogIndex(9), context: 1, sleepAt: null }),
  ]),
  'of another group': asMember((to) => [
    messageOf(to, 1, { kind: 'append', previous: origin, entries: [], commit: origin.index }, toGroupId(99)),
  ]),
  'that removes everybody': asMember((to) => [
    messageOf(to, 1, {
      kind: 'append',
      previous: origin,
      entries: [
        {
          index: toLogIndex(1),
          term: toTerm(1),
          kind: 'configuration',
          data: Buffer.from(emptyConfiguration),
          proposal: null,
        },
      ],
      commit: toLogIndex(1),
    }),
  ]),
  'of answers that nobody asked for': asMember((to) => [
    messageOf(to, 1, { kind: 'append-accepted', match: toLogIndex(1_000_000), version: 1 }),
    messageOf(to, 1, { kind: 'heartbeat-response', context: 1_000_000, isAsleep: false, version: 1 }),
    messageOf(to, 1, { kind: 'vote-response', isGranted: true }),
    messageOf(to, 1, { kind: 'read-response', id: 1, boot: 1, index: toLogIndex(0) }),
    messageOf(to, 1, { kind: 'snapshot-response', id: 'none', nextOffset: 7 }),
  ]),
} satisfies Record<string, Visit>;

export const visitNames = Object.keys(visits);

export function strangerProgram(): Program {
  return async (process) => Promise.resolve(new Stranger(process));
}

export class Stranger implements Running {
  readonly #process: Process;
  readonly #connections = new Set<Connection>();

  constructor(process: Process) {
    this.#process = process;
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#connections].map(async (connection) => connection.close()));
  }

  visit(machine: string, member: MemberId, name: string): void {
    const found = Object.entries(visits).find(([each]) => each === name);
    if (found !== undefined)
      this.#visit(machine, member, found[1]).catch((error: unknown) => this.#process.fail(error));
  }

  async #visit(machine: string, to: MemberId, visit: Visit): Promise<void> {
    const { transport, random } = this.#process;
    try {
      const connection = await transport.connect(peerAddress(machine));
      this.#connections.add(connection);
      connection.start({ onFrame: () => undefined, onClose: () => this.#connections.delete(connection) });
      const { cluster: named, from } = visit;
      connection.send(encodeHello({ version: protocolVersion, cluster: named, from, to, lane: 'bulk' }));
      for (const frame of visit.frames(random, to)) connection.send(frame);
    } catch (error) {
      // Nobody is there, or shut the door in between.
      if (!isOpError(error)) throw error;
    }
  }
}
