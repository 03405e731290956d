// Who carries out a log's jobs: a thread of its own in production, the same thread under the simulator. One job at a time.
import type { Job, JobResult } from './job.ts';
import type { LogDisk } from './log-disk.ts';

export type JobOutcome =
  { readonly isOk: true; readonly result: JobResult } | { readonly isOk: false; readonly error: unknown };

export interface Executor {
  /** `done` is called in a later turn or microtask, never from within. */
  submit(job: Job, done: (outcome: JobOutcome) => void): void;
  /** After the running job, whose `done` is still called. Files are closed when it returns. */
  stop(): Promise<void>;
}

/** Runs jobs at once in the calling thread and tells of it by `deliver`, which may take the time that the disk took. */
export class InlineExecutor implements Executor {
  readonly #disk: LogDisk;
  readonly #deliver: (tell: () => void) => void;
  #hasFailed = false;

  constructor(disk: LogDisk, deliver: (tell: () => void) => void = queueMicrotask) {
    this.#disk = disk;
    this.#deliver = deliver;
  }

  submit(job: Job, done: (outcome: JobOutcome) => void): void {
    const outcome = this.#run(job);
    this.#deliver(() => done(outcome));
  }

  async stop(): Promise<void> {
    if (!this.#hasFailed) this.#disk.run({ kind: 'end' });
  }

  #run(job: Job): JobOutcome {
    try {
      return { isOk: true, result: this.#disk.run(job) };
    } catch (error) {
      this.#hasFailed = true;
      return { isOk: false, error };
    }
  }
}
