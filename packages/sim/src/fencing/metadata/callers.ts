// What a caller has given up never takes effect later (decision record 18), by numbers alone: a caller counts its commands, has at most
// a window of them under way, and leaves as many numbers out behind each command that it gives up. So the next one that is
// applied has the given-up one behind the window, where everything is refused, whoever hands it on.
import { invariant } from '@holdfast/base';

export interface CommandId {
  /** One process: whoever takes its place is another caller. */
  readonly caller: string;
  /** From 1. */
  readonly number: number;
}

/** The service keeps 256 in place of 16. */
export const callerWindow = 16;
const waitingMax = 1_000;

/** The numbers that a caller gives out. */
export class CallerNumbers {
  readonly #caller: string;
  #last = 0;
  /** In the order of their numbers. */
  readonly #underWay = new Set<number>();
  #waiting: (() => void)[] = [];

  constructor(caller: string) {
    this.#caller = caller;
  }

  /** The last one that was given out or left out. */
  get last(): number {
    return this.#last;
  }

  async take(): Promise<CommandId> {
    while (!this.#hasRoom()) {
      invariant(this.#waiting.length < waitingMax, `${this.#caller} waits with ${waitingMax} commands`);
      await new Promise<void>((resolve) => void this.#waiting.push(resolve));
    }
    const number = ++this.#last;
    this.#underWay.add(number);
    return { caller: this.#caller, number };
  }

  #hasRoom(): boolean {
    const [oldest = this.#last + 1] = this.#underWay;
    return this.#last + 1 - oldest < callerWindow;
  }

  answered({ number }: CommandId): void {
    this.#underWay.delete(number);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  gaveUp(id: CommandId): void {
    this.#last = Math.max(this.#last, id.number + callerWindow - 1);
    this.answered(id);
  }
}

/** The highest number of each caller, as part of the state. */
export class CallerWindows {
  readonly #highest: Map<string, number>;

  constructor(highest: Readonly<Record<string, number>> = {}) {
    this.#highest = new Map(Object.entries(highest));
  }

  /** Whether the command's caller has gone on without it; takes note of the command if not. */
  isOver({ caller, number }: CommandId): boolean {
    const highest = this.#highest.get(caller) ?? 0;
    if (number <= highest - callerWindow) return true;
    this.#highest.set(caller, Math.max(highest, number));
    return false;
  }

  contents(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#highest);
  }
}
