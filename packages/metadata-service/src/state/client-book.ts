// The highest command number of each client session, which every command looks at and most raise: read once, kept in step, and written
// before anybody reads it. And the answers that are kept, which soon take each other's places.
import type { StateDatabase } from './database.ts';
import type { LaterRows } from './later-rows.ts';
import { change, query, together } from './query.ts';
import { stateLimits } from './state-limits.ts';

const highestOf = query<{ readonly highest: number }>('SELECT highest FROM clients WHERE client = ?');
const raiseHighest = change('UPDATE clients SET highest = ? WHERE client = ?');

/** `place` is the sequence as far as it tells the answers apart that are kept at one time. */
type AnswerValues = [client: number, place: number, sequence: number, answer: Uint8Array];
const putAnswer = together<AnswerValues>('answers', ['client', 'place', 'sequence', 'answer'], { isReplacing: true });

/** Sessions that are remembered: of them few are in use at one time. */
const knownMax = 4_096;

export class ClientBook {
  readonly #database: StateDatabase;
  readonly #highest = new Map<number, number>();
  readonly #raised = new Set<number>();
  readonly #answers: LaterRows<AnswerValues>;

  constructor(database: StateDatabase) {
    this.#database = database;
    this.#answers = database.later(putAnswer);
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

  keep(client: number, sequence: number, answer: Uint8Array): void {
    const place = placeOf(sequence);
    this.#answers.put(`${client}/${place}`, client, place, sequence, answer);
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

/** Numbers that are under way together have places of their own. */
export function placeOf(sequence: number): number {
  return sequence % stateLimits.commandsPerClient;
}
