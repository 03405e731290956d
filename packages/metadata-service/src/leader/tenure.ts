// What a leader remembers of sessions that the log does not know: renewals, who is waited for, since when it has seen a thing. It
// ends with the term, and with every pause of the process (F3); whoever is asked something of a tenure that has ended knows
// nothing. Nothing here decides at apply. All times are this machine's boottime.
import type { LeaderSettings } from './leader-settings.ts';

interface Seen {
  readonly sinceMs: number;
  touchedMs: number;
}

/** What was not asked about for so long is forgotten; the longest ttl that a session may have is an hour. */
const forgottenMs = 2 * 3_600_000;
const sweepMs = 60_000;

export class Tenure {
  readonly term: number;
  /** When the first commit of the term was seen here; null before, and nothing is counted until then. */
  sinceMs: number | null = null;
  isAwaited = false;
  /**
   * Sessions whose end was proposed in this term: their renewals are not answered until it is known what became of it. Null while the
   * proposal waits for its answer; behind that, the last entry that it can be in.
   */
  readonly ending: Map<string, number | null>;
  /** As of the last look; null while there is none. */
  storm: { readonly stopped: number; readonly holders: number } | null;
  readonly #settings: LeaderSettings;
  readonly #heardMs = new Map<string, number>();
  readonly #waitedMs = new Map<string, number>();
  readonly #wantedMs = new Map<string, number>();
  readonly #seen = new Map<string, Seen>();
  readonly #cuts = new Map<number, { readonly sinceMs: number; isTrue: boolean }>();
  #sweptMs: number;

  /** Behind a pause within one term, what was proposed in it may still be applied: `ending` goes on, and so does a storm. */
  constructor(settings: LeaderSettings, at: { term: number; nowMs: number } & Pick<Tenure, 'ending' | 'storm'>) {
    this.#settings = settings;
    this.term = at.term;
    this.ending = at.ending;
    this.storm = at.storm;
    this.#sweptMs = at.nowMs;
  }

  /** In one term a leader's log only grows: what is not applied by then was never in it. */
  settleEnds(applied: number): void {
    for (const [session, last] of this.ending) if (last !== null && last <= applied) this.ending.delete(session);
  }

  hear(session: string, atMs: number): void {
    this.#heardMs.set(session, Math.max(atMs, this.#heardMs.get(session) ?? 0));
  }
  hasHeard(session: string): boolean {
    return this.#heardMs.has(session);
  }
  /** Since when the session has said nothing, as far as this leader knows. */
  silentMs(session: string, nowMs: number): number {
    return nowMs - Math.max(this.#heardMs.get(session) ?? -Infinity, this.sinceMs ?? Infinity);
  }

  /** Somebody asked for what this session holds. */
  wait(session: string, nowMs: number): void {
    this.#waitedMs.set(session, nowMs);
  }
  waitedFor(nowMs: number): string[] {
    const { waitMs } = this.#settings;
    for (const [session, atMs] of this.#waitedMs) if (nowMs - atMs >= waitMs) this.#waitedMs.delete(session);
    return [...this.#waitedMs.keys()];
  }

  /** Another node asked for the role of this volume (F8). */
  wantRole(volume: string, nowMs: number): void {
    this.#wantedMs.set(volume, nowMs);
  }
  isRoleWanted(volume: string, nowMs: number): boolean {
    return nowMs - (this.#wantedMs.get(volume) ?? -Infinity) < this.#settings.roleMs;
  }

  /** Before the entry is proposed: no engine has heard of the cut then, and none has begun to hold its writes. */
  beginCut(cut: number, nowMs: number): void {
    this.#cuts.set(cut, { sinceMs: nowMs, isTrue: false });
  }
  endCut(cut: number): void {
    this.#cuts.delete(cut);
  }
  /**
   * Whether a cut may still come to be. If all have acknowledged while every engine still held its writes, it is true for good, however late
   * it is committed. Another leader's number says nothing.
   */
  isCutInTime(cut: number, { isComplete, nowMs }: { readonly isComplete: boolean; readonly nowMs: number }): boolean {
    const begun = this.#cuts.get(cut);
    if (begun === undefined) return false;
    const { cutMs, cutMarginMs } = this.#settings;
    const areHolding = nowMs - begun.sinceMs < cutMs - cutMarginMs;
    begun.isTrue ||= areHolding && isComplete;
    return areHolding || begun.isTrue;
  }

  /** For how long this leader has known of `thing`: it counts from when it asks first. */
  ageMs(thing: string, nowMs: number): number {
    const seen = this.#seen.get(thing);
    if (seen !== undefined) {
      seen.touchedMs = nowMs;
      return nowMs - seen.sinceMs;
    }
    this.#seen.set(thing, { sinceMs: nowMs, touchedMs: nowMs });
    return 0;
  }

  /** What is gone is not asked about any more, and takes no memory for ever. Forgetting only makes a leader wait longer. */
  sweep(nowMs: number): void {
    if (nowMs - this.#sweptMs < sweepMs) return;
    this.#sweptMs = nowMs;
    for (const [thing, { touchedMs }] of this.#seen) if (nowMs - touchedMs > forgottenMs) this.#seen.delete(thing);
    for (const [cut, { sinceMs }] of this.#cuts) if (nowMs - sinceMs > forgottenMs) this.#cuts.delete(cut);
    for (const memory of [this.#heardMs, this.#wantedMs]) {
      for (const [key, atMs] of memory) if (nowMs - atMs > forgottenMs) memory.delete(key);
    }
  }
}
