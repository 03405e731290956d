// A client of the simulated cluster: it sends an operation to some member, follows hints, tries again elsewhere with the same id, and
// gives up after a while. What it then knows is what goes into the history: an answer, that it will never happen, or nothing.
import { isOpError, sleep, type Connection, type ErrorCode } from '@holdfast/base';
import type { ProposalId } from '@holdfast/raft';
import type { ProposalJudge } from '../judge/proposal-judge.ts';
import type { KeyValue } from '../judge/linearizability.ts';
import type { Process, Program, Running } from '../world/scenario.ts';
import type { Action } from './command.ts';
import type { History } from './history.ts';
import { clientAddress } from './member-program.ts';
import { decodeResponse, encode, type Request, type Response } from './request.ts';

export interface ClientOptions {
  /** Tells its sessions from those of other clients. */
  readonly number: number;
  /** Members that may serve at this moment, by machine. */
  readonly servers: () => readonly string[];
  readonly machineOf: (member: number) => string;
  readonly history: History;
  readonly proposals: ProposalJudge;
  /** Whether a refusal is final: not where members pass proposals on over a network that may double them. */
  readonly areRefusalsFinal: boolean;
}

export interface ClientRequest {
  readonly key: string;
  readonly action: Action;
  readonly padding: number;
  /** Whether it takes the first refusal for an answer. */
  readonly givesUp: boolean;
}

/** How long one member is waited for, how long all together, and how long between two tries. */
const attemptMs = 1500;
const patienceMs = 8000;
const pauseMs = 100;
const sessionsPerClient = 10_000;

/** A member that says this has not taken the proposal and never will. */
const finalRefusals: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'RAFT_LEADER_ELSEWHERE',
  'RAFT_LEADER_UNKNOWN',
  'RAFT_OVERLOADED',
  'RAFT_PROPOSAL_TOO_LARGE',
  'RAFT_TRANSFER_PENDING',
]);

type Outcome = Response | { readonly kind: 'unreachable' } | { readonly kind: 'lost' };

export function clientProgram(options: ClientOptions): Program {
  return async (process) => Promise.resolve(new Client(process, options));
}

export class Client implements Running {
  readonly #process: Process;
  readonly #options: ClientOptions;
  readonly #wires = new Map<string, Wire>();
  #generation = 0;
  #sequence = 0;
  #favourite: string | null = null;

  constructor(process: Process, options: ClientOptions) {
    this.#process = process;
    this.#options = options;
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#wires.values()].map(async (wire) => wire.close()));
  }

  request(request: ClientRequest): void {
    this.perform(request).catch((error: unknown) => this.#process.fail(error));
  }

  /** True once an answer came; false for what was given up. */
  async perform(request: ClientRequest): Promise<boolean> {
    const { history } = this.#options;
    const { timers, clock } = this.#process;
    const { key, action } = request;
    const number = history.begin(this.#process.name, key, action);
    const id = action.kind === 'get' ? null : this.#nextId();
    const endMs = clock.monotonicMs() + patienceMs;
    let isRefusedSoFar = true;
    while (clock.monotonicMs() < endMs) {
      const server = this.#favourite ?? this.#anyServer();
      const outcome = await this.#attempt(server, request, id);
      if (outcome.kind === 'answer') {
        this.#favourite = server;
        this.#answered(number, id, outcome.value);
        return true;
      }
      isRefusedSoFar &&= isFinal(outcome);
      this.#favourite = this.#hintOf(outcome);
      if (request.givesUp && isRefusedSoFar && id !== null && this.#options.areRefusalsFinal) {
        this.#refused(number, id);
        return false;
      }
      await sleep(timers, pauseMs + this.#process.random.below(pauseMs));
    }
    // Its number will never be used again, and the session's ledger waits for it for ever.
    if (id !== null) this.#beginSession();
    return false;
  }

  #answered(number: number, id: ProposalId | null, value: KeyValue): void {
    if (id !== null) this.#options.proposals.acknowledged(id);
    this.#options.history.end(number, value);
  }

  #refused(number: number, id: ProposalId): void {
    this.#options.proposals.refused(id);
    this.#options.history.refuse(number);
    this.#beginSession();
  }

  #beginSession(): void {
    this.#generation++;
    this.#sequence = 0;
  }

  #nextId(): ProposalId {
    const session = this.#options.number * sessionsPerClient + this.#generation;
    return { session, sequence: ++this.#sequence };
  }

  #anyServer(): string {
    const servers = this.#options.servers();
    return servers[this.#process.random.below(servers.length)] ?? '';
  }

  #hintOf(outcome: Outcome): string | null {
    if (outcome.kind !== 'refused' || outcome.leader === null) return null;
    return this.#options.machineOf(outcome.leader);
  }

  async #attempt(server: string, { key, action, padding }: ClientRequest, id: ProposalId | null): Promise<Outcome> {
    const wire = await this.#wireTo(server);
    return wire === null ? { kind: 'unreachable' } : wire.ask({ key, action, id, padding });
  }

  async #wireTo(server: string): Promise<Wire | null> {
    const known = this.#wires.get(server);
    if (known?.isOpen === true) return known;
    try {
      const wire = new Wire(await this.#process.transport.connect(clientAddress(server)), this.#process);
      this.#wires.set(server, wire);
      return wire;
    } catch (error) {
      if (!isOpError(error)) throw error;
      return null;
    }
  }
}

function isFinal(outcome: Outcome): boolean {
  return outcome.kind === 'unreachable' || (outcome.kind === 'refused' && finalRefusals.has(outcome.code));
}

type Question = Omit<Request, 'number'>;

/** A connection to one member, and what is asked over it. */
class Wire {
  readonly #connection: Connection;
  readonly #process: Process;
  readonly #waiting = new Map<number, (outcome: Outcome) => void>();
  #lastNumber = 0;

  constructor(connection: Connection, process: Process) {
    this.#connection = connection;
    this.#process = process;
    connection.start({
      onFrame: (frame) => {
        const response = decodeResponse(frame);
        this.#settle(response.number, response);
      },
      onClose: () => {
        for (const number of [...this.#waiting.keys()]) this.#settle(number, { kind: 'lost' });
      },
    });
  }

  get isOpen(): boolean {
    return this.#connection.isOpen;
  }

  async ask(question: Question): Promise<Outcome> {
    const number = ++this.#lastNumber;
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    this.#waiting.set(number, resolve);
    const timer = this.#process.timers.after(attemptMs, () => this.#settle(number, { kind: 'lost' }));
    try {
      this.#connection.send(encode({ number, ...question }));
    } catch (error) {
      if (!isOpError(error)) throw error;
      this.#settle(number, { kind: 'lost' });
    }
    const outcome = await promise;
    timer.cancel();
    return outcome;
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  #settle(number: number, outcome: Outcome): void {
    const resolve = this.#waiting.get(number);
    this.#waiting.delete(number);
    resolve?.(outcome);
  }
}
