// Client sessions end when nobody can repeat a command of theirs any more: the leader has the oldest forgotten, a few with each
// command, so that those who come and go never fill the state. A client that lives longer has opened another one long before.
import { toOpError, type Clock, type Timer, type Timers } from '@holdfast/base';
import type { Log } from '@holdfast/telemetry';
import type { CommandOf, ResultOf } from './state/commands.ts';
import type { StateDatabase } from './state/database.ts';
import { query } from './state/query.ts';

export interface ClientExpiryParts {
  readonly isLeader: () => boolean;
  readonly database: () => StateDatabase;
  readonly forget: (command: CommandOf<'forgetClients'>) => Promise<ResultOf<'forgetClients'>>;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log | null;
}

/** Much longer than a client keeps one, and than any call may take. */
export const clientLifeMs = 24 * 3_600_000;
const lookMs = 60_000;

const openedBefore = query<{ readonly client: number }>('SELECT client FROM clients WHERE opened_ms < ? LIMIT 1');

export class ClientExpiry {
  readonly #parts: ClientExpiryParts;
  #timer: Timer | null = null;
  #isStopped = false;

  constructor(parts: ClientExpiryParts) {
    this.#parts = parts;
    this.#schedule();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #schedule(): void {
    if (this.#isStopped) return;
    this.#timer = this.#parts.timers.after(lookMs, () => {
      void this.#look().finally(() => this.#schedule());
    });
  }

  async #look(): Promise<void> {
    const { isLeader, database, forget, clock, log } = this.#parts;
    const openedBeforeMs = clock.wallMs() - clientLifeMs;
    try {
      while (!this.#isStopped && isLeader() && database().get(openedBefore, openedBeforeMs) !== null) {
        await forget({ kind: 'forgetClients', openedBeforeMs });
      }
    } catch (error) {
      // Whoever leads in a minute does it.
      log?.warn('old client sessions were not forgotten', { error: toOpError(error) });
    }
  }
}
