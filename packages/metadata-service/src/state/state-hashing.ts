// The hash of the whole state at one index, in parts: whoever computes it applies what comes meanwhile, because a leader that stands still
// for as long as a large state takes leads no more. A connection of its own reads what was committed when it began.
import { OpError, type LogIndex } from '@holdfast/base';
import type { StateDatabase } from './database.ts';
import { StateHash } from './state-dump.ts';

export class StateHashing {
  readonly applied: LogIndex;
  readonly #database: StateDatabase;
  readonly #hash: StateHash;
  readonly #onClose: () => void;
  #isOpen = true;

  /** It closes the database. */
  constructor(applied: LogIndex, database: StateDatabase, onClose: () => void) {
    this.applied = applied;
    this.#database = database;
    this.#hash = new StateHash(database);
    this.#onClose = onClose;
  }

  /** Goes on by so many rows; the hash behind the last, and null before. */
  next(rowsMax: number): string | null {
    if (!this.#isOpen) throw new OpError('STATE_IMAGE_BUSY', { reason: 'the state was replaced while it was read' });
    return this.#hash.add(rowsMax);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#hash.close();
    this.#database.close();
    this.#onClose();
  }
}
