// What every caller of a soak asked and heard, as JSON lines in the order of the answers: docs/reference/soak-history.md. An outside
// checker reads the file; our own judge reads the same entries.
import { createWriteStream, type WriteStream } from 'node:fs';
import { once } from 'node:events';
import { isOpError, RealClock } from '@holdfast/base';

export type Field = string | number | null;
export type Fields = Readonly<Record<string, Field>>;

export interface Entry {
  /** Who called: one caller makes one call at a time. */
  readonly client: string;
  /** Service and method, or the name of a fault. */
  readonly call: string;
  readonly arguments: Fields;
  /** Milliseconds since the soak began, by one monotonic clock for all. */
  readonly start: number;
  readonly end: number;
  /** What was answered; null if the caller got an error. */
  readonly result: Fields | null;
  /** The error's code; null if there was none. What a call that failed was to change may have changed at any time behind its start, or never. */
  readonly error: string | null;
}

const clock = new RealClock();

export class History {
  readonly entries: Entry[] = [];
  readonly #file: WriteStream;
  readonly #beganMs = clock.monotonicMs();

  constructor(path: string) {
    this.#file = createWriteStream(path);
  }

  get nowMs(): number {
    return clock.monotonicMs() - this.#beganMs;
  }

  /** Makes the call and writes down what came of it; null if it failed. A defect of the caller is thrown. */
  async record<Result extends Fields>(
    asked: Pick<Entry, 'client' | 'call' | 'arguments'>,
    work: () => Promise<Result>,
  ): Promise<Result | null> {
    const start = this.nowMs;
    try {
      const result = await work();
      this.#add({ ...asked, start, end: this.nowMs, result, error: null });
      return result;
    } catch (error) {
      if (!isOpError(error)) throw error;
      this.#add({ ...asked, start, end: this.nowMs, result: null, error: error.code });
      return null;
    }
  }

  async close(): Promise<void> {
    this.#file.end();
    await once(this.#file, 'close');
  }

  #add(entry: Entry): void {
    this.entries.push(entry);
    this.#file.write(`${JSON.stringify(entry)}\n`);
  }
}
