// A command takes effect once; and what its caller gave up, before the caller's next command or never (decision record 18). Hears of the
// giving up at the caller itself, and of what took effect in the order of the log.
import type { CommandId } from '../metadata/callers.ts';

interface GivenUp {
  /** The newest number that its caller had used by then: a greater one was asked later. */
  readonly last: number;
  isPassed: boolean;
}

interface Caller {
  readonly givenUp: Map<number, GivenUp>;
  readonly done: Set<number>;
}

export class CallerJudge {
  readonly #report: (rule: string, text: string) => void;
  readonly #callers = new Map<string, Caller>();
  #index = 0;

  constructor(report: (rule: string, text: string) => void) {
    this.#report = report;
  }

  #of(name: string): Caller {
    const known = this.#callers.get(name) ?? { givenUp: new Map<number, GivenUp>(), done: new Set<number>() };
    this.#callers.set(name, known);
    return known;
  }

  gaveUp({ caller, number }: CommandId, last: number): void {
    this.#of(caller).givenUp.set(number, { last, isPassed: false });
  }

  /** Each member tells it; the first one counts. */
  tookEffect(index: number, { caller, number }: CommandId): void {
    if (index <= this.#index) return;
    this.#index = index;
    const { givenUp, done } = this.#of(caller);
    if (done.has(number)) this.#report('exactly-once', `command ${number} of ${caller} takes effect twice`);
    done.add(number);
    if (givenUp.get(number)?.isPassed === true)
      this.#report('given-up', `command ${number} of ${caller} takes effect, which went on without it`);
    for (const each of givenUp.values()) if (number > each.last) each.isPassed = true;
  }
}
