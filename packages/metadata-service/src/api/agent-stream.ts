// One agent's stream: what it says is read one after another and answered as soon as it can be. The session that it speaks for is the one
// that its first message registered or resumed, and its node is the certificate's; nothing later on the stream changes either.
import { createHash } from 'node:crypto';
import { invariant, isOpError, onAbort, OpError, type Clock, type Timers } from '@holdfast/base';
import type { sessions } from '@holdfast/rpc';
import type { ConnectedAgent, ConnectedAgents } from '../leader/connected-agents.ts';
import { leasesOfGrant, sessionById } from '../leader/leader-reads.ts';
import type { SessionLeader } from '../leader/session-leader.ts';
import type { CommandOf } from '../state/commands.ts';
import type { Standing } from '../leader/standing.ts';
import type { MetadataMachine } from '../state/machine.ts';
import { FollowedMaps } from './followed-maps.ts';
import type { MapFollowers } from './map-followers.ts';
import type { MapLimits } from './map-limits.ts';
import { fromExtents, toAllocate, toConvert, toDiscard, toOfGrant, toReturnLeases } from './map-values.ts';
import type { SessionLimits } from './session-limits.ts';
import {
  done,
  fromGrant,
  fromRefusal,
  fromRegistration,
  fromStanding,
  toAcknowledge,
  toCertify,
  toProof,
  toRelease,
  toStage,
  type Answer,
  type BySession,
} from './session-values.ts';
import { present, toNumber, toWord } from './values.ts';

type Body = NonNullable<sessions.AgentMessage['body']>;
type ValueOf<Kind extends Body['kind']> = Extract<Body, { readonly kind: Kind }>['value'];

export interface AgentStreamParts {
  /** By the agent's certificate. */
  readonly node: string;
  readonly sessions: SessionLeader;
  readonly agents: ConnectedAgents;
  readonly machine: Pick<MetadataMachine, 'database'>;
  readonly limits: SessionLimits;
  readonly followers: MapFollowers;
  readonly mapLimits: MapLimits;
  readonly clock: Clock;
  readonly timers: Timers;
}

const noNumber = 0n;

export class AgentStream implements ConnectedAgent {
  readonly #parts: AgentStreamParts;
  /** Answers, and the place in the line of what is due of maps. */
  readonly #outbox: (sessions.LeaderMessage | typeof maps)[] = [];
  readonly #maps: FollowedMaps;
  readonly #underWay = new Set<Promise<void>>();
  #onArrival: (() => void) | null = null;
  #by: BySession | null = null;
  #lastNumber = 0n;
  #told: { readonly standing: Standing; readonly answer: Answer } | null = null;
  #isReminding = false;
  #areMapsInLine = false;
  #isOver = false;
  /** Why the stream ends: an OpError for the agent, anything else is a defect of ours; null when the agent is done. */
  #failure: Error | null = null;

  constructor(parts: AgentStreamParts) {
    this.#parts = parts;
    const { followers, machine, mapLimits: limits } = parts;
    this.#maps = new FollowedMaps({ followers, machine, limits, onDue: () => this.#lineMapsUp() });
  }

  get agent(): number {
    return this.#by?.agent ?? 0;
  }

  end(error: OpError): void {
    this.#end(error);
  }

  async *run(
    messages: AsyncIterable<sessions.AgentMessage>,
    signal: AbortSignal | null = null,
  ): AsyncGenerator<sessions.LeaderMessage, void, void> {
    const { agents, timers, limits } = this.#parts;
    agents.enter(this);
    const release = onAbort(signal, (error) => this.#end(error));
    const limit = timers.after(limits.beginLimitMs, () => {
      if (this.#by === null) this.#end(misused(`it neither registered nor resumed within ${limits.beginLimitMs} ms`));
    });
    try {
      void this.#readAll(messages);
      while (!this.#isOver || this.#outbox.length > 0) {
        const next = this.#outbox.shift();
        if (next === undefined) await new Promise<void>((resolve) => (this.#onArrival = resolve));
        else if (next === maps) yield* this.#takeMaps();
        else yield next;
      }
      if (this.#failure !== null) throw this.#failure;
    } finally {
      release();
      limit.cancel();
      this.#end(null);
      this.#maps.end();
      agents.leave(this, this.#by?.session ?? null);
    }
  }

  #end(failure: Error | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#failure = failure;
    this.#onArrival?.();
  }

  #endWith(error: unknown): void {
    invariant(error instanceof Error, 'what is thrown is an error');
    this.#end(error);
  }

  async #readAll(messages: AsyncIterable<sessions.AgentMessage>): Promise<void> {
    try {
      for await (const message of messages) {
        if (this.#isOver) return;
        await this.#take(message);
      }
      await Promise.all(this.#underWay);
      this.#end(null);
    } catch (error) {
      this.#endWith(error);
    }
  }

  async #take({ number, body: said }: sessions.AgentMessage): Promise<void> {
    if (number <= this.#lastNumber) throw misused(`its message ${number} comes behind ${this.#lastNumber}`);
    this.#lastNumber = number;
    const body = present(said, 'body');
    const by = this.#by;
    // Everything else speaks for the session that this begins.
    if (by === null) return this.#answer(number, this.#begin(body));
    const { messagesMax } = this.#parts.limits;
    while (this.#underWay.size >= messagesMax) await Promise.race(this.#underWay);
    const answering = this.#answer(number, this.#carryOut(by, body));
    this.#underWay.add(answering);
    void answering.then(() => this.#underWay.delete(answering));
  }

  async #answer(number: bigint, answer: Promise<Answer>): Promise<void> {
    try {
      this.#send({ answers: number, body: await answer });
    } catch (error) {
      if (!isOpError(error) || endings.has(error.code)) this.#endWith(error);
      else this.#send({ answers: number, body: fromRefusal(error) });
    }
  }

  #lineMapsUp(): void {
    if (this.#areMapsInLine || this.#isOver) return;
    this.#areMapsInLine = true;
    this.#send(maps);
  }

  #send(next: sessions.LeaderMessage | typeof maps): void {
    if (this.#isOver || !this.#hasRoom()) return;
    this.#outbox.push(next);
    this.#onArrival?.();
  }

  /** Read as of this moment: an answer that stands behind it in the line may be of an earlier one. */
  *#takeMaps(): Generator<sessions.LeaderMessage, void, void> {
    this.#areMapsInLine = false;
    for (const value of this.#maps.take()) yield { answers: noNumber, body: { kind: 'mapDelta', value } };
  }

  #hasRoom(): boolean {
    const { answersMax } = this.#parts.limits;
    if (this.#outbox.length < answersMax) return true;
    this.#end(new OpError('SESSION_STREAM_SLOW', { node: this.#parts.node, limit: answersMax }));
    return false;
  }

  async #begin(body: Body): Promise<Answer> {
    const { sessions, agents, node } = this.#parts;
    const command = this.#beginning(body);
    const registration =
      command.kind === 'registerNode'
        ? await sessions.carryOut<'registerNode'>(command)
        : await sessions.carryOut<'resumeSession'>(command);
    const { session, agent } = registration;
    this.#by = { session, agent };
    agents.speaksFor(session, this);
    if (this.#isOver) throw misused(`another agent speaks for ${node}`);
    return fromRegistration(registration);
  }

  #beginning(body: Body): CommandOf<'registerNode'> | CommandOf<'resumeSession'> {
    switch (body.kind) {
      case 'register':
        return this.#registration(body.value);
      case 'resume':
        return this.#resumption(body.value);
      default:
        throw misused('its first message neither registers nor resumes');
    }
  }

  #registration(value: ValueOf<'register'>): CommandOf<'registerNode'> {
    const { machine, boot, secret, ttlMs, drainBoundMs, tornDown, after } = value;
    return {
      ...{ kind: 'registerNode', node: this.#parts.node },
      ...{ machine: toWord(machine, 'machine'), boot: toWord(boot, 'boot'), secretHash: this.#hashOf(secret) },
      ...{ ttlMs: toNumber(ttlMs, 'ttl_ms'), drainBoundMs: toNumber(drainBoundMs, 'drain_bound_ms') },
      ...{ tornDown, after: after === '' ? null : after },
    };
  }

  #resumption({ session, secret }: ValueOf<'resume'>): CommandOf<'resumeSession'> {
    const known = this.#parts.machine.database.get(sessionById, toWord(session, 'session'));
    // Whose session it is is told only to its own node.
    if (known?.node !== this.#parts.node) throw new OpError('SESSION_NOT_FOUND', { session });
    return { kind: 'resumeSession', session, secretHash: this.#hashOf(secret) };
  }

  #hashOf(secret: Uint8Array): Uint8Array {
    const { secretBytesLeast, secretBytesMost } = this.#parts.limits;
    if (secret.length < secretBytesLeast || secret.length > secretBytesMost) {
      throw misused(`its secret does not have ${secretBytesLeast} to ${secretBytesMost} bytes`);
    }
    return createHash('sha256').update(secret).digest();
  }

  async #carryOut(by: BySession, body: Body): Promise<Answer> {
    const { sessions, clock } = this.#parts;
    const atMs = clock.wallMs();
    switch (body.kind) {
      case 'register':
      case 'resume':
        throw misused('it registers or resumes twice');
      case 'renew':
        return this.#answerOf(await sessions.renew(by));
      case 'stage': {
        const command = toStage(by, body.value);
        const { epoch } = await sessions.carryOut<'stage'>(command);
        return { kind: 'grant', value: fromGrant({ volume: command.volume, epoch, mode: command.mode }) };
      }
      case 'release':
        await sessions.carryOut<'release'>(toRelease(by, body.value));
        return done;
      case 'acknowledge':
        await sessions.carryOut<'acknowledge'>(toAcknowledge(by, body.value));
        return done;
      case 'preempted':
        await sessions.carryOut<'certifySession'>(toCertify(body.value, atMs));
        return done;
      case 'proved':
        await sessions.carryOut<'proveGeneration'>(toProof(body.value, atMs));
        return done;
      case 'allocate': {
        const { runs } = await sessions.carryOut<'allocate'>(toAllocate(by, body.value));
        return { kind: 'leases', value: { runs: runs.map(fromExtents) } };
      }
      case 'convert':
        await sessions.carryOut<'convert'>(toConvert(by, body.value));
        return done;
      case 'discard':
        await sessions.carryOut<'discard'>(toDiscard(by, body.value));
        return done;
      case 'returnLeases':
        await sessions.carryOut<'returnLeases'>(toReturnLeases(by, body.value));
        return done;
      case 'listLeases':
        return this.#leasesOf(by, body.value);
      case 'followMap': {
        // As of a leader that knows everything that was answered before.
        await sessions.confirm();
        return { kind: 'mapDelta', value: this.#maps.follow(by, body.value) };
      }
    }
  }

  async #leasesOf(by: BySession, value: ValueOf<'listLeases'>): Promise<Answer> {
    const { volume, epoch } = toOfGrant(value);
    await this.#parts.sessions.confirm();
    const leases = this.#parts.machine.database.all(leasesOfGrant, volume, epoch, by.session);
    return { kind: 'leases', value: { runs: leases.map(fromExtents) } };
  }

  /** One at a time: what came meanwhile is in its answer. */
  remind(): void {
    const by = this.#by;
    if (by === null || this.#isReminding) return;
    this.#isReminding = true;
    const asked = this.#parts.sessions.renew({ ...by, isQuestion: true });
    void this.#answer(
      noNumber,
      asked.then((standing) => this.#answerOf(standing)),
    ).finally(() => (this.#isReminding = false));
  }

  /** The same standing is the same answer, whose bytes are then known (leader-message.ts). */
  #answerOf(standing: Standing): Answer {
    if (this.#told?.standing !== standing) this.#told = { standing, answer: fromStanding(standing) };
    return this.#told.answer;
  }
}

/** This server does not lead, or the agent is not the session's: nothing more can be said on the stream. */
const endings: ReadonlySet<string> = new Set([
  ...(['RAFT_LEADER_CHANGED', 'RAFT_LEADER_ELSEWHERE', 'RAFT_LEADER_UNKNOWN', 'RAFT_HOST_STOPPED'] as const),
  ...(['SESSION_STREAM_MISUSED', 'AGENT_SUPERSEDED'] as const),
]);

/** Stands in the line for what is due of maps. */
const maps = Symbol('maps');

function misused(reason: string): OpError {
  return new OpError('SESSION_STREAM_MISUSED', { reason });
}
