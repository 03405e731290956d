// A client of the metadata servers, whichever of them leads: it finds the leader, asks again where that is safe, and numbers what it
// changes, so that a command which is sent twice takes effect once.
//
// What the way swallows is asked again until the call's deadline: a server that is not there, one that does not lead, an election. What
// the state has answered is an answer, also if it is a refusal that a caller may repeat later. A command's number is the same
// in every attempt, whichever server it goes to. Where the leader is in doubt all calls wait for one search (leader-search.ts).
//
// A command that is given up without an answer takes effect before the next one or never (adr/0018): so many numbers are left out
// behind it that the state takes it for forgotten from the next one on, whoever hands it on late.
import {
  backoffDelayMs,
  invariant,
  isOpError,
  OpError,
  sleep,
  type ErrorCode,
  type ErrorKind,
  type Timers,
} from '@holdfast/base';
import type { RequestOf, ResponseOf, ServiceDescriptor } from '../codec-method.ts';
import { loadMetadataServices } from '../generated/services.ts';
import type { CommandId, DescribeResponse } from '../generated/metadata-types.ts';
import { openChannel, type Channel, type ChannelOptions } from './channel.ts';
import type { CallOptions } from './client-call.ts';
import { LeaderSearch } from './leader-search.ts';
import { SessionNumbers } from './session-numbers.ts';

export interface MetadataClientOptions extends Omit<ChannelOptions, 'address'> {
  /** The servers that are known from the start; a leader elsewhere is found through them. */
  readonly servers: readonly string[];
  readonly timers: Timers;
  /** How long one server may take before the next one is asked: one that was stopped in its tracks answers nothing. */
  readonly attemptLimitMs?: number;
}

/** Commands that wait until one of those is answered. */
const waitingMax = 4_096;
const serversMax = 32;
/** After this a session is left for another one: the servers forget those that are much older. */
const sessionLifeMs = 30 * 60_000;
const attemptLimitMsDefault = 3_000;
const backoff = { baseMs: 20, ceilingMs: 500 };

/** What says nothing about the request itself. */
const passing: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  ...(['SERVER_UNREACHABLE', 'SERVER_STOPPING', 'CALL_CANCELLED', 'DEADLINE_EXCEEDED', 'TIMED_OUT'] as const),
  ...(['METADATA_LEADER_ELSEWHERE', 'RAFT_LEADER_ELSEWHERE', 'RAFT_LEADER_UNKNOWN', 'RAFT_LEADER_UNREADY'] as const),
  ...(['RAFT_LEADER_CHANGED', 'RAFT_OUTCOME_UNKNOWN', 'RAFT_HOST_STOPPED', 'RAFT_OVERLOADED'] as const),
  ...(['RAFT_TRANSFER_PENDING', 'RAFT_LOG_CLOSED', 'RAFT_LOG_FULL'] as const),
  ...(['STATE_DATABASE_FAILED', 'STATE_DISK_FULL'] as const),
]);

/** Kinds of errors that may come from the way, and not from the state. */
const unanswered: ReadonlySet<ErrorKind> = new Set<ErrorKind>(['unavailable', 'timeout', 'cancelled', 'internal']);

type MethodOf<Service extends ServiceDescriptor, Name extends keyof Service['methods']> = Service['methods'][Name];
/** Methods with one request and one answer. */
type UnaryName<Service extends ServiceDescriptor> = {
  [Name in keyof Service['methods']]: Service['methods'][Name] extends {
    readonly requestStream: false;
    readonly responseStream: false;
  }
    ? Name
    : never;
}[keyof Service['methods']];
type Unnumbered<Request> = Omit<Request, 'id'>;

interface Session {
  readonly client: bigint;
  readonly openedMs: number;
  readonly numbers: SessionNumbers;
  /** Until a number from here on is answered, something that was given up may still take effect; 0 if nothing may. */
  settlesAt: number;
}

/** A command's number, which is under way from when it was given out. */
interface Numbered {
  readonly session: Session;
  readonly sequence: number;
}

export class MetadataClient {
  readonly #options: MetadataClientOptions;
  readonly #channels = new Map<string, Channel>();
  readonly #search: LeaderSearch;
  /** Where the last answer came from, or the leader is said to be. */
  #current: string;
  #session: Session | null = null;
  #opening: Promise<Session> | null = null;
  #waiting: (() => void)[] = [];
  #isClosed = false;

  constructor(options: MetadataClientOptions) {
    const [first] = options.servers;
    invariant(first !== undefined, 'a client knows a server');
    this.#options = options;
    this.#current = first;
    this.#search = new LeaderSearch({ ...options, describe: async (...asked) => this.#describe(...asked) });
  }

  /** A call that changes nothing, or that may be made twice. */
  ask<Service extends ServiceDescriptor, Name extends UnaryName<Service>>(
    service: Service,
    name: Name,
    request: RequestOf<MethodOf<Service, Name>>,
    options: CallOptions,
  ): Promise<ResponseOf<MethodOf<Service, Name>>> {
    return this.#attempt(options, (channel, attempt) => {
      const call = (channel.calls(service) as UntypedCalls)[name as string];
      invariant(call !== undefined, `${service.name} has a method ${String(name)}`);
      return call(request, attempt) as Promise<ResponseOf<MethodOf<Service, Name>>>;
    });
  }

  /** A call that changes something, once. */
  async change<Service extends ServiceDescriptor, Name extends UnaryName<Service>>(
    service: Service,
    name: Name,
    request: Unnumbered<RequestOf<MethodOf<Service, Name>>>,
    options: CallOptions,
  ): Promise<ResponseOf<MethodOf<Service, Name>>> {
    const deadlineMs = this.#options.clock.monotonicMs() + options.timeoutMs;
    const { session, sequence } = this.#takeNumber() ?? (await this.#waitForNumber(options));
    const id: CommandId = { client: session.client, sequence: BigInt(sequence) };
    try {
      const timeoutMs = Math.max(1, deadlineMs - this.#options.clock.monotonicMs());
      // The method's own request is what `request` and its number make together.
      const numbered = { ...request, id } as unknown as RequestOf<MethodOf<Service, Name>>;
      const answer = await this.ask(service, name, numbered, { ...options, timeoutMs });
      if (sequence >= session.settlesAt) session.settlesAt = 0;
      return answer;
    } catch (error) {
      if (!isAnswer(error)) session.settlesAt = Math.max(session.settlesAt, session.numbers.leaveBehind(sequence));
      // Forgotten by the servers, or lost with a restore: the next command opens another one.
      if (isOpError(error) && error.code === 'CLIENT_UNKNOWN' && this.#session === session) this.#session = null;
      throw error;
    } finally {
      if (session.numbers.release(sequence)) for (const wake of this.#waiting.splice(0)) wake();
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const channel of this.#channels.values()) channel.close();
    this.#channels.clear();
  }

  async #attempt<Answer>(
    { timeoutMs, signal = null }: CallOptions,
    call: (channel: Channel, options: CallOptions) => Promise<Answer>,
  ): Promise<Answer> {
    const { clock, timers, random, attemptLimitMs = attemptLimitMsDefault } = this.#options;
    const endMs = clock.monotonicMs() + timeoutMs;
    const failed: string[] = [];
    for (let attempt = 1; ; attempt++) {
      const address = this.#current;
      const leftMs = endMs - clock.monotonicMs();
      try {
        const options = { timeoutMs: Math.max(1, Math.min(leftMs, attemptLimitMs)), signal };
        return await call(this.#channel(address), options);
      } catch (error) {
        if (!isOpError(error) || !passing.has(error.code) || this.#isClosed) throw error;
        failed.push(address);
        const limitMs = endMs - clock.monotonicMs();
        if (limitMs <= 0) throw error;
        const isOther = this.#turn(address, error, failed) || (await this.#findOther(address, limitMs));
        const delayMs = isOther ? 0 : backoffDelayMs(backoff, attempt, random);
        if (signal?.aborted === true || clock.monotonicMs() + delayMs >= endMs) throw error;
        if (delayMs > 0) await sleep(timers, delayMs, signal);
      }
    }
  }

  /** Whether another server is to be asked: the one that leads by what was answered, or one that another call has found meanwhile. */
  #turn(asked: string, error: OpError, failed: readonly string[]): boolean {
    const { address } = error.details;
    const isTold = error.code === 'METADATA_LEADER_ELSEWHERE' && typeof address === 'string';
    if (isTold && this.#current === asked) this.#current = address;
    return this.#current !== asked && !failed.includes(this.#current);
  }

  /** Whether there is one to ask at once. */
  async #findOther(asked: string, limitMs: number): Promise<boolean> {
    const late = Promise.withResolvers<null>();
    const timer = this.#options.timers.after(limitMs, () => late.resolve(null));
    const { servers } = this.#options;
    const known = [...new Set([...servers, ...this.#channels.keys()])];
    const found = await Promise.race([this.#search.find(known, asked), late.promise]);
    timer.cancel();
    if (found === null && this.#current === asked) {
      this.#current = servers[(servers.indexOf(asked) + 1) % servers.length] ?? asked;
      return false;
    }
    if (found !== null) this.#current = found;
    return this.#current !== asked;
  }

  async #describe(address: string, timeoutMs: number): Promise<DescribeResponse> {
    const { clusterService } = await loadMetadataServices();
    return this.#channel(address).calls(clusterService).describe({}, { timeoutMs });
  }

  #channel(address: string): Channel {
    let channel = this.#channels.get(address);
    if (channel === undefined) {
      if (this.#isClosed) throw new OpError('CALL_CANCELLED', { method: 'a call', reason: 'its client was closed' });
      this.#forgetStrangers();
      channel = openChannel({ ...this.#options, address, bundling: this.#options });
      this.#channels.set(address, channel);
    }
    return channel;
  }

  /** Leaders that are members no more. */
  #forgetStrangers(): void {
    if (this.#channels.size < serversMax) return;
    for (const [address, channel] of this.#channels) {
      if (this.#options.servers.includes(address)) continue;
      channel.close();
      this.#channels.delete(address);
    }
  }

  /** Null where there is no room, or no session that commands may still begin in. */
  #takeNumber(): Numbered | null {
    const session = this.#session;
    if (session === null || this.#isOld(session)) return null;
    const sequence = session.numbers.take();
    return sequence === null ? null : { session, sequence };
  }

  #isOld({ settlesAt, openedMs }: Session): boolean {
    return settlesAt === 0 && this.#options.clock.monotonicMs() - openedMs > sessionLifeMs;
  }

  /** Taken in the turn in which there is room: whoever waits beside may wake in the next. */
  async #waitForNumber(options: CallOptions): Promise<Numbered> {
    const { clock, timers } = this.#options;
    const endMs = clock.monotonicMs() + options.timeoutMs;
    for (;;) {
      const taken = this.#takeNumber();
      if (taken !== null) return taken;
      const leftMs = endMs - clock.monotonicMs();
      if (leftMs <= 0) throw new OpError('DEADLINE_EXCEEDED', { method: 'Cluster/OpenClient' });
      if (this.#session === null || this.#isOld(this.#session)) {
        this.#opening ??= this.#open({ ...options, timeoutMs: leftMs }).finally(() => (this.#opening = null));
        this.#session = await this.#opening;
        continue;
      }
      if (this.#waiting.length >= waitingMax) {
        throw new OpError('RAFT_OVERLOADED', { what: 'commands of this client', limit: waitingMax });
      }
      await new Promise<void>((resolve) => {
        const timer = timers.after(leftMs, resolve);
        this.#waiting.push(() => {
          timer.cancel();
          resolve();
        });
      });
    }
  }

  async #open(options: CallOptions): Promise<Session> {
    const { clusterService } = await loadMetadataServices();
    const { client } = await this.ask(clusterService, 'openClient', {}, options);
    const numbers = new SessionNumbers();
    return { client, openedMs: this.#options.clock.monotonicMs(), numbers, settlesAt: 0 };
  }
}

type UntypedCalls = Readonly<Record<string, (request: unknown, options: CallOptions) => unknown>>;

/** Whether the command is known to have been refused. Some refusals are taken for silence, which costs numbers only. */
function isAnswer(error: unknown): boolean {
  return isOpError(error) && !passing.has(error.code) && !unanswered.has(error.kind);
}
