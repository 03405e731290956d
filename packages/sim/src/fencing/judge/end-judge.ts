// How sessions go on and end (F3, F7), by a book of its own: whose renewals are answered, who is about to end and why, and what
// was true then. A leader that was deposed may believe anything, and nothing comes of it; so what a proposer did not know to be
// waited for is held against it when its entry is accepted.
import type { Command } from '../metadata/command.ts';
import type { MetadataState } from '../metadata/state.ts';
import type { Answerer, Proposer } from '../ports.ts';
import { times } from '../settings.ts';
import type { Excuses, Facts } from './facts.ts';
import type { GrantBook } from './grant-book.ts';

export interface EndJudgeParts {
  readonly facts: Facts;
  readonly excuses: Excuses;
  readonly book: GrantBook;
  readonly state: () => MetadataState;
}

type EndSession = Extract<Command, { readonly kind: 'end-session' }>;
/** An end that somebody proposed and the log has not refused. */
interface Proposed {
  readonly session: string;
  readonly member: string;
  readonly term: number;
  /** Its proposer has answered since. */
  isAnswered: boolean;
  isAccepted: boolean;
}
interface Broken {
  readonly rule: string;
  readonly text: string;
}

const hourMs = 3_600_000;
/** A waiting call's answer takes as long as the call itself; what is proposed then was due. */
const slackMs = 3_000;
/** Who were heard last within so many ttls of each other stopped together; a leader that counts to two has heard of them a little later. */
const togetherTtls = 1.5;

export class EndJudge {
  readonly #parts: EndJudgeParts;
  /** By session: the log index of its end. */
  readonly #ended = new Map<string, number>();
  readonly #endedMs = new Map<string, number>();
  readonly #waitedMs = new Map<string, number>();
  readonly #heardMs = new Map<string, number>();
  readonly #fences: { atMs: number; session: string }[] = [];
  /** By name. */
  readonly #proposed = new Map<string, Proposed>();
  readonly #unfounded = new Map<string, readonly Broken[]>();
  /** Who had grants, and from which index on. */
  readonly #holders: { readonly from: number; readonly sessions: ReadonlySet<string> }[] = [];

  constructor(parts: EndJudgeParts) {
    this.#parts = parts;
  }

  #fail(rule: string, text: string): void {
    this.#parts.facts.report(rule, text);
  }

  hasEnded(session: string): boolean {
    return this.#ended.has(session);
  }
  ended(session: string, index: number): void {
    if (this.#ended.has(session)) return;
    this.#ended.set(session, index);
    this.#endedMs.set(session, this.#parts.facts.nowMs());
  }
  /** A backup does not know who was fenced after it; that somebody restored it is a person's word. */
  restored(): void {
    this.#fences.length = 0;
  }
  waitedFor(session: string): void {
    this.#waitedMs.set(session, this.#parts.facts.nowMs());
  }

  #heardLastMs(session: string): number {
    return this.#heardMs.get(session) ?? 0;
  }

  /** A new agent of a session speaks for it. */
  spoke(session: string): void {
    this.#heardMs.set(session, this.#parts.facts.nowMs());
  }

  /** What was proposed may never come to stand in the log, and its proposer may know that: it counts once it is accepted. */
  answering(session: string, { member, term }: Answerer): void {
    for (const proposed of this.#proposed.values()) {
      if (proposed.session !== session || proposed.member !== member || proposed.term !== term) continue;
      proposed.isAnswered = true;
      this.#judgeAnswer(proposed);
    }
  }

  #judgeAnswer({ session, member, isAnswered, isAccepted }: Proposed): void {
    if (isAnswered && isAccepted)
      this.#fail('F3', `${member} has proposed the end of ${session}, and answers its renewal`);
  }

  /** `arrivedAt` is the log index when the renewal came: what was applied by then, a confirmation that began later has seen. */
  renewed(session: string, arrivedAt: number): void {
    this.#heardMs.set(session, this.#parts.facts.nowMs());
    if ((this.#ended.get(session) ?? Infinity) <= arrivedAt)
      this.#fail('F3', `${session} has ended, and its renewal is answered`);
  }

  /** Behind the entry at `index`. */
  holds(index: number, { volumes }: MetadataState): void {
    const sessions = new Set(Object.values(volumes).flatMap(({ grants }) => grants.map((grant) => grant.session)));
    const last = this.#holders.at(-1)?.sessions;
    const isSame = last?.size === sessions.size && [...sessions].every((session) => last.has(session));
    if (!isSame) this.#holders.push({ from: index, sessions });
  }

  proposing({ member, applied }: Proposer, command: EndSession): void {
    const { session, reason, term } = command;
    this.#proposed.set(nameOf(command), { session, member, term, isAnswered: false, isAccepted: false });
    if (reason !== 'expired' && reason !== 'fenced') return;
    const broken = [this.#judgeNeed(session), this.#judgeStorm(session, applied)].filter((each) => each !== null);
    this.#unfounded.set(nameOf(command), broken);
  }

  #judgeNeed(session: string): Broken | null {
    const sinceMs = this.#parts.facts.nowMs() - (this.#waitedMs.get(session) ?? -Infinity);
    if (sinceMs < times.waitMs + slackMs) return null;
    const isForIntent = Object.values(this.#parts.state().volumes).some(({ intents, grants }) => {
      return intents.length > 0 && grants.some((grant) => grant.session === session);
    });
    return isForIntent ? null : { rule: 'F3', text: `${session} ends, and nothing waited for it` };
  }

  /** A leader whose own disk hangs commits with the others what it applies later, and knows nothing of it. */
  #judgeStorm(session: string, applied: number): Broken | null {
    const nowMs = this.#parts.facts.nowMs();
    const { sessions } = this.#parts.state();
    const holders = this.#holders.findLast(({ from }) => from <= applied)?.sessions ?? new Set();
    const stopped = [...holders].filter((each) => {
      const ttlMs = sessions[each]?.ttlMs ?? 0;
      return this.#ended.has(each) || nowMs - this.#heardLastMs(each) > ttlMs;
    });
    const together = stopped.map((first) => {
      const windowMs = togetherTtls * (sessions[first]?.ttlMs ?? 0);
      const sinceMs = stopped.map((each) => this.#heardLastMs(each) - this.#heardLastMs(first));
      return sinceMs.filter((afterMs) => afterMs >= 0 && afterMs <= windowMs).length;
    });
    const most = Math.max(0, ...together);
    if (most < 3 || most * 2 <= holders.size) return null;
    return { rule: 'F7', text: `${session} is fenced while ${most} of ${holders.size} have stopped together` };
  }

  /** The log refuses the end: whoever proposed it may answer again. */
  refused(command: EndSession): void {
    this.#proposed.delete(nameOf(command));
  }

  /** Before the entry is applied, which accepts it. */
  judge(command: EndSession, term: number): void {
    const { session, reason } = command;
    if (this.#ended.has(session)) return;
    if (reason === 'override') this.#parts.excuses.overridden(session);
    else if (command.term !== term)
      this.#fail('F3', `${session} ends by an entry of term ${term}, proposed in ${command.term}`);
    const proposed = this.#proposed.get(nameOf(command));
    if (proposed !== undefined) {
      proposed.isAccepted = true;
      this.#judgeAnswer(proposed);
    }
    for (const { rule, text } of this.#unfounded.get(nameOf(command)) ?? []) this.#fail(rule, text);
    if (reason === 'expired') this.judgeGates(session, 'F3');
    if (reason === 'expired' || reason === 'fenced') this.#judgeFence(command);
  }

  /** F2, F3: when a lease expires, the node's own clock has shut its gates before. */
  judgeGates(session: string, rule: string): void {
    const { facts, excuses } = this.#parts;
    for (const node of facts.nodes.values()) {
      for (const volume of node.shared.volumes.values()) {
        const isLease = facts.pools.get(volume.pool)?.fencing !== 'reservation';
        const isOpen = !volume.isShut && node.clock.boottimeMs() < volume.deadlineMs;
        if (volume.writer.session !== session || !isLease || !isOpen) continue;
        const excuse = excuses.find({ session, node: node.name, pool: volume.pool });
        if (excuse === null) this.#fail(rule, `${session} expires while ${node.name} may still pass its gate`);
      }
    }
  }

  /** F5: what was admitted in the last moment of a lease may land for as long as the drain bound says. */
  judgeDrain(session: string): void {
    const drainMs = this.#parts.state().sessions[session]?.drainMs ?? 0;
    const sinceMs = this.#parts.facts.nowMs() - (this.#endedMs.get(session) ?? -Infinity);
    if (sinceMs < drainMs)
      this.#fail('F5', `${session} is certified ${Math.round(sinceMs)} ms after its end, and drains for ${drainMs} ms`);
  }

  #judgeFence({ session, atMs }: EndSession): void {
    const { facts, book } = this.#parts;
    const pools = book.all().filter((grant) => grant.session === session && grant.certificate === null);
    if (pools.length === 0) return;
    this.#fences.push({ atMs, session });
    const recent = this.#fences.filter((fence) => Math.abs(fence.atMs - atMs) < hourMs);
    const limit = Math.min(...pools.map(({ pool }) => facts.pools.get(pool)?.fencesPerHourMax ?? 0));
    if (recent.length > limit) this.#fail('F7', `${recent.length} fences within an hour, and the limit is ${limit}`);
  }
}

/** A leader may propose the same end again; each time is judged by what was so then. */
function nameOf({ session, term, atMs }: EndSession): string {
  return `${session} ${term} ${atMs}`;
}
