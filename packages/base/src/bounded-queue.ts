// A queue with a named limit that pushes back: `put` waits for room, `tryPut` says QUEUE_FULL. Those who wait are a queue too,
// so they are bounded by the same limit. Items and waiters are served in the order in which they came.
import { abortError, onAbort } from './abort.ts';
import { invariant } from './invariant.ts';
import { OpError } from './op-error.ts';

interface Taker<Item> {
  readonly resolve: (item: Item) => void;
  readonly reject: (error: OpError) => void;
}
interface Putter<Item> {
  readonly item: Item;
  readonly resolve: () => void;
  readonly reject: (error: OpError) => void;
}

export class BoundedQueue<Item> implements AsyncIterable<Item> {
  readonly name: string;
  readonly limit: number;
  /** Two stacks make a queue that forgets what it gave out: put pushes to the first, take pops from the second. */
  #arrived: Item[] = [];
  #leaving: Item[] = [];
  readonly #putters = new Set<Putter<Item>>();
  readonly #takers = new Set<Taker<Item>>();
  #isClosed = false;

  constructor(options: { readonly name: string; readonly limit: number }) {
    invariant(
      Number.isSafeInteger(options.limit) && options.limit >= 1,
      `queue ${options.name}: limit ${options.limit}`,
    );
    this.name = options.name;
    this.limit = options.limit;
  }

  get size(): number {
    return this.#arrived.length + this.#leaving.length;
  }
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Takes the item in at once, or throws QUEUE_FULL or QUEUE_CLOSED. */
  tryPut(item: Item): void {
    if (this.#isClosed) throw this.#closed();
    if (this.#hand(item)) return;
    if (this.size >= this.limit) throw this.#full();
    this.#arrived.push(item);
  }

  /** Resolves once the queue has taken the item in. An abort while it waits takes the item back. */
  put(item: Item, signal: AbortSignal | null = null): Promise<void> {
    if (signal?.aborted === true) return Promise.reject(abortError(signal));
    if (this.#isClosed) return Promise.reject(this.#closed());
    if (this.#hand(item)) return Promise.resolve();
    if (this.size < this.limit) {
      this.#arrived.push(item);
      return Promise.resolve();
    }
    if (this.#putters.size >= this.limit) return Promise.reject(this.#full());
    return new Promise((resolve, reject) => {
      const release = onAbort(signal, (error) => {
        this.#putters.delete(putter);
        reject(error);
      });
      const putter: Putter<Item> = {
        item,
        resolve: () => {
          release();
          resolve();
        },
        reject: (error) => {
          release();
          reject(error);
        },
      };
      this.#putters.add(putter);
    });
  }

  /** The oldest item, as soon as there is one. Rejects with QUEUE_CLOSED once the queue is closed and empty. */
  take(signal: AbortSignal | null = null): Promise<Item> {
    if (signal?.aborted === true) return Promise.reject(abortError(signal));
    if (this.size > 0) return Promise.resolve(this.#shift());
    if (this.#isClosed) return Promise.reject(this.#closed());
    if (this.#takers.size >= this.limit) return Promise.reject(this.#full());
    return new Promise((resolve, reject) => {
      const release = onAbort(signal, (error) => {
        this.#takers.delete(taker);
        reject(error);
      });
      const taker: Taker<Item> = {
        resolve: (item) => {
          release();
          resolve(item);
        },
        reject: (error) => {
          release();
          reject(error);
        },
      };
      this.#takers.add(taker);
    });
  }

  /** Takes nothing in any more; what was taken in can still be taken out. Those who wait are told. */
  close(): void {
    this.#isClosed = true;
    for (const waiter of [...this.#putters, ...this.#takers]) waiter.reject(this.#closed());
    this.#putters.clear();
    this.#takers.clear();
  }

  /** Takes items until the queue is closed and empty. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Item, void, void> {
    while (!this.#isClosed || this.size > 0) {
      let item: Item;
      try {
        item = await this.take();
      } catch (error) {
        if (error instanceof OpError && error.code === 'QUEUE_CLOSED') return;
        throw error;
      }
      yield item;
    }
  }

  /** Gives the item to who waits longest for one. Takers wait only while nothing is queued, so it overtakes none. */
  #hand(item: Item): boolean {
    const taker = first(this.#takers);
    if (taker === null) return false;
    this.#takers.delete(taker);
    taker.resolve(item);
    return true;
  }

  #shift(): Item {
    if (this.#leaving.length === 0) {
      this.#leaving = this.#arrived.reverse();
      this.#arrived = [];
    }
    invariant(this.#leaving.length > 0, `queue ${this.name} is not empty`);
    const item = this.#leaving.pop() as Item;
    const putter = first(this.#putters);
    if (putter !== null) {
      this.#putters.delete(putter);
      this.#arrived.push(putter.item);
      putter.resolve();
    }
    return item;
  }

  #full(): OpError {
    return new OpError('QUEUE_FULL', { queue: this.name, limit: this.limit });
  }
  #closed(): OpError {
    return new OpError('QUEUE_CLOSED', { queue: this.name });
  }
}

function first<Value>(values: ReadonlySet<Value>): Value | null {
  for (const value of values) return value;
  return null;
}
