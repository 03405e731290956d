// Reservation keys by the sessions that they stand for. A model's device holds the session's name in place of the key; the service hears
// and tells the key itself, as registrations gave it out.
export class KeyBook {
  readonly #keys = new Map<string, string>();
  readonly #sessions = new Map<string, string>();

  note(session: string, key: string): void {
    this.#keys.set(session, key);
    this.#sessions.set(key, session);
  }

  /** Whoever stands on a device was answered, so its key is known. */
  keyOf(session: string): string {
    return this.#keys.get(session) ?? session;
  }
  /** Nobody stands anywhere with a key that was never given out. */
  sessionOf(key: string): string {
    return this.#sessions.get(key) ?? key;
  }
}
