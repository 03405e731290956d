// What an agent is told when its session stands: the grants that go on, and what the leader wants of it. Read from the state at the
// moment of the answer, behind a confirmation of leadership; what is the same for everybody is read once for all who are answered.
import { invariant } from '@holdfast/base';
import { reservationKey } from '../state/agents.ts';
import type { StateDatabase } from '../state/database.ts';
import type { GrantMode, IntentKind, PoolRow, SessionRow } from '../state/entities.ts';
import { State } from '../state/state.ts';
import type { LeaderSettings } from './leader-settings.ts';
import {
  anyIntent,
  closedPools,
  devicesOfPool,
  grantsOfSession,
  intentsForSession,
  nodeByName,
  poolByName,
  sessionById,
  sessionOfNode,
  toPreempt,
  unheldShares,
  type AskedIntent,
  type HeldGrant,
} from './leader-reads.ts';
import type { Tenure } from './tenure.ts';

export interface StandingGrant {
  readonly volume: string;
  readonly epoch: number;
  readonly mode: GrantMode;
}

export interface Standing {
  readonly session: string;
  /** F2: only these go on. */
  readonly grants: readonly StandingGrant[];
  /** Of these: somebody else waits for them, or they are being detached. */
  readonly letGo: readonly StandingGrant[];
  readonly intents: readonly AskedAcknowledgement[];
  readonly preemptions: readonly PreemptOrder[];
  readonly unproved: readonly ProofOrder[];
}

/** F9: nothing admitted below the revision is in flight; for a share, flushed and converted. */
export interface AskedAcknowledgement {
  readonly volume: string;
  readonly pool: string;
  readonly intent: string;
  readonly kind: IntentKind;
  readonly revision: number;
  readonly start: number;
  readonly stop: number;
  /** A cut over several volumes: writes wait until it is over, for two seconds at most (adr/0020). */
  readonly holdsWrites: boolean;
}

/** F5: take this key from every device, and read back that it is gone. */
export interface PreemptOrder {
  readonly pool: string;
  readonly session: string;
  readonly key: string;
  readonly devices: readonly string[];
  /** What the read-back proves. */
  readonly as: 'preempted' | 'rebooted';
  /** How long to wait where a device can neither abort nor be reset. */
  readonly drainMs: number;
}

/** F11: take every key of an older generation from every device of the pool, and read back that they are gone. */
export interface ProofOrder {
  readonly pool: string;
  readonly generation: number;
  readonly isReserved: boolean;
  readonly devices: readonly string[];
  readonly drainMs: number;
}

export interface StandingParts {
  readonly database: () => StateDatabase;
  /** The last entry that is in the state. */
  readonly applied: () => number;
  readonly settings: LeaderSettings;
}

interface Known {
  readonly session: SessionRow;
  readonly held: readonly HeldGrant[];
  readonly grants: readonly StandingGrant[];
  /** What it was told last. */
  told: Standing | null;
}

/** What is told while the state stays as it is: read once, and once for each session. */
export class StandingRound {
  readonly #parts: StandingParts;
  readonly #applied: number;
  readonly #isStorm: boolean;
  readonly #known = new Map<string, Known>();
  readonly #database: StateDatabase;
  readonly #settings: LeaderSettings;
  readonly #tenure: Tenure;
  readonly #generation: number;
  readonly #hasIntents: boolean;
  readonly #unheld: readonly AskedIntent[];
  readonly #preemptions: readonly PreemptOrder[];
  readonly #unproved: readonly ProofOrder[];

  constructor(parts: StandingParts, tenure: Tenure) {
    const { database, settings, applied } = parts;
    this.#parts = parts;
    this.#applied = applied();
    this.#isStorm = tenure.storm !== null;
    this.#database = database();
    this.#settings = settings;
    this.#tenure = tenure;
    this.#generation = State.read(this.#database).generation;
    this.#hasIntents = this.#database.get(anyIntent) !== null;
    this.#unheld = this.#hasIntents ? this.#database.all(unheldShares, settings.dutiesMax) : [];
    this.#preemptions = this.#preemptOrders();
    this.#unproved = this.#proofOrders();
  }

  /** Whether it would be read in the same way again. */
  isOf(tenure: Tenure): boolean {
    if (tenure !== this.#tenure || this.#parts.applied() !== this.#applied) return false;
    return this.#isStorm === (tenure.storm !== null) && this.#parts.database() === this.#database;
  }

  /** Null if it has ended, or was forgotten since. */
  live(session: string): SessionRow | null {
    return this.#know(session)?.session ?? null;
  }

  #know(id: string): Known | null {
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    const session = this.#database.get(sessionById, id);
    if (session?.ended !== null || session.generation !== this.#generation) return null;
    const held = this.#database.all(grantsOfSession, id);
    const grants = held.map(({ volume, epoch, mode }) => ({ volume, epoch, mode }));
    const found = { session, held, grants, told: null };
    this.#known.set(id, found);
    return found;
  }

  /** The same object as long as the same is told. */
  of({ id: session }: SessionRow, nowMs: number): Standing {
    const known = this.#know(session);
    invariant(known !== null, 'a session that is answered lives');
    const letGo = this.#wantedOf(known, nowMs);
    if (known.told !== null && isSame(known.told.letGo, letGo)) return known.told;
    const { grants } = known;
    const intents = this.#hasIntents ? this.#intentsOf(session) : [];
    const orders = { preemptions: this.#preemptions, unproved: this.#unproved };
    known.told = { session, grants, letGo, intents, ...orders };
    return known.told;
  }

  /** A grant without an attachment is one that nobody wants any more. */
  #wantedOf({ held, grants }: Known, nowMs: number): StandingGrant[] {
    return grants.filter(({ volume }, at) => held[at]?.is_undoing !== 0 || this.#tenure.isRoleWanted(volume, nowMs));
  }

  #intentsOf(session: string): AskedAcknowledgement[] {
    const own = this.#database.all(intentsForSession, session, this.#settings.dutiesMax);
    return [...own, ...this.#unheld].map(({ volume, pool, id: intent, kind, revision, start, stop, cut }) => {
      return { volume, pool, intent, kind, revision, start, stop, holdsWrites: cut !== 0 };
    });
  }

  /** F7: in a storm nobody is shut out. */
  #preemptOrders(): PreemptOrder[] {
    if (this.#tenure.sinceMs === null || this.#tenure.storm !== null) return [];
    const rows = this.#database.all(toPreempt, this.#generation, this.#settings.dutiesMax);
    return rows.flatMap(({ session: id, pool: name }) => {
      const session = this.#database.get(sessionById, id);
      const pool = this.#database.get(poolByName, name);
      const node = this.#database.get(nodeByName, session?.node ?? '');
      if (session === null || pool === null || node === null) return [];
      const key = reservationKey(session.generation, node.number, session.incarnation);
      const as = isOfLaterBoot(this.#database, session) ? 'rebooted' : 'preempted';
      return [{ pool: name, session: id, key, devices: this.#devicesOf(name), as, drainMs: drainOf(pool, session) }];
    });
  }

  #proofOrders(): ProofOrder[] {
    const pools = this.#database.all(closedPools, this.#generation, this.#settings.dutiesMax);
    return pools
      .filter(({ proof }) => proof === null)
      .map((pool) => ({
        ...{ pool: pool.name, generation: this.#generation, isReserved: pool.fencing === 'reservation' },
        ...{ devices: this.#devicesOf(pool.name), drainMs: pool.drain_bound_ms ?? 0 },
      }));
  }

  #devicesOf(pool: string): string[] {
    return this.#database.all(devicesOfPool, pool).map(({ id }) => id);
  }
}

/** Of grants of one reading. */
function isSame(some: readonly StandingGrant[], others: readonly StandingGrant[]): boolean {
  return some.length === others.length && some.every((grant, at) => grant === others[at]);
}

/** What the pool states of its devices counts before what the node has read of them. */
export function drainOf({ drain_bound_ms }: PoolRow, session: SessionRow): number {
  return drain_bound_ms ?? session.drain_bound_ms;
}

/** The node lives in a later boot than this session's. */
export function isOfLaterBoot(database: StateDatabase, session: SessionRow): boolean {
  const later = database.get(sessionOfNode, session.node);
  return later?.ended === null && later.incarnation > session.incarnation && later.boot !== session.boot;
}
