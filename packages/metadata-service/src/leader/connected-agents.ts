// Which agents are connected to this server, by their sessions: whoever leads tells them when something waits for them. One agent speaks
// for a session; the one before is let go of when the next connects.
import { OpError } from '@holdfast/base';

export interface ConnectedAgent {
  readonly agent: number;
  /** Something waits for the session. */
  remind(): void;
  /** Ends the connection, with a word why. */
  end(error: OpError): void;
}

export class ConnectedAgents {
  readonly #limit: number;
  readonly #all = new Set<object>();
  readonly #bySession = new Map<string, ConnectedAgent>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get count(): number {
    return this.#all.size;
  }

  /** Before it has said who it is. */
  enter(connection: object): void {
    if (this.#all.size >= this.#limit)
      throw new OpError('STATE_LIMIT_REACHED', { what: 'connected agents', limit: this.#limit });
    this.#all.add(connection);
  }

  speaksFor(session: string, connection: ConnectedAgent): void {
    const before = this.#bySession.get(session);
    if (before !== undefined && before !== connection) {
      // F4: numbers grow, and a message of an older agent may have been on its way for long.
      const [older, current] = before.agent < connection.agent ? [before, connection] : [connection, before];
      older.end(new OpError('AGENT_SUPERSEDED', { session, agent: older.agent, current: current.agent }));
      if (older === connection) return;
    }
    this.#bySession.set(session, connection);
  }

  leave(connection: object, session: string | null): void {
    this.#all.delete(connection);
    if (session !== null && this.#bySession.get(session) === connection) this.#bySession.delete(session);
  }

  remind(session: string): void {
    this.#bySession.get(session)?.remind();
  }
}
