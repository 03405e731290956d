// The highest command number of each client session, which every command looks at and most raise: read once, kept in step, and written
// with each batch.
import type { StateDatabase } from './database.ts';
import { change, query } from './query.ts';

const highestOf = query<{ readonly highest: number }>('SELECT highest FROM clients WHERE client = ?');
const raiseHighest = change('UPDATE clients SET highest = ? WHERE client = ?');

/** Sessions that are remembered: of them few are in use at one time. */
const knownMax = 4_096;

export class ClientBook {
  readonly #database: StateDatabase;
  readonly #highest = new Map<number, number>();
  readonly #raised = new Set<number>();

  constructor(database: StateDatabase) {
    this.#database = database;
  }

  /** Null for a session that there is not. */
  highestOf(client: number): number | null {
    const known = this.#highest.get(client) ?? this.#database.get(highestOf, client)?.highest ?? null;
    if (known !== null) this.#highest.set(client, known);
    return known;
  }

  raise(client: number, sequence: number): void {
    this.#highest.set(client, sequence);
    this.#raised.add(client);
  }

  /** The session is gone. */
  forget(client: number): void {
    this.#highest.delete(client);
    this.#raised.delete(client);
  }

  save(): void {
    for (const client of this.#raised) this.#database.run(raiseHighest, this.#highest.get(client) ?? 0, client);
    this.#raised.clear();
    if (this.#highest.size > knownMax) this.#highest.clear();
  }

  /** What is in the database counts. */
  reread(): void {
    this.#highest.clear();
    this.#raised.clear();
  }
}
