// The entries that were written last, by the payloads that the writer handed in: a follower that keeps up is served from
// here without a copy. Bounded by bytes over all groups; what goes first is what became durable first.

export interface CachedEntry {
  readonly index: number;
  readonly payload: Uint8Array;
}

interface Cached {
  /** Consecutive; `payloads[head]` is the entry `firstIndex`. */
  firstIndex: number;
  head: number;
  payloads: Uint8Array[];
}

interface Arrival {
  readonly group: number;
  readonly lastIndex: number;
}

/** What an entry costs beside its payload. */
const overheadBytes = 64;
/** Empty places at the front that are borne before they are cut off. */
const slackEntries = 1024;

export class EntryCache {
  readonly #limitBytes: number;
  readonly #groups = new Map<number, Cached>();
  #arrivals: Arrival[] = [];
  #arrivalsHead = 0;
  #usedBytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  add(group: number, entries: readonly CachedEntry[]): void {
    const first = entries[0];
    const last = entries.at(-1);
    if (first === undefined || last === undefined) return;
    const cached = this.#cachedBefore(group, first.index);
    for (const { payload } of entries) {
      cached.payloads.push(payload);
      this.#usedBytes += payload.length + overheadBytes;
    }
    this.#arrivals.push({ group, lastIndex: last.index });
    this.#evict();
  }

  get(group: number, index: number): Uint8Array | null {
    const cached = this.#groups.get(group);
    if (cached === undefined || index < cached.firstIndex) return null;
    return cached.payloads[cached.head + index - cached.firstIndex] ?? null;
  }

  truncateAfter(group: number, index: number): void {
    const cached = this.#groups.get(group);
    if (cached === undefined) return;
    const kept = Math.max(0, index - cached.firstIndex + 1);
    while (cached.payloads.length - cached.head > kept) this.#forget(cached.payloads.pop());
    if (cached.payloads.length === cached.head) this.#groups.delete(group);
  }

  purgeTo(group: number, index: number): void {
    const cached = this.#groups.get(group);
    if (cached === undefined) return;
    while (cached.firstIndex <= index && cached.head < cached.payloads.length) {
      this.#forget(cached.payloads[cached.head]);
      cached.payloads[cached.head] = nothing;
      cached.head++;
      cached.firstIndex++;
    }
    if (cached.head === cached.payloads.length) this.#groups.delete(group);
    else if (cached.head > slackEntries && cached.head * 2 > cached.payloads.length) {
      cached.payloads = cached.payloads.slice(cached.head);
      cached.head = 0;
    }
  }

  drop(group: number): void {
    this.truncateAfter(group, -1);
  }

  #cachedBefore(group: number, index: number): Cached {
    this.truncateAfter(group, index - 1);
    const cached = this.#groups.get(group);
    if (cached !== undefined && cached.firstIndex + cached.payloads.length - cached.head === index) return cached;
    this.drop(group);
    const begun = { firstIndex: index, head: 0, payloads: [] };
    this.#groups.set(group, begun);
    return begun;
  }

  #evict(): void {
    while (this.#usedBytes > this.#limitBytes) {
      const oldest = this.#arrivals[this.#arrivalsHead];
      if (oldest === undefined) return;
      this.#arrivalsHead++;
      this.purgeTo(oldest.group, oldest.lastIndex);
    }
    if (this.#arrivalsHead > slackEntries && this.#arrivalsHead * 2 > this.#arrivals.length) {
      this.#arrivals = this.#arrivals.slice(this.#arrivalsHead);
      this.#arrivalsHead = 0;
    }
  }

  #forget(payload: Uint8Array | undefined): void {
    if (payload !== undefined) this.#usedBytes -= payload.length + overheadBytes;
  }
}

const nothing = new Uint8Array();
