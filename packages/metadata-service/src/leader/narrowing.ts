// Intents (F9): committed when everybody who could use the old entries has acknowledged or is certified, withdrawn when that takes too
// long. Whoever began one waits here for its end, which the state tells: a restore ends intents, too, and so does what a leader proposed
// that was deposed since.
import { OpError } from '@holdfast/base';
import type { IntentRow } from '../state/entities.ts';
import type { WatchParts } from './expiry.ts';
import {
  acknowledgedBy,
  endedUnmap,
  groupById,
  intentsBehind,
  intentsOfGroup,
  intentOnVolume,
  missingAcknowledgements,
  sessionsHolding,
  snapshotNamed,
} from './leader-reads.ts';
import type { Tenure } from './tenure.ts';

export interface NarrowingParts extends WatchParts {
  /** Something waits for this session. */
  readonly onDue: (session: string) => void;
}

/** An intent that somebody waits for. */
interface Settling extends PromiseWithResolvers<null> {
  readonly intent: IntentRow;
  /** Who was silent, if this leader withdrew it. */
  whyWithdrawn: OpError | null;
}

export class Narrowing {
  readonly #parts: NarrowingParts;
  readonly #settling = new Map<string, Settling>();
  #behind = '';

  constructor(parts: NarrowingParts) {
    this.#parts = parts;
  }

  /** Resolves when the intent is committed, and with it everything that it takes away is gone; refused when it was withdrawn. */
  async settled(intent: IntentRow): Promise<void> {
    if (this.#isOpen(intent)) {
      await this.#settlingOf(intent).promise;
      return;
    }
    const refusal = this.#whyNotCommitted(intent);
    if (refusal !== null) throw refusal;
  }

  /** The same of a cut over several volumes. */
  async settledGroup(id: string, name: string): Promise<void> {
    const [first] = this.#parts.database().all(intentsOfGroup, id);
    if (first !== undefined) await this.#settlingOf(first).promise;
    else if (!this.#isGroup(id)) throw new OpError('SNAPSHOT_WITHDRAWN', { snapshot: name });
  }

  #isOpen({ volume, id, revision }: IntentRow): boolean {
    const open = this.#parts.database().get(intentOnVolume, volume);
    return open?.id === id && open.revision === revision;
  }

  #settlingOf(intent: IntentRow): Settling {
    const name = nameOf(intent);
    const known = this.#settling.get(name);
    if (known !== undefined) return known;
    const settling = { ...Promise.withResolvers<null>(), intent, whyWithdrawn: null };
    this.#settling.set(name, settling);
    return settling;
  }

  /** Of one that is open no more, by what it left. */
  #whyNotCommitted({ volume, id: intent, kind, name, group_id }: IntentRow): OpError | null {
    const database = this.#parts.database();
    if (kind === 'unmap') {
      const ended = database.get(endedUnmap, volume);
      const isDone = ended?.id === intent && ended.is_committed === 1;
      return isDone ? null : new OpError('INTENT_WITHDRAWN', { volume, intent });
    }
    const isMade = group_id === null ? database.get(snapshotNamed, name)?.volume === volume : this.#isGroup(group_id);
    return isMade ? null : new OpError('SNAPSHOT_WITHDRAWN', { snapshot: group_id === null ? (name ?? '') : intent });
  }

  #isGroup(id: string): boolean {
    return this.#parts.database().get(groupById, id) !== null;
  }

  /** What becomes of them is decided by another leader. */
  rejectAll(error: OpError): void {
    const settling = [...this.#settling.values()];
    this.#settling.clear();
    for (const { reject } of settling) reject(error);
  }

  #settle(name: string): void {
    const settling = this.#settling.get(name);
    if (settling === undefined || this.#isOpen(settling.intent)) return;
    this.#settling.delete(name);
    const refusal = this.#whyNotCommitted(settling.intent);
    if (refusal === null) settling.resolve(null);
    else settling.reject(settling.whyWithdrawn ?? refusal);
  }

  look(tenure: Tenure, nowMs: number): void {
    for (const name of [...this.#settling.keys()]) this.#settle(name);
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

  #isInTime(tenure: Tenure, intent: IntentRow, at: { readonly isComplete: boolean; readonly nowMs: number }): boolean {
    if (intent.cut !== 0) return tenure.isCutInTime(intent.cut, at);
    return at.isComplete || tenure.ageMs(nameOf(intent), at.nowMs) <= this.#parts.settings.intentMs;
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

  #commit(tenure: Tenure, intent: IntentRow): void {
    const { errands, clock } = this.#parts;
    const { volume, id, revision, cut } = intent;
    errands.run<'commitIntent'>(
      nameOf(intent),
      { kind: 'commitIntent', volume, intent: id, revision, atMs: clock.wallMs() },
      {
        // An unmap takes as many steps as it needs.
        onDone: ({ isDone }) => {
          if (isDone) tenure.endCut(cut);
          if (isDone) this.#settle(nameOf(intent));
          else this.lookAt(tenure, volume, clock.boottimeMs());
        },
      },
    );
  }

  /** A delete is no intent, so nothing that is withdrawn here holds anything up for ever. */
  #withdraw(tenure: Tenure, intent: IntentRow, all: readonly IntentRow[]): void {
    const { volume, id, revision, cut } = intent;
    const sessions = this.#waitedFor(all).join(', ');
    const settling = this.#settling.get(nameOf(intent));
    if (settling !== undefined) settling.whyWithdrawn = new OpError('INTENT_INCOMPLETE', { volume, sessions });
    this.#parts.errands.run<'withdrawIntent'>(
      nameOf(intent),
      { kind: 'withdrawIntent', volume, intent: id, revision },
      {
        onDone: () => {
          tenure.endCut(cut);
          this.#settle(nameOf(intent));
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

/** One that begins again by its id is another one, at another revision. */
function nameOf({ volume, revision }: IntentRow): string {
  return `intent ${volume} ${revision}`;
}
