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

interface Call {
  /** null for who waits only for what was there before. */
  readonly request: Request | null;
  readonly startMs: number;
  readonly resolve: () => void;
  readonly reject: (error: OpError) => void;
}

/** More than the awaits between an answer and the caller's next call. */
const patienceTurns = 16;
/** How long a full disk is left alone. */
const retryMs = 1_000;

export class LogWriter {
  readonly #parts: WriterParts;
  /** In the batch that is laid out. */
  #staged: Call[] = [];
  /** In the batch that is written. */
  #written: Call[] = [];
  /** Without room; served in their order. */
  #waiting: Call[] = [];
  #isScheduled = false;
  /** Turns of the microtask queue that callers who were just answered still have before the thread turns to chores. */
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
    return new Promise((resolve, reject) => {
      const call = { request, startMs: clock.monotonicMs(), resolve, reject };
      if (this.#waiting.length > 0) this.#waiting.push(call);
      else if (request === null) this.#joinLast(call);
      else this.#stage(call, request);
      if (!core.isRunning) this.schedule();
    });
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

  #joinLast(call: Call): void {
    if (this.#staged.length > 0) this.#staged.push(call);
    else if (this.#written.length > 0) this.#written.push(call);
    else call.resolve();
  }

  /** Lays the call's operation into the next batch, or lets it wait at `waiting`'s end. */
  #stage(call: Call, request: Request): void {
    if (this.#tryStage(call, request) === 'no room') this.#waiting.push(call);
  }

  #tryStage(call: Call, request: Request): 'staged' | 'refused' | 'no room' {
    try {
      if (!this.#parts.core.stage(request())) return 'no room';
    } catch (error) {
      if (!isOpError(error)) throw error;
      call.reject(error);
      return 'refused';
    }
    this.#staged.push(call);
    return 'staged';
  }

  #admit(): void {
    let served = 0;
    for (const call of this.#waiting) {
      if (call.request === null) this.#joinLast(call);
      else if (this.#tryStage(call, call.request) === 'no room') break;
      served++;
    }
    if (served > 0) this.#waiting.splice(0, served);
  }

  #pump(): void {
    const { core, executor } = this.#parts;
    if (core.isRunning || this.#isStopped || this.#poison !== null) return;
    this.#admit();
    const job = core.nextJob(this.#waiting.length > 0, this.#patience === 0);
    if (job === null) {
      this.#rest();
      return;
    }
    if (core.isWritingBatch) this.#startBatch();
    executor.submit(job, (outcome) => this.#ended(job, outcome));
  }

  /** Nothing to write. A chore takes as long as several batches, so it begins only when no answered caller comes back. */
  #rest(): void {
    if (this.#patience > 0) {
      this.#patience--;
      this.schedule();
    } else {
      this.#watchSpace();
    }
  }

  #startBatch(): void {
    const nowMs = this.#parts.clock.monotonicMs();
    this.#written = this.#staged;
    this.#staged = [];
    for (const { startMs } of this.#written) this.#parts.meter.queueMs.add(nowMs - startMs);
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
    this.#written = [];
    this.#patience = durable.length > 0 ? patienceTurns : 0;
    core.done(result.isDiskFull);
    // The disk goes on at once when a batch worth writing stands ready; else those who are answered fill it first.
    if (this.#staged.length >= durable.length) this.#pump();
    if (job.kind === 'write' && durable.length > 0) meter.batch(durable.length, job.bytes.length, result);
    const nowMs = clock.monotonicMs();
    for (const call of durable) {
      meter.totalMs.add(nowMs - call.startMs);
      call.resolve();
    }
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
    const calls = [...this.#written, ...this.#staged, ...this.#waiting];
    this.#written = [];
    this.#staged = [];
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
