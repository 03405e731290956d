// One life of one replica, as the judge sees it: what it has handed to storage (staged), what storage acknowledged (durable), and
// what a later start must therefore find.
import type { Configuration, MemberId, Recovered } from '@holdfast/raft';
import type { Effects, Entry, Position, Vote } from '@holdfast/raft';
import { ShadowLog, termUnknown } from './shadow-log.ts';

type Write = NonNullable<Effects['write']>;

/** Of a life that began with damage: the replica may have acknowledged what it does not find. */
export interface Doubt {
  /** A vote may have been given, and lost, up to here. */
  readonly voteFloor: number;
  /** The last entry that was committed anywhere when the life began. */
  readonly committedIndex: number;
  /** Candidacies for which it may vote all the same: enough were asked, and nobody has more than this candidate. */
  readonly recoveries: Set<string>;
}

/** What a start does not find although it was acknowledged. */
export interface Loss {
  readonly text: string;
  /** null for a vote. */
  readonly slot: number | null;
}

export class ReplicaWatch {
  readonly member: MemberId;
  readonly staged: ShadowLog;
  readonly durable: ShadowLog;
  isLeader = false;
  /** The first entry of the term that it leads; null before it wrote one. */
  leadsFrom: number | null = null;
  /** null for a life that found everything. */
  doubt: Doubt | null = null;
  /** What it counts by, as it said last. */
  inForce: Configuration;
  #vote: Vote;
  #durableVote: Vote;
  readonly #pending: Write[] = [];
  readonly #readFloors = new Map<number, number>();

  constructor(member: MemberId, recovered: Recovered) {
    this.member = member;
    this.staged = logOf(recovered);
    this.durable = this.staged.copy();
    this.inForce = this.staged.configuration;
    this.#vote = recovered.vote;
    this.#durableVote = recovered.vote;
  }

  get vote(): Vote {
    return this.#vote;
  }
  get durableVote(): Vote {
    return this.#durableVote;
  }

  /** All of a write but its entries, which the judge appends one by one. */
  beginWrite({ vote, snapshot, truncateAfter }: Write): void {
    if (vote !== null) this.#vote = vote;
    if (snapshot !== null) this.staged.restore(snapshot);
    if (truncateAfter !== null) this.staged.truncateAfter(truncateAfter);
  }

  endWrite(write: Write): void {
    if (write.purgeTo !== null) this.staged.purgeTo(write.purgeTo);
    this.#pending.push(write);
  }

  /** Storage has this write and all before it. Answers them. */
  acknowledge(ticket: number): Write[] {
    const written: Write[] = [];
    while ((this.#pending[0]?.ticket ?? Infinity) <= ticket) {
      const write = this.#pending.shift();
      if (write === undefined) break;
      written.push(write);
      if (write.vote !== null) this.#durableVote = write.vote;
      carryOut(write, this.durable);
    }
    return written;
  }

  noteReads(ids: readonly number[], floor: number): void {
    for (const id of ids) this.#readFloors.set(id, floor);
  }

  takeReadFloor(id: number): number | null {
    const floor = this.#readFloors.get(id) ?? null;
    this.#readFloors.delete(id);
    return floor;
  }

  /** Whether the core goes on without an entry of its disk, because a snapshot has another one where the log led through. */
  gaveUp({ index, term }: Entry): boolean {
    return index > this.staged.baseIndex && this.staged.termAt(index) !== term;
  }

  /** What of this life's acknowledged writes the next one does not have; null if nothing is missing. */
  whatIsMissingIn(next: ReplicaWatch): Loss | null {
    const { term, votedFor } = this.#durableVote;
    const found = next.#vote;
    if (found.term < term) return { text: `term ${term}: it finds ${found.term}`, slot: null };
    if (found.term === term && votedFor !== null && found.votedFor !== votedFor) {
      const instead = found.votedFor ?? 'none';
      return { text: `its vote for ${votedFor} in term ${term}: it finds ${instead}`, slot: null };
    }
    // A write that was under way may have been carried out: what it cuts off need not be there.
    const cuts = this.#pending.map(({ truncateAfter, snapshot }) => (snapshot === null ? truncateAfter : 0));
    const last = Math.min(this.durable.lastIndex, ...cuts.filter((cut) => cut !== null));
    if (last <= next.staged.baseIndex || this.#isRefutedBy(next.staged)) return null;
    const lastTerm = this.durable.termAt(last);
    if (lastTerm === null || next.staged.termAt(last) === lastTerm) return null;
    const instead = `its log ends at ${next.staged.lastIndex}, with term ${next.staged.termAt(last) ?? '-'} there`;
    return { text: `entry ${last} of term ${lastTerm}: ${instead}`, slot: last };
  }

  /** A snapshot that was being installed holds another entry at its end: what is committed, so nothing behind this one's ever is. */
  #isRefutedBy({ baseIndex, termAtBase }: ShadowLog): boolean {
    const term = this.durable.termAt(baseIndex);
    return term !== null && term !== termUnknown && term !== termAtBase;
  }
}

function carryOut(write: Write, log: ShadowLog): void {
  if (write.snapshot !== null) log.restore(write.snapshot);
  if (write.truncateAfter !== null) log.truncateAfter(write.truncateAfter);
  for (const entry of write.entries) log.append(entry);
  for (const entry of write.repairs) log.repair(entry);
  if (write.purgeTo !== null) log.purgeTo(write.purgeTo);
}

/** As the core builds it from the same (raft's recovered.ts says what each part means). */
function logOf(recovered: Recovered): ShadowLog {
  const { snapshot, entries, faulty, installed, commit } = recovered;
  const log = new ShadowLog(snapshot);
  for (const { index } of faulty) log.appendDamaged(index);
  for (const entry of entries) log.append(entry);
  if (installed === null || installed.index <= snapshot.index) return log;
  const slot = faulty.find(({ index }) => index === installed.index);
  const wasThere = slot !== undefined && (onlyTermOf(slot, recovered) === installed.term || slot.index <= commit);
  if (wasThere || log.termAt(installed.index) === installed.term) log.beginAt(installed);
  else log.restore(installed);
  return log;
}

/** The term that a damaged slot had, if no other can stand between those before and behind it: only an empty entry begins one. */
function onlyTermOf(slot: Position, { snapshot, entries, faulty }: Recovered): number {
  const next = entries.find(({ index }) => index === slot.index + 1);
  if (next !== undefined && next.kind !== 'empty') return next.term;
  const known = [snapshot, ...faulty.filter(({ term }) => term !== termUnknown), ...entries];
  const before = Math.max(...known.filter(({ index }) => index <= slot.index).map(({ term }) => term));
  const behind = known.filter(({ index }) => index >= slot.index);
  const latest = Math.min(...behind.map((each) => each.term - ('kind' in each && each.kind === 'empty' ? 1 : 0)));
  return before === latest ? before : termUnknown;
}
