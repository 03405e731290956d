// A lock per key that never waits: the second caller is told at once that an operation on the key is under way, and comes
// back later. Kubernetes repeats a call that timed out while the first one still runs; a lock that queued them would pile up
// work that nobody waits for.
import { OpError } from './op-error.ts';

export class KeyedLock {
  readonly #what: string;
  readonly #held = new Set<string>();

  /** `what` names the things behind the keys in the error, as in "volume". */
  constructor(what: string) {
    this.#what = what;
  }

  /** Takes the lock and returns the function that gives it back; a second call of that does nothing. */
  lock(key: string): () => void {
    if (this.#held.has(key)) throw new OpError('OPERATION_PENDING', { what: this.#what, key });
    this.#held.add(key);
    let isHeld = true;
    return () => {
      if (isHeld) this.#held.delete(key);
      isHeld = false;
    };
  }

  /** Runs `work` under the lock; what it throws passes through. */
  async run<Value>(key: string, work: () => Promise<Value>): Promise<Value> {
    const release = this.lock(key);
    try {
      return await work();
    } finally {
      release();
    }
  }

  isHeld(key: string): boolean {
    return this.#held.has(key);
  }
}
