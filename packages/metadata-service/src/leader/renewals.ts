// Renewals wait in a queue and are answered together, behind a confirmation of leadership that began after all of them had arrived
// (F3). Nothing of this touches the log: what a renewal leaves behind is a time in the leader's memory.
import { isOpError, OpError, sleep, type Clock, type Timers } from '@holdfast/base';
import type { LeaderSettings } from './leader-settings.ts';
import { StandingRound, type Standing, type StandingParts } from './standing.ts';
import type { Tenure } from './tenure.ts';

export interface Renewal {
  readonly session: string;
  readonly agent: number;
  /** A renewal that only asks what the leader wants of the session; it extends nothing. */
  readonly isQuestion?: boolean;
}

export interface RenewalsParts extends StandingParts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly settings: LeaderSettings;
  /** Resolves behind a confirmation of leadership that began after the call. */
  readonly confirm: () => Promise<void>;
  /** This member's present tenure; null if it does not lead. */
  readonly tenure: () => Tenure | null;
  readonly whyNotLeading: () => OpError;
  /** Sees which sessions were answered; the simulator's judge. */
  readonly onAnswered: ((session: string) => void) | null;
}

interface Waiting {
  readonly renewal: Renewal;
  readonly resolve: (standing: Standing) => void;
  readonly reject: (error: OpError) => void;
}

export class Renewals {
  readonly #parts: RenewalsParts;
  #waiting: Waiting[] = [];
  #isRunning = false;
  #round: StandingRound | null = null;
  #beganMs = -Infinity;

  constructor(parts: RenewalsParts) {
    this.#parts = parts;
  }

  add(renewal: Renewal): Promise<Standing> {
    const { settings } = this.#parts;
    if (this.#waiting.length >= settings.renewalsMax) {
      return Promise.reject(
        new OpError('RAFT_OVERLOADED', { what: 'renewals that wait', limit: settings.renewalsMax }),
      );
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ renewal, resolve, reject });
      if (!this.#isRunning) void this.#run();
    });
  }

  /** Who waits is told nothing but this: its leader knows nothing any more. */
  rejectAll(error: OpError): void {
    this.#round = null;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { reject } of waiting) reject(error);
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    // Renewals of one turn of the event loop share a confirmation at least.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      await this.#gather();
      const batch = this.#waiting;
      this.#waiting = [];
      const error = await this.#answerAll(batch);
      if (error !== null) for (const { reject } of batch) reject(error);
    }
    this.#isRunning = false;
  }

  /** At most so many confirmations a second: who comes meanwhile comes with the next. */
  async #gather(): Promise<void> {
    const { clock, timers, settings } = this.#parts;
    const restMs = this.#beganMs + settings.roundMs - clock.monotonicMs();
    if (restMs > 0) await sleep(timers, restMs);
    this.#beganMs = clock.monotonicMs();
  }

  /** Why nobody of the batch is answered; null if all are. */
  async #answerAll(batch: readonly Waiting[]): Promise<OpError | null> {
    const { confirm, tenure, whyNotLeading, clock } = this.#parts;
    const before = tenure();
    if (before === null) return whyNotLeading();
    // All of the batch are here by then, so none is taken to have been silent for longer than it was.
    const heardMs = clock.boottimeMs();
    try {
      await confirm();
    } catch (error) {
      if (!isOpError(error)) throw error;
      return error;
    }
    // Another term, or a pause of this process: what was confirmed is no word of who leads at this moment.
    if (tenure() !== before) return new OpError('RAFT_LEADER_CHANGED', {});
    const round = this.#round?.isOf(before) === true ? this.#round : new StandingRound(this.#parts, before);
    this.#round = round;
    const nowMs = clock.boottimeMs();
    for (const waiting of batch) this.#answer(round, { tenure: before, heardMs, nowMs }, waiting);
    return null;
  }

  #answer(
    round: StandingRound,
    { tenure, heardMs, nowMs }: { readonly tenure: Tenure; readonly heardMs: number; readonly nowMs: number },
    { renewal, resolve, reject }: Waiting,
  ): void {
    const { session: id, agent, isQuestion = false } = renewal;
    const session = round.live(id);
    if (session === null) {
      reject(new OpError('SESSION_ENDED', { session: id }));
      return;
    }
    // Between proposing its end and seeing it applied nobody knows whether the session lives.
    if (tenure.ending.has(id)) {
      reject(new OpError('SESSION_UNDECIDED', { session: id }));
      return;
    }
    if (agent !== session.agent) {
      reject(new OpError('AGENT_SUPERSEDED', { session: id, agent, current: session.agent }));
      return;
    }
    if (!isQuestion) {
      tenure.hear(id, heardMs);
      this.#parts.onAnswered?.(id);
    }
    resolve(round.of(session, nowMs));
  }
}
