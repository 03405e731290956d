// The leader's part of sessions and grants (3-fencing.md): it keeps what the log does not know, answers renewals, looks a few times a
// second who waits for whom, and proposes what may be proposed. Everything that counts is judged again when it is applied. One runs
// at every member, and does something only where that member leads.
import { isOpError, OpError, type Clock, type Random, type Timer, type Timers } from '@holdfast/base';
import type { Log } from '@holdfast/telemetry';
import type { Replica } from '../host/host-options.ts';
import type { Command, CommandKind, CommandOf, ResultOf } from '../state/commands.ts';
import type { MetadataMachine } from '../state/machine.ts';
import { heldBy } from '../state/volumes.ts';
import { Certifier } from './certifier.ts';
import { Errands } from './errands.ts';
import { Expiry } from './expiry.ts';
import { sessionsHolding } from './leader-reads.ts';
import { leaderSettingsDefault, type LeaderSettings } from './leader-settings.ts';
import { Narrowing } from './narrowing.ts';
import { Proposer } from './proposer.ts';
import { Renewals, type Renewal } from './renewals.ts';
import type { Standing } from './standing.ts';
import { StormGuard, type Storm } from './storm-guard.ts';
import { Tenure } from './tenure.ts';
import { Upkeep } from './upkeep.ts';

export interface SessionLeaderOptions {
  readonly replica: Pick<Replica, 'standing' | 'status' | 'propose' | 'read'>;
  readonly machine: Pick<MetadataMachine, 'database' | 'applied'>;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly settings?: Partial<LeaderSettings>;
  readonly log?: Log | null;
  /** Something waits for this session: its agent should ask what, at once. Called seldom enough for each. */
  readonly onDue: (session: string) => void;
  readonly observer?: LeaderObserver | null;
}

/** Sees what the leader says and does; the simulator's judge. Changes nothing. */
export interface LeaderObserver {
  onProposing(command: Command): void;
  onAnswered(session: string): void;
}

export interface LeaderStatus {
  readonly isLeading: boolean;
  /** It has seen a commit of its term, and counts. */
  readonly isCounting: boolean;
  readonly storm: Storm | null;
  /** Sessions whose end was proposed. */
  readonly ending: number;
}

/** Told apart by luck: two leaders never mean the same cut. */
const cutsMax = 2 ** 47;

/** Commands whose results say who lives, or who is waited for. */
const heeded: ReadonlySet<CommandKind> = new Set<CommandKind>([
  ...(['unpublish', 'intendGroup', 'intend', 'acknowledge', 'release', 'registerNode', 'resumeSession'] as const),
]);

export class SessionLeader {
  readonly proposer: Proposer;
  readonly #options: SessionLeaderOptions;
  readonly #settings: LeaderSettings;
  readonly #errands: Errands;
  readonly #renewals: Renewals;
  readonly #stormGuard: StormGuard;
  readonly #expiry: Expiry;
  readonly #certifier: Certifier;
  readonly #narrowing: Narrowing;
  readonly #upkeep: Upkeep;
  readonly #nudgedMs = new Map<string, number>();
  #tenure: Tenure | null = null;
  #workedMs: number;
  #timer: Timer | null = null;
  #isStopped = false;

  constructor(options: SessionLeaderOptions) {
    const { clock, timers, machine, replica, log = null, observer = null } = options;
    this.#options = options;
    this.#settings = { ...leaderSettingsDefault, ...options.settings };
    this.proposer = new Proposer(options);
    const settings = this.#settings;
    const database = () => machine.database;
    const onProposing = observer === null ? null : (command: Command) => observer.onProposing(command);
    this.#errands = new Errands({ proposer: this.proposer, clock, settings, log, onProposing });
    const applied = () => machine.applied;
    const parts = { database, clock, errands: this.#errands, settings };
    const isCurrent = (tenure: Tenure) => this.#current() === tenure;
    const confirm = () => replica.read();
    this.#renewals = new Renewals({
      ...{ database, clock, timers, settings, applied },
      confirm,
      tenure: () => this.#current(),
      whyNotLeading: () => this.#whyNotLeading(),
      onAnswered: observer === null ? null : (session) => observer.onAnswered(session),
    });
    this.#stormGuard = new StormGuard({ database, applied, settings });
    const lastIndex = () => replica.status.last.index;
    this.#expiry = new Expiry({ ...parts, confirm, isCurrent, applied, lastIndex });
    this.#certifier = new Certifier(parts);
    this.#narrowing = new Narrowing({ ...parts, onDue: (session) => this.#nudge(session) });
    this.#upkeep = new Upkeep({ ...parts, timers, isCurrent });
    this.#workedMs = clock.boottimeMs();
    this.#tick();
  }

  get status(): LeaderStatus {
    const tenure = this.#current();
    return {
      isLeading: tenure !== null,
      isCounting: tenure !== null && tenure.sinceMs !== null,
      storm: tenure?.storm ?? null,
      ending: tenure?.ending.size ?? 0,
    };
  }

  /** For how long the session has said nothing, as far as this server has led and counted; null where it does not. */
  silentMs(session: string): number | null {
    const nowMs = this.#options.clock.boottimeMs();
    return this.status.isCounting ? (this.#tenure?.silentMs(session, nowMs) ?? null) : null;
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#end();
  }

  /**
   * What stands of the session. SESSION_ENDED and AGENT_SUPERSEDED are the log's word; every other error says nothing of the
   * session, and the agent asks again, here or elsewhere.
   */
  renew(renewal: Renewal): Promise<Standing> {
    return this.#renewals.add(renewal);
  }

  /** What was answered before this began is in the state behind it. */
  async confirm(): Promise<void> {
    await this.#options.replica.read();
  }

  /** A command of somebody who repeats it until it is answered: an agent's, or an operator's. */
  async carryOut<Kind extends CommandKind>(command: CommandOf<Kind> & Command): Promise<ResultOf<Kind>> {
    const { result, refusal } = await this.proposer.ask<Kind>(command);
    this.noteAnswer(command, refusal === null ? { result } : { refusal });
    if (refusal !== null) throw refusal;
    return result;
  }

  /**
   * A change that takes something away from running engines: resolves when it is committed. INTENT_INCOMPLETE when it was withdrawn
   * because the sessions that it names did not answer in time: a share is then asked for again by the same id, an unmap by another.
   */
  async narrow(command: CommandOf<'intend'>): Promise<void> {
    const { volume, intent: id, what: kind, snapshot, name, start, stop } = command;
    const { revision } = await this.carryOut<'intend'>(command);
    if (this.#current() === null) throw this.#whyNotLeading();
    await this.#narrowing.settled({
      ...{ volume, id, kind, revision, snapshot, name, start, stop },
      ...{ group_id: null, cut: 0 },
    });
  }

  /** The same over several volumes, cut at one instant. Answers the group's id; one that is there is the one that is meant. */
  async narrowGroup(asked: Omit<CommandOf<'intendGroup'>, 'cut'>): Promise<string> {
    const { random, clock } = this.#options;
    const cut = 1 + random.below(cutsMax);
    const tenure = this.#current();
    if (tenure === null) throw this.#whyNotLeading();
    tenure.beginCut(cut, clock.boottimeMs());
    const { group, isMade } = await this.carryOut<'intendGroup'>({ ...asked, cut });
    if (this.#current() === null) throw this.#whyNotLeading();
    if (!isMade) await this.#narrowing.settledGroup(group, asked.intent);
    return group;
  }

  /** Reads the answer of a command that somebody else proposed, and hears whom it waits for. */
  heed<Kind extends CommandKind>(command: CommandOf<Kind> & Command, read: () => ResultOf<Kind>): ResultOf<Kind> {
    try {
      const result = read();
      this.noteAnswer(command, { result });
      return result;
    } catch (error) {
      if (isOpError(error)) this.noteAnswer(command, { refusal: error });
      throw error;
    }
  }

  /** Whoever proposes a command of others tells what it was answered with: who is waited for, and who should hear of it. */
  noteAnswer(command: Command, answer: { readonly result: unknown } | { readonly refusal: OpError }): void {
    // Most commands say nothing of sessions, and looking at the time costs a call of the system.
    const isOfSessions = 'refusal' in answer ? answer.refusal.code === 'VOLUME_HELD' : heeded.has(command.kind);
    const tenure = isOfSessions ? this.#current() : null;
    if (tenure === null) return;
    if ('refusal' in answer) this.#noteRefusal(tenure, command, answer.refusal);
    else this.#noteResult(tenure, command, answer.result);
  }

  #noteRefusal(tenure: Tenure, command: Command, refusal: OpError): void {
    if (refusal.code !== 'VOLUME_HELD' || !('volume' in command)) return;
    const { volume } = command;
    if (!this.#noteWaiting(tenure, volume, heldBy(refusal))) return;
    if (command.kind === 'stage' && command.mode === 'role') tenure.wantRole(volume, this.#options.clock.boottimeMs());
  }

  #noteResult(tenure: Tenure, command: Command, result: unknown): void {
    const nowMs = this.#options.clock.boottimeMs();
    switch (command.kind) {
      case 'unpublish':
        this.#noteWaiting(tenure, command.volume, (result as ResultOf<'unpublish'>).waitsFor);
        return;
      case 'intendGroup':
        this.#narrowing.lookAt(tenure, command.members[0]?.volume ?? '', nowMs);
        return;
      case 'intend':
      case 'acknowledge':
      case 'release':
        this.#narrowing.lookAt(tenure, command.volume, nowMs);
        return;
      case 'registerNode':
      case 'resumeSession':
        // It lives as much as one that has just renewed; whoever hears of it can only be given more time.
        tenure.hear((result as ResultOf<'registerNode'>).session, nowMs);
        return;
      default:
        return;
    }
  }

  /**
   * Whether the volume is waited for. An answer may be heard long after its entry was applied: who was named has let go by then and is
   * asked for nothing, and who holds the volume may be the one who asked.
   */
  #noteWaiting(tenure: Tenure, volume: string, named: readonly string[]): boolean {
    const { clock, machine } = this.#options;
    const holding = machine.database.all(sessionsHolding, volume).filter(({ session }) => named.includes(session));
    for (const { session } of holding) {
      tenure.wait(session, clock.boottimeMs());
      this.#nudge(session);
    }
    return holding.length > 0;
  }

  #nudge(session: string): void {
    const nowMs = this.#options.clock.boottimeMs();
    const { nudgeMs } = this.#settings;
    if (nowMs - (this.#nudgedMs.get(session) ?? -Infinity) < nudgeMs) return;
    for (const [each, atMs] of this.#nudgedMs) {
      if (nowMs - atMs < nudgeMs) break;
      this.#nudgedMs.delete(each);
    }
    this.#nudgedMs.delete(session);
    this.#nudgedMs.set(session, nowMs);
    this.#options.onDue(session);
  }

  #whyNotLeading(): OpError {
    const { leader, self } = this.#options.replica.standing;
    return leader === null || leader === self
      ? new OpError('RAFT_LEADER_UNKNOWN', {})
      : new OpError('RAFT_LEADER_ELSEWHERE', { leader });
  }

  /** The tenure of this moment: begun anew with each term, and when this process finds that it stood still (F3). */
  #current(): Tenure | null {
    if (this.#isStopped) return null;
    const { role, term } = this.#options.replica.standing;
    const nowMs = this.#options.clock.boottimeMs();
    const wasPaused = nowMs - this.#workedMs > this.#settings.pausedMs;
    this.#workedMs = wasPaused ? nowMs : this.#workedMs;
    if (role !== 'leader') {
      this.#end();
      return null;
    }
    const before = this.#tenure;
    if (before?.term === term && !wasPaused) return before;
    this.#end();
    const kept = before?.term === term ? before : { ending: new Map<string, number | null>(), storm: null };
    this.#tenure = new Tenure(this.#settings, { term, nowMs, ending: kept.ending, storm: kept.storm });
    return this.#tenure;
  }

  #end(): void {
    if (this.#tenure === null) return;
    this.#tenure = null;
    const error = new OpError('RAFT_LEADER_CHANGED', {});
    this.#renewals.rejectAll(error);
    this.#narrowing.rejectAll(error);
  }

  #tick(): void {
    this.#timer = this.#options.timers.after(this.#settings.watchMs, () => {
      const tenure = this.#current();
      this.#workedMs = this.#options.clock.boottimeMs();
      if (tenure !== null) this.#work(tenure);
      if (!this.#isStopped) this.#tick();
    });
  }

  #work(tenure: Tenure): void {
    if (tenure.sinceMs === null) {
      this.#awaitFirstCommit(tenure);
      return;
    }
    const nowMs = this.#options.clock.boottimeMs();
    this.#noteStorm(tenure, this.#stormGuard.look(tenure, nowMs));
    this.#expiry.look(tenure, nowMs);
    this.#certifier.look(tenure, nowMs);
    this.#narrowing.look(tenure, nowMs);
    this.#upkeep.look(tenure, nowMs);
    tenure.sweep(nowMs);
  }

  /** A read waits for a commit of the leader's own term. */
  #awaitFirstCommit(tenure: Tenure): void {
    if (tenure.isAwaited) return;
    tenure.isAwaited = true;
    this.#options.replica.read().then(
      () => {
        tenure.isAwaited = false;
        if (this.#current() === tenure) tenure.sinceMs ??= this.#options.clock.boottimeMs();
      },
      (error: unknown) => {
        tenure.isAwaited = false;
        if (!isOpError(error)) throw error;
      },
    );
  }

  #noteStorm(tenure: Tenure, storm: Storm | null): void {
    const { log = null } = this.#options;
    if (storm !== null && tenure.storm === null)
      log?.warn('storm guard: nobody is fenced until most sessions are back', { ...storm });
    if (storm === null && tenure.storm !== null) log?.info('storm guard: most sessions are back');
    tenure.storm = storm;
  }
}
