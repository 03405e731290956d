// What decides whether a process is ready: checks by name, each with a time limit, and the role's own word that it is up.
// Relies on each check looking at the thing itself; nothing is remembered between two questions.
import { invariant, toOpError, withTimeout, type Timers } from '@holdfast/base';

/** Throws what is wrong; the signal aborts when nobody waits for the answer any more. */
export type HealthCheck = (signal: AbortSignal) => Promise<void>;

export interface CheckResult {
  readonly name: string;
  /** Null if all is well. */
  readonly problem: string | null;
}

const checkLimitMs = 1000;
const checksLimit = 32;

export class HealthChecks {
  readonly #timers: Timers;
  readonly #checks = new Map<string, HealthCheck>();
  #isReady = false;
  /** The answer that is being made: who asks meanwhile shares it, so a flood of questions runs no check twice. */
  #running: Promise<readonly CheckResult[]> | null = null;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  add(name: string, check: HealthCheck): void {
    invariant(!this.#checks.has(name), `health check ${name} is there already`);
    invariant(this.#checks.size < checksLimit, `more than ${checksLimit} health checks`);
    this.#checks.set(name, check);
  }

  /** A role says true once it serves, and false when it begins to drain. */
  setReady(isReady: boolean): void {
    this.#isReady = isReady;
  }

  run(): Promise<readonly CheckResult[]> {
    this.#running ??= this.#runAll().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #runAll(): Promise<readonly CheckResult[]> {
    const started: CheckResult = { name: 'started', problem: this.#isReady ? null : 'the process starts or stops' };
    const results = [...this.#checks].map(async ([name, check]) => this.#runOne(name, check));
    return [started, ...(await Promise.all(results))];
  }

  async #runOne(name: string, check: HealthCheck): Promise<CheckResult> {
    try {
      await withTimeout({ timers: this.#timers, what: `the check ${name}`, limitMs: checkLimitMs }, check);
      return { name, problem: null };
    } catch (error) {
      return { name, problem: toOpError(error).line };
    }
  }
}
