// A command takes effect once, and never after its caller gave it up (decision record 18), by numbers alone: a caller counts its
// commands, has at most a window of them under way, and leaves as many numbers out behind each command that it gives up. The first
// answers of a window are kept. Where the next command is applied, the given-up one is behind the window, and refused, whoever
// hands it on.
import { invariant } from '@holdfast/base';
import { refuse, type Answer } from './command.ts';

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
  readonly #window: number;
  #last = 0;
  /** In the order of their numbers. */
  readonly #underWay = new Set<number>();
  #waiting: (() => void)[] = [];

  constructor(caller: string, window = callerWindow) {
    this.#caller = caller;
    this.#window = window;
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
    return this.#last + 1 - oldest < this.#window;
  }

  answered({ number }: CommandId): void {
    this.#underWay.delete(number);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  gaveUp(id: CommandId): void {
    this.#last = Math.max(this.#last, id.number + this.#window - 1);
    this.answered(id);
  }
}

/** Of one caller, by number. */
type FirstAnswers = Record<number, Answer>;

/** What each caller was answered, as part of the state. */
export class CallerWindows {
  readonly #callers: Map<string, FirstAnswers>;

  constructor(contents: Readonly<Record<string, FirstAnswers>> = {}) {
    this.#callers = new Map(Object.entries(contents));
  }

  /** What a command gets that is not to take effect: it did before, or its caller has gone on without it. Null for all others. */
  answerTo({ caller, number }: CommandId): Answer | null {
    const answers = this.#callers.get(caller) ?? {};
    return answers[number] ?? (number <= highestOf(answers) - callerWindow ? refuse('given-up') : null);
  }

  keep({ caller, number }: CommandId, answer: Answer): void {
    const answers = { ...this.#callers.get(caller), [number]: answer };
    const highest = highestOf(answers);
    const isKept = ([at]: [string, Answer]): boolean => Number(at) > highest - callerWindow;
    this.#callers.set(caller, Object.fromEntries(Object.entries(answers).filter(isKept)));
  }

  contents(): Readonly<Record<string, FirstAnswers>> {
    return Object.fromEntries(this.#callers);
  }
}

function highestOf(answers: FirstAnswers): number {
  return Math.max(0, ...Object.keys(answers).map(Number));
}
