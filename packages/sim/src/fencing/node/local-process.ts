// One process of a machine of the model: it can be stopped (what it would have done it does when it goes on), and killed (what it
// would have done nobody does). The machine's own pauses stop all of its processes.
import type { Timer, Timers } from '@holdfast/base';

export class LocalProcess {
  readonly #timers: Timers;
  #isStopped = false;
  #isDead = false;
  #parked: (() => void)[] = [];
  #atNextCall: (() => void) | null = null;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  get isAlive(): boolean {
    return !this.#isDead;
  }
  get isStopped(): boolean {
    return this.#isStopped;
  }
  get isRunning(): boolean {
    return !this.#isDead && !this.#isStopped;
  }

  /** Runs it as this process: at once if the process runs, when it goes on if it is stopped. */
  run(work: () => void): void {
    if (this.#isDead) return;
    if (this.#isStopped) this.#parked.push(work);
    else work();
  }

  after(delayMs: number, work: () => void): Timer {
    return this.#timers.after(delayMs, () => this.run(work));
  }

  /** Never settles once the process is dead. */
  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.after(delayMs, resolve));
  }

  /** What a promise of somebody else's brings, as this process takes it. */
  take<Value>(promise: Promise<Value>): Promise<Value> {
    const happens = this.#atNextCall;
    this.#atNextCall = null;
    happens?.();
    return new Promise((resolve, reject) => {
      promise.then(
        (value) => this.run(() => resolve(value)),
        (error: unknown) => this.run(() => reject(error instanceof Error ? error : new Error(String(error)))),
      );
    });
  }

  /** Something happens to it when it has asked somebody and not heard the answer. */
  atNextCall(happens: () => void): void {
    this.#atNextCall = happens;
  }

  stop(): void {
    this.#isStopped = true;
  }

  resume(): void {
    this.#atNextCall = null;
    this.#isStopped = false;
    const parked = this.#parked;
    this.#parked = [];
    for (const work of parked) this.run(work);
  }

  kill(): void {
    this.#isDead = true;
    this.#parked = [];
  }
}
