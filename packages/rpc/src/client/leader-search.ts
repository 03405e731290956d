// Who leads, asked of all servers at once and for all calls of a client that want to know. During an election each of a few hundred calls
// would otherwise ask around for itself, wait longer and longer in between, and be last to hear of the new leader. What a server
// says of itself it says from its own memory, also while nobody leads.
import { isOpError, sleep, type Clock, type Timers } from '@holdfast/base';
import type { DescribeResponse } from '../generated/metadata-types.ts';

export interface LeaderSearchOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly describe: (address: string, timeoutMs: number) => Promise<DescribeResponse>;
}

/** Between two questions to one server, which are as cheap as a call can be. */
const restMs = 25;
/** Of one question: a server that was stopped in its tracks answers nothing. */
const answerLimitMs = 1_000;
/** After this whoever waits tries its luck. */
const searchLimitMs = 2_000;
/** So long the server that has just failed is not believed: where it was cut off, another one may lead. */
const doubtMs = 200;

export class LeaderSearch {
  readonly #options: LeaderSearchOptions;
  #running: Promise<string | null> | null = null;

  constructor(options: LeaderSearchOptions) {
    this.#options = options;
  }

  /** The address of the leader; null if nobody answers, or nobody leads for a while. Whoever comes meanwhile gets the same answer. */
  async find(servers: readonly string[], failed: string): Promise<string | null> {
    this.#running ??= new Round(this.#options, failed).run(servers).finally(() => (this.#running = null));
    return this.#running;
  }
}

class Round {
  readonly #options: LeaderSearchOptions;
  readonly #failed: string;
  readonly #fromMs: number;
  /** Who did not answer the last question. */
  readonly #mute = new Set<string>();
  /** The highest that anybody told. */
  #term = 0n;
  #found: string | null = null;

  constructor(options: LeaderSearchOptions, failed: string) {
    this.#options = options;
    this.#failed = failed;
    this.#fromMs = options.clock.monotonicMs();
  }

  async run(servers: readonly string[]): Promise<string | null> {
    const lanes = servers.map(async (address) => this.#ask(address, servers.length));
    // A server that says nothing holds nobody up who knows more.
    await Promise.race([Promise.all(lanes), Promise.any(lanes.map(succeeding)).catch(() => null)]);
    return this.#found;
  }

  get #passedMs(): number {
    return this.#options.clock.monotonicMs() - this.#fromMs;
  }

  /** Whether the search is over by what this server said. One that is gone may come back and lead; where all are gone nobody is waited for. */
  async #ask(address: string, servers: number): Promise<boolean> {
    const { describe, timers } = this.#options;
    while (this.#found === null && this.#passedMs < searchLimitMs) {
      try {
        const { role, term } = await describe(address, answerLimitMs);
        this.#mute.delete(address);
        if (this.#isFound(address, role, term)) return true;
      } catch (error) {
        if (!isOpError(error)) throw error;
        this.#mute.add(address);
      }
      if (this.#mute.size === servers) return false;
      await sleep(timers, restMs);
    }
    return false;
  }

  #isFound(address: string, role: DescribeResponse['role'], term: bigint): boolean {
    if (term > this.#term) this.#term = term;
    const isDoubted = address === this.#failed && this.#passedMs < doubtMs;
    if (role !== 'LEADER' || term !== this.#term || isDoubted) return false;
    this.#found ??= address;
    return true;
  }
}

async function succeeding(lane: Promise<boolean>): Promise<true> {
  if (await lane) return true;
  throw new Error('this server has not ended the search');
}
