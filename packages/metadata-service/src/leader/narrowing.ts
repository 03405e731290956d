// Intents (F9): committed when everybody who could use the old entries has acknowledged or is certified, withdrawn when that takes too
// long. Whoever began one waits here for its end.
import { OpError } from '@holdfast/base';
import type { IntentRow } from '../state/entities.ts';
import type { WatchParts } from './expiry.ts';
import {
  acknowledgedBy,
  intentsBehind,
  intentsOfGroup,
  intentOnVolume,
  missingAcknowledgements,
  sessionsHolding,
} from './leader-reads.ts';
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
    const open = this.#parts.database().get(intentOnVolume, volume);
    if (open?.id !== intent) return;
    const name = nameOf(this.#together(open)[0]?.volume ?? volume, intent);
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

  #lookAt(tenure: Tenure, intent: IntentRow, nowMs: number): void {
    const all = this.#together(intent);
    const [first = intent] = all;
    const isComplete = all.every((each) => this.#isComplete(each));
    if (!this.#isInTime(tenure, first, { isComplete, nowMs })) this.#withdraw(tenure, first, all);
    else if (isComplete) this.#commit(tenure, first);
    else for (const { volume } of all) this.ask(volume);
  }

  #isInTime(
    tenure: Tenure,
    { volume, id, cut }: IntentRow,
    at: { readonly isComplete: boolean; readonly nowMs: number },
  ): boolean {
    if (cut !== 0) return tenure.isCutInTime(cut, at);
    return at.isComplete || tenure.ageMs(nameOf(volume, id), at.nowMs) <= this.#parts.settings.intentMs;
  }

  /** Those that end with it, itself among them; what becomes of them has the name of the first. */
  #together(intent: IntentRow): IntentRow[] {
    return intent.group_id === null ? [intent] : this.#parts.database().all(intentsOfGroup, intent.group_id);
  }

  #isComplete({ volume, kind }: IntentRow): boolean {
    const database = this.#parts.database();
    if (database.get(missingAcknowledgements, volume) !== null) return false;
    // A snapshot of what only a device's cache holds could still change: somebody has flushed (adr/0013).
    return kind !== 'share' || database.get(acknowledgedBy, volume) !== null;
  }

  #commit(tenure: Tenure, { volume, id: intent, cut }: IntentRow): void {
    const { errands, clock } = this.#parts;
    errands.run<'commitIntent'>(
      nameOf(volume, intent),
      { kind: 'commitIntent', volume, intent, atMs: clock.wallMs() },
      {
        // An unmap takes as many steps as it needs.
        onDone: ({ isDone }) => {
          if (isDone) tenure.endCut(cut);
          if (isDone) this.#settle(volume, intent, null);
          else this.lookAt(tenure, volume, clock.boottimeMs());
        },
      },
    );
  }

  /** A delete is no intent, so nothing that is withdrawn here holds anything up for ever. */
  #withdraw(tenure: Tenure, { volume, id: intent, cut }: IntentRow, all: readonly IntentRow[]): void {
    const sessions = this.#waitedFor(all).join(', ');
    this.#parts.errands.run<'withdrawIntent'>(
      nameOf(volume, intent),
      { kind: 'withdrawIntent', volume, intent },
      {
        onDone: () => {
          tenure.endCut(cut);
          this.#settle(volume, intent, new OpError('INTENT_INCOMPLETE', { volume, sessions }));
        },
      },
    );
  }

  /** Who has not acknowledged; of a cut that all acknowledged too late, who was asked. */
  #waitedFor(all: readonly IntentRow[]): string[] {
    const database = this.#parts.database();
    const of = (statement: typeof sessionsHolding): string[] => {
      const found = all.flatMap(({ volume }) => database.all(statement, volume).map(({ session }) => session));
      return [...new Set(found)].sort();
    };
    const missing = of(missingAcknowledgements);
    return missing.length > 0 ? missing : of(sessionsHolding);
  }
}

function newSettling() {
  return Promise.withResolvers<null>();
}

function nameOf(volume: string, intent: string): string {
  return `intent ${volume} ${intent}`;
}
