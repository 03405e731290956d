// Group commit: calls come in, batches go out, and each call's promise settles when its batch is durable. A batch is handed over as
// soon as the files' thread is idle; what comes while it works makes up the next one. Nothing waits for company except for
// what is already on its way in the same turn: the callers whom a batch has just answered.
import { isOpError, messageOf, OpError, type Clock, type Timer, type Timers } from '@holdfast/base';
import type { Executor, JobOutcome } from './executor.ts';
import type { Job, JobResult } from './job.ts';
import type { LogCore } from './log-core.ts';
import type { LogMeter } from './log-stat.ts';
import type { Operation } from './operation.ts';

export interface WriterParts {
  readonly directory: string;
  readonly core: LogCore;
  readonly executor: Executor;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly meter: LogMeter;
  readonly waitingLimit: number;
  /** After each job. */
  readonly onJob: (job: Job) => void;
}

/**
 * Makes the operation when its turn has come: a group may be created or destroyed by calls that wait before this one.
 */
export type Request = () => Operation;

/** A call without room yet. */
interface Call {
  /** null for who waits only for what was there before. */
  readonly request: Request | null;
  readonly startMs: number;
  readonly resolve: (answer?: Promise<void>) => void;
  readonly reject: (error: OpError) => void;
}

/** The calls of a batch, which share one answer: when it is durable, or when the log is over. */
class Callers {
  /** When each call came. */
  readonly startsMs: number[] = [];
  readonly #answer: Promise<void>;
  #resolve: (() => void) | null = null;
  #reject: ((error: OpError) => void) | null = null;

  constructor() {
    this.#answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  get count(): number {
    return this.startsMs.length;
  }

  join(startMs: number): Promise<void> {
    this.startsMs.push(startMs);
    return this.#answer;
  }

  resolve(): void {
    this.#resolve?.();
  }

  reject(error: OpError): void {
    // Without callers nobody would take the error.
    if (this.count > 0) this.#reject?.(error);
  }
}

/** More than the awaits between an answer and the caller's next call. */
const patienceTurns = 16;
/** How long a full disk is left alone. */
const retryMs = 1_000;

export class LogWriter {
  readonly #parts: WriterParts;
  /** In the batch that is laid out. */
  #staged = new Callers();
  /** In the batch that is written. */
  #written = new Callers();
  /** Without room; served in their order. */
  #waiting: Call[] = [];
  #isScheduled = false;
  /** Callers of the last batch, and the turns of the microtask queue that they still have to come back. */
  #answered = 0;
  #patience = 0;
  #poison: OpError | null = null;
  #isStopped = false;
  #retry: Timer | null = null;
  #idle: (() => void)[] = [];
  #starting: { readonly resolve: () => void; readonly reject: (error: OpError) => void } | null = null;

  constructor(parts: WriterParts) {
    this.#parts = parts;
  }

  get waitingCalls(): number {
    return this.#waiting.length;
  }
  get poison(): OpError | null {
    return this.#poison;
  }

  /** Resolves when the operation is durable; null: when everything that came before is. */
  submit(request: Request | null): Promise<void> {
    if (this.#poison !== null) return Promise.reject(this.#poison);
    const { core, clock, waitingLimit } = this.#parts;
    if (this.#waiting.length >= waitingLimit) {
      return Promise.reject(new OpError('QUEUE_FULL', { queue: 'raft-log', limit: waitingLimit }));
    }
    const startMs = clock.monotonicMs();
    const answer = this.#waiting.length > 0 ? this.#wait(request, startMs) : this.#serve(request, startMs);
    if (!core.isRunning) this.schedule();
    return answer;
  }

  /** Resolves when the log has a chunk to write to. */
  async start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#starting = { resolve, reject };
      this.schedule();
    });
  }

  /** Looks for work in the next microtask, so that callers of the same turn come together. */
  schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#pump();
    });
  }

  /** Takes up no more work and resolves when the running job is done. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#retry?.cancel();
    if (this.#parts.core.isRunning && this.#poison === null) {
      await new Promise<void>((resolve) => this.#idle.push(resolve));
    }
    await this.#parts.executor.stop();
  }

  #wait(request: Request | null, startMs: number): Promise<void> {
    return new Promise((resolve, reject) => this.#waiting.push({ request, startMs, resolve, reject }));
  }

  #serve(request: Request | null, startMs: number): Promise<void> {
    try {
      return this.#tryServe(request, startMs) ?? this.#wait(request, startMs);
    } catch (error) {
      if (!isOpError(error)) throw error;
      return Promise.reject(error);
    }
  }

  /** Lays the call's operation into the next batch; null when there is no room. Throws what it is refused for. */
  #tryServe(request: Request | null, startMs: number): Promise<void> | null {
    if (request === null) return this.#joinLast(startMs);
    return this.#parts.core.stage(request()) ? this.#staged.join(startMs) : null;
  }

  #joinLast(startMs: number): Promise<void> {
    if (this.#staged.count > 0) return this.#staged.join(startMs);
    return this.#written.count > 0 ? this.#written.join(startMs) : Promise.resolve();
  }

  #admit(): void {
    let served = 0;
    for (const call of this.#waiting) {
      if (!this.#answerWaiting(call)) break;
      served++;
    }
    if (served > 0) this.#waiting.splice(0, served);
  }

  /** false when there is still no room. */
  #answerWaiting({ request, startMs, resolve, reject }: Call): boolean {
    try {
      const answer = this.#tryServe(request, startMs);
      if (answer !== null) resolve(answer);
      return answer !== null;
    } catch (error) {
      if (!isOpError(error)) throw error;
      reject(error);
      return true;
    }
  }

  #pump(): void {
    const { core, executor, clock, meter } = this.#parts;
    if (core.isRunning || this.#isStopped || this.#poison !== null) return;
    this.#admit();
    if (this.#expectsCallers()) {
      this.#patience--;
      this.schedule();
      return;
    }
    const job = core.nextJob(this.#waiting.length > 0);
    if (job === null) {
      this.#watchSpace();
      return;
    }
    const { isWritingBatch } = core;
    if (isWritingBatch) {
      this.#written = this.#staged;
      this.#staged = new Callers();
    }
    const nowMs = clock.monotonicMs();
    executor.submit(job, (outcome) => this.#ended(job, outcome));
    core.begun();
    if (isWritingBatch) for (const startMs of this.#written.startsMs) meter.queueMs.add(nowMs - startMs);
  }

  /**
   * Callers who were just answered are about to call again. Who comes too late for a batch waits for two, and a chore takes as
   * long as several.
   */
  #expectsCallers(): boolean {
    return this.#patience > 0 && this.#waiting.length === 0 && this.#staged.count < this.#answered;
  }

  #ended(job: Job, outcome: JobOutcome): void {
    if (outcome.isOk) this.#completed(job, outcome.result);
    else this.#fail(outcome.error);
    for (const resolve of this.#idle) resolve();
    this.#idle = [];
  }

  #completed(job: Job, result: JobResult): void {
    const { core, clock, meter, onJob } = this.#parts;
    const durable = this.#written;
    this.#written = new Callers();
    this.#answered = durable.count;
    this.#patience = patienceTurns;
    core.done(result.isDiskFull);
    // The disk goes on at once when a batch worth writing stands ready; else those who are answered fill it first.
    if (this.#staged.count >= durable.count) this.#pump();
    durable.resolve();
    if (job.kind === 'write' && durable.count > 0) meter.batch(durable.count, job.bytes.length, result);
    const nowMs = clock.monotonicMs();
    for (const startMs of durable.startsMs) meter.totalMs.add(nowMs - startMs);
    onJob(job);
    if (core.isReady) this.#started(null);
    this.schedule();
  }

  #started(error: OpError | null): void {
    if (error === null) this.#starting?.resolve();
    else this.#starting?.reject(error);
    this.#starting = null;
  }

  /** After a write or a sync that failed nobody knows what the disk holds: everything ends here, with one error for all. */
  #fail(cause: unknown): void {
    const { directory } = this.#parts;
    this.#poison = new OpError('RAFT_LOG_POISONED', { directory, reason: messageOf(cause) }, { cause });
    const calls = [this.#written, this.#staged, ...this.#waiting];
    this.#written = new Callers();
    this.#staged = new Callers();
    this.#waiting = [];
    for (const call of calls) call.reject(this.#poison);
    this.#started(this.#poison);
  }

  /** Nobody tells when a disk has room again: it is asked from time to time. */
  #watchSpace(): void {
    const { core, timers } = this.#parts;
    if (!core.space.isBlocked || this.#retry !== null) return;
    this.#started(new OpError('RAFT_LOG_FULL', { directory: this.#parts.directory }));
    this.#retry = timers.after(retryMs, () => {
      this.#retry = null;
      core.space.tryAgain();
      this.schedule();
    });
  }
}
