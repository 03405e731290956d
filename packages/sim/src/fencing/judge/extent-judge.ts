// F10 by a book of its own: an extent that nothing names any more is not free while a session has ended of which nothing proves that
// it is silent on the pool. What the state machine says of quarantines does not count here.
import type { MetadataState } from '../metadata/state.ts';
import type { GrantBook } from './grant-book.ts';

export class ExtentJudge {
  readonly #book: Pick<GrantBook, 'hasHeld'>;
  /** By pool and extent: what maps name (null), or one session leases. */
  #taken = new Map<string, string | null>();
  /** The sessions that had ended and were not silent when an extent was freed. */
  readonly #waitsFor = new Map<string, readonly string[]>();
  /** Sessions and pools of which a leader said that it waited until nothing is read there. */
  readonly #silenced = new Set<string>();

  constructor(book: Pick<GrantBook, 'hasHeld'>) {
    this.#book = book;
  }

  silenced(session: string, pool: string): void {
    this.#silenced.add(`${session} ${pool}`);
  }

  /** Whoever begins a session anew in the same boot has said that nothing of the earlier ones stands there. */
  tornDown({ sessions, pools }: MetadataState, begun: string): void {
    const later = sessions[begun];
    for (const { id, node, bootId } of Object.values(sessions)) {
      if (id === begun || node !== later?.node || bootId !== later.bootId) continue;
      for (const pool of Object.keys(pools)) this.silenced(id, pool);
    }
  }

  /** After an entry that may have freed something. */
  look(state: MetadataState): void {
    const taken = takenOf(state);
    for (const [name, lessee] of this.#taken) {
      if (taken.has(name)) continue;
      const [pool = ''] = name.split('/');
      // Of what was never in a map nobody knows but who leased it.
      const users = lessee === null ? Object.keys(state.sessions) : [lessee];
      this.#waitsFor.set(
        name,
        users.filter((session) => this.#isLoud(state, session, pool)),
      );
    }
    this.#taken = taken;
  }

  /** A session that may still use what is leased anew; null if there is none. */
  whoMayUse(state: MetadataState, pool: string, extent: number): string | null {
    const waitsFor = this.#waitsFor.get(`${pool}/${extent}`) ?? [];
    return waitsFor.find((session) => this.#isLoud(state, session, pool)) ?? null;
  }

  /** Sessions of an older generation are judged by what opens the new one. */
  #isLoud({ sessions, generation }: MetadataState, id: string, pool: string): boolean {
    const session = sessions[id];
    if (session === undefined || session.endedBy === null || session.generation !== generation) return false;
    // Without a grant there nothing was ever opened.
    if (!this.#book.hasHeld(id, pool)) return false;
    const certificate = session.certificates[pool];
    if (certificate !== undefined && certificate !== 'preempted') return false;
    return !this.#silenced.has(`${id} ${pool}`);
  }
}

function takenOf({ volumes, pools }: MetadataState): Map<string, string | null> {
  const taken = new Map<string, string | null>();
  for (const { pool, map, snapshots } of Object.values(volumes)) {
    for (const each of [map, ...Object.values(snapshots)]) {
      for (const { extent } of Object.values(each)) taken.set(`${pool}/${extent}`, null);
    }
  }
  for (const { name, extents } of Object.values(pools)) {
    for (const [extent, { state, session }] of Object.entries(extents)) {
      if (state === 'leased') taken.set(`${name}/${extent}`, session);
    }
  }
  return taken;
}
