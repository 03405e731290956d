// What a caller gave up may take effect before its next command, and never later (decision record 18). Hears of the giving up at the
// caller itself, and of what happened to commands in the order of the log.
import type { CommandId } from '../metadata/callers.ts';

interface GivenUp {
  /** The newest number that its caller had used by then: a greater one was asked later. */
  readonly last: number;
  isPassed: boolean;
}

export class CallerJudge {
  readonly #report: (rule: string, text: string) => void;
  /** By caller and number. */
  readonly #givenUp = new Map<string, Map<number, GivenUp>>();
  #index = 0;

  constructor(report: (rule: string, text: string) => void) {
    this.#report = report;
  }

  gaveUp({ caller, number }: CommandId, last: number): void {
    const ofCaller = this.#givenUp.get(caller) ?? new Map<number, GivenUp>();
    this.#givenUp.set(caller, ofCaller.set(number, { last, isPassed: false }));
  }

  /** `isApplied` is false where the command was refused because it is late. Each member tells it; the first one counts. */
  decided(index: number, { caller, number }: CommandId, isApplied: boolean): void {
    if (index <= this.#index) return;
    this.#index = index;
    const ofCaller = this.#givenUp.get(caller);
    if (ofCaller === undefined || !isApplied) return;
    if (ofCaller.get(number)?.isPassed === true)
      this.#report('given-up', `command ${number} of ${caller} takes effect, which went on without it`);
    for (const each of ofCaller.values()) if (number > each.last) each.isPassed = true;
  }
}
