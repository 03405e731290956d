// What follows an end (F5, F10): the leader waits by its own clock, from when it saw the end itself, and then says so in its term. A
// new leader counts anew. `expired` waits a drain bound after an end by expiry, and ttl + drain bound after any other (adr/0012).
import type { PoolRow, SessionPoolRow, SessionRow } from '../state/entities.ts';
import { State } from '../state/state.ts';
import { mayExpire, type WatchParts } from './expiry.ts';
import { loudSessions, nodeByName, poolByName, sessionById } from './leader-reads.ts';
import { drainOf, isOfLaterBoot } from './standing.ts';
import type { Tenure } from './tenure.ts';

interface Ended {
  readonly session: SessionRow;
  readonly pool: PoolRow;
  readonly endedMs: number;
}
type Waited = 'expired' | 'rebooted' | 'powered-off';

const beginning = { pool: '', ended_revision: 0, session: '' };

export class Certifier {
  readonly #parts: WatchParts;
  /** Where the next look begins: what waits for a person must not stand before what does not. */
  #cursor: Pick<SessionPoolRow, 'pool' | 'ended_revision' | 'session'> = beginning;

  constructor(parts: WatchParts) {
    this.#parts = parts;
  }

  look(tenure: Tenure, nowMs: number): void {
    const { settings } = this.#parts;
    const { pool, ended_revision, session } = this.#cursor;
    const rows = this.#parts.database().all(loudSessions, pool, ended_revision, session, settings.lookMax);
    this.#cursor = rows.length < settings.lookMax ? beginning : (rows.at(-1) ?? beginning);
    for (const row of rows) this.#lookAt(tenure, row, nowMs);
  }

  #lookAt(tenure: Tenure, row: SessionPoolRow, nowMs: number): void {
    const database = this.#parts.database();
    const session = database.get(sessionById, row.session);
    const pool = database.get(poolByName, row.pool);
    if (session === null || pool === null) return;
    const endedMs = tenure.ageMs(`ended ${session.id}`, nowMs);
    if (row.certificate === null) this.#considerCertificate(tenure, { session, pool, endedMs }, nowMs);
    else if (this.#isPastDeadline(tenure, { session, pool }, nowMs)) this.#silence(tenure, row);
  }

  /** What is of an older generation is certified when the pool opens in the present one (F11). */
  #considerCertificate(tenure: Tenure, ended: Ended, nowMs: number): void {
    const { session, pool, endedMs } = ended;
    const database = this.#parts.database();
    if (pool.open_generation !== State.read(database).generation || session.ended === 'generation') return;
    const { ttl_ms } = session;
    const drainMs = drainOf(pool, session);
    const isExpired = session.ended === 'expired';
    const isStatedOff = this.#isStatedOff(session);
    if (isStatedOff && this.#isSilentSinceStated(tenure, ended, nowMs)) this.#certify(tenure, ended, 'powered-off');
    else if (this.#isRebooted(tenure, ended, nowMs)) this.#certify(tenure, ended, 'rebooted');
    else if (mayExpire(pool) && endedMs > (isExpired ? drainMs : ttl_ms + drainMs)) {
      // F7: what an outage seems to be does not become a takeover.
      if (tenure.storm === null || isStatedOff) this.#certify(tenure, ended, 'expired');
    }
  }

  #isStatedOff({ node, incarnation }: SessionRow): boolean {
    const off = this.#parts.database().get(nodeByName, node)?.off_incarnation ?? null;
    return off !== null && incarnation <= off;
  }

  #isSilentSinceStated(tenure: Tenure, { session, endedMs }: Ended, nowMs: number): boolean {
    if (session.ended === 'powered-off') return true;
    return Math.min(endedMs, tenure.ageMs(`stated ${session.id}`, nowMs)) > session.ttl_ms;
  }

  #isRebooted(tenure: Tenure, { session, pool }: Ended, nowMs: number): boolean {
    if (!isOfLaterBoot(this.#parts.database(), session)) return false;
    return tenure.ageMs(`later ${session.id}`, nowMs) > session.ttl_ms + drainOf(pool, session);
  }

  #certify({ term }: Tenure, { session: { id: session }, pool: { name: pool } }: Ended, as: Waited): void {
    const { errands, clock } = this.#parts;
    const evidence = { readBacks: [], waitedInTerm: term };
    const atMs = clock.wallMs();
    errands.run<'certifySession'>(`certify ${session} in ${pool}`, {
      ...{ kind: 'certifySession', session, pool, as, evidence, by: null, atMs },
    });
  }

  /**
   * As long as its key stands, a session that has ended and does not know it moves its deadline by reading the key back (F6). So this counts
   * from the certificate, which says that the key is gone, and not from the end.
   */
  #isPastDeadline(tenure: Tenure, { session, pool }: Pick<Ended, 'session' | 'pool'>, nowMs: number): boolean {
    const certifiedMs = tenure.ageMs(`certified ${session.id} ${pool.name}`, nowMs);
    return certifiedMs > session.ttl_ms + drainOf(pool, session);
  }

  /** Beneath a preempted key reads go on until the deadline, so what was freed has waited for this (F10). */
  #silence({ term }: Tenure, { session, pool }: SessionPoolRow): void {
    this.#parts.errands.run<'silenceSession'>(`silence ${session} in ${pool}`, {
      ...{ kind: 'silenceSession', session, pool, term },
    });
  }
}
