// The messages of a stream for `for await`, pulled one by one: the next one is read from the wire only when it is asked for, so
// a slow reader slows the sender instead of filling memory. One message at most waits here.
import { invariant } from '@holdfast/base';

interface Waiter<Message> {
  resolve(result: IteratorResult<Message, undefined>): void;
  reject(error: Error): void;
}

export class MessageQueue<Message> implements AsyncIterableIterator<Message, undefined> {
  readonly #pull: () => void;
  readonly #onReturn: () => void;
  #waiter: Waiter<Message> | null = null;
  #ended = false;
  #failure: Error | null = null;

  /** `pull` asks for one message; `onReturn` is told when the reader leaves before the end. */
  constructor(pull: () => void, onReturn: () => void) {
    this.#pull = pull;
    this.#onReturn = onReturn;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Not an async function: that would be a second promise for each message. */
  next(): Promise<IteratorResult<Message, undefined>> {
    invariant(this.#waiter === null, 'a stream has one reader');
    if (this.#failure !== null) return Promise.reject(this.#failure);
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject };
      this.#pull();
    });
  }

  async return(): Promise<IteratorResult<Message, undefined>> {
    this.#ended = true;
    this.#onReturn();
    return { done: true, value: undefined };
  }

  push(message: Message): void {
    this.#take()?.resolve({ done: false, value: message });
  }

  end(): void {
    this.#ended = true;
    this.#take()?.resolve({ done: true, value: undefined });
  }

  fail(error: Error): void {
    this.#failure ??= error;
    this.#take()?.reject(this.#failure);
  }

  #take(): Waiter<Message> | null {
    const waiter = this.#waiter;
    this.#waiter = null;
    return waiter;
  }
}
