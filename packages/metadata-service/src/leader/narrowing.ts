// Intents (F9): committed when everybody who could use the old entries has acknowledged or is certified, withdrawn when that takes too
// long. Whoever began one waits here for its end.
import { OpError } from '@holdfast/base';
import type { IntentRow } from '../state/entities.ts';
import type { WatchParts } from './expiry.ts';
import { acknowledgedBy, intentsBehind, intentOnVolume, missingAcknowledgements } from './leader-reads.ts';
import type { Tenure } from './tenure.ts';

export interface NarrowingParts extends WatchParts {
  /** Something waits for this session. */
  readonly onDue: (session: string) => void;
}

export class Narrowing {
  readonly #parts: NarrowingParts;
  readonly #settling = new Map<string, ReturnType<typeof newSettling>>();
  #behind = '';

  constructor(parts: NarrowingParts) {
    this.#parts = parts;
  }

  /** Resolves when the intent is committed, and with it everything that it takes away is gone. */
  async settled(volume: string, intent: string): Promise<void> {
    if (this.#parts.database().get(intentOnVolume, volume)?.id !== intent) return;
    const name = nameOf(volume, intent);
    const settling = this.#settling.get(name) ?? newSettling();
    this.#settling.set(name, settling);
    await settling.promise;
  }

  /** What becomes of them is decided by another leader. */
  rejectAll(error: OpError): void {
    const settling = [...this.#settling.values()];
    this.#settling.clear();
    for (const { reject } of settling) reject(error);
  }

  #settle(volume: string, intent: string, error: OpError | null): void {
    const name = nameOf(volume, intent);
    const settling = this.#settling.get(name);
    this.#settling.delete(name);
    if (error === null) settling?.resolve(null);
    else settling?.reject(error);
  }

  look(tenure: Tenure, nowMs: number): void {
    const { settings } = this.#parts;
    const intents = this.#parts.database().all(intentsBehind, this.#behind, settings.lookMax);
    this.#behind = intents.length < settings.lookMax ? '' : (intents.at(-1)?.volume ?? '');
    for (const intent of intents) this.#lookAt(tenure, intent, nowMs);
  }

  /** At once, when somebody has acknowledged. */
  lookAt(tenure: Tenure, volume: string, nowMs: number): void {
    const intent = this.#parts.database().get(intentOnVolume, volume);
    if (intent !== null && tenure.sinceMs !== null) this.#lookAt(tenure, intent, nowMs);
  }

  /** Tells everybody who has not acknowledged. */
  ask(volume: string): void {
    for (const { session } of this.#parts.database().all(missingAcknowledgements, volume)) this.#parts.onDue(session);
  }

  #lookAt(tenure: Tenure, { volume, id: intent, kind }: IntentRow, nowMs: number): void {
    const { settings } = this.#parts;
    const database = this.#parts.database();
    const ageMs = tenure.ageMs(nameOf(volume, intent), nowMs);
    const isAcknowledged = database.get(missingAcknowledgements, volume) === null;
    // A snapshot of what only a device's cache holds could still change: somebody has flushed (adr/0013).
    const isFlushed = kind !== 'share' || database.get(acknowledgedBy, volume) !== null;
    if (isAcknowledged && isFlushed) this.#commit(tenure, volume, intent);
    else if (ageMs > settings.intentMs) this.#withdraw(volume, intent);
    else this.ask(volume);
  }

  #commit(tenure: Tenure, volume: string, intent: string): void {
    const { errands, clock } = this.#parts;
    errands.run<'commitIntent'>(
      nameOf(volume, intent),
      { kind: 'commitIntent', volume, intent, atMs: clock.wallMs() },
      {
        // An unmap takes as many steps as it needs.
        onDone: ({ isDone }) => {
          if (isDone) this.#settle(volume, intent, null);
          else this.lookAt(tenure, volume, clock.boottimeMs());
        },
      },
    );
  }

  /** A delete is no intent, so nothing that is withdrawn here holds anything up for ever. */
  #withdraw(volume: string, intent: string): void {
    const missing = this.#parts.database().all(missingAcknowledgements, volume);
    const sessions = missing.map(({ session }) => session).join(', ');
    this.#parts.errands.run<'withdrawIntent'>(
      nameOf(volume, intent),
      { kind: 'withdrawIntent', volume, intent },
      { onDone: () => this.#settle(volume, intent, new OpError('INTENT_INCOMPLETE', { volume, sessions })) },
    );
  }
}

function newSettling() {
  return Promise.withResolvers<null>();
}

function nameOf(volume: string, intent: string): string {
  return `intent ${volume} ${intent}`;
}
