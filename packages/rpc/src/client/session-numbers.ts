// The numbers of one client session's commands. The servers keep as many answers of a session, by the distance of its numbers, so none
// is given out that lies further than that behind or before another one that is under way.
import { invariant } from '@holdfast/base';

/** As the state keeps them: commands of one session that may be under way, by the distance of their numbers. */
export const commandsUnderWayMax = 256;

export class SessionNumbers {
  #last = 0;
  /** Whatever lies before it is answered, or was left out. */
  #oldest = 1;
  /** By what tells those apart that are under way together. */
  readonly #isUnderWay = new Uint8Array(commandsUnderWayMax);

  /** The next one; null as long as the oldest one that is under way holds it up. */
  take(): number | null {
    const number = this.#last + 1;
    if (number - this.#oldest >= commandsUnderWayMax) return null;
    this.#last = number;
    this.#isUnderWay[number % commandsUnderWayMax] = 1;
    return number;
  }

  /** Whether others may have been held up by it. */
  release(number: number): boolean {
    const isUnderWay = number >= this.#oldest && this.#isUnderWay[number % commandsUnderWayMax] === 1;
    invariant(isUnderWay, () => `command ${number} is not under way`);
    this.#isUnderWay[number % commandsUnderWayMax] = 0;
    if (number !== this.#oldest) return false;
    do this.#oldest++;
    while (this.#oldest <= this.#last && this.#isUnderWay[this.#oldest % commandsUnderWayMax] === 0);
    return true;
  }

  /** The next one lies so far behind `number` that this one takes effect before it or never: that one is answered. */
  leaveBehind(number: number): number {
    const next = number + commandsUnderWayMax;
    this.#last = Math.max(this.#last, next - 1);
    return next;
  }
}
