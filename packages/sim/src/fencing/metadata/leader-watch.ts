// What a leader does by itself: it looks who waits for whom, and proposes what may be proposed. Its memory (renewals, who waits,
// since when) is its own and never decides at apply; it is forgotten with its term, and after every pause of its process (F3).
import type { Clock } from '@holdfast/base';
import type { Observer, PreemptOrder } from '../ports.ts';
import { times } from '../settings.ts';
import { mayExpire } from './certificates.ts';
import { groupParts, isGroupFlushed, missingForGroup } from './group-cuts.ts';
import { isFlushed, missingFor } from './intents.ts';
import type { Answer, Command } from './command.ts';
import type { MetadataMachine } from './machine.ts';
import { nothingIfUnanswered, type ConsensusPort } from './consensus-port.ts';
import { isStorm } from './storm-guard.ts';
import {
  liveSession,
  type IntentState,
  type MetadataState,
  type PoolState,
  type SessionState,
  type VolumeState,
} from './state.ts';

export interface LeaderWatchParts {
  readonly clock: Clock;
  readonly machine: MetadataMachine;
  readonly consensus: ConsensusPort;
  readonly observer: Observer;
  readonly node: { readonly name: string };
  readonly nudge: (node: string) => void;
}

/** A node that says nothing for this share of its ttl is taken for one that does not answer, where a device can stop it. */
const suspectShare = 0.5;

export class LeaderWatch {
  readonly #parts: LeaderWatchParts;
  #term = -1;
  /** The first commit of the term, seen here; null before. */
  #sinceMs: number | null = null;
  #isStorm = false;
  #tickedMs = 0;
  readonly #heardMs = new Map<string, number>();
  /** Sessions for which something waits, and when that was last said. */
  readonly #waitedMs = new Map<string, number>();
  readonly #roleWantedMs = new Map<string, number>();
  /** When this leader first saw a thing; it counts from there. */
  readonly #seenMs = new Map<string, number>();
  /** By proposal of a group's cut, when it was made: no engine held its writes for it before. */
  readonly #cutsMs = new Map<string, number>();
  /** Groups of which all volumes held their writes at one instant. */
  readonly #heldCuts = new Set<string>();
  readonly #ending = new Set<string>();
  readonly #underWay = new Set<string>();
  #proposals = 0;
  readonly #nudgedMs = new Map<string, number>();

  constructor(parts: LeaderWatchParts) {
    this.#parts = parts;
  }

  get #state(): MetadataState {
    return this.#parts.machine.state;
  }
  get #nowMs(): number {
    return this.#parts.clock.boottimeMs();
  }

  isEnding(session: string): boolean {
    return this.#ending.has(session);
  }

  noteRenewal(session: string, arrivedMs: number): void {
    this.#heardMs.set(session, Math.max(arrivedMs, this.#heardMs.get(session) ?? 0));
  }

  /** As this leader proposes what somebody asks of it. */
  proposalOf(command: Command): Command {
    if (command.kind !== 'intend-group') return command;
    const proposal = `${this.#parts.node.name} ${this.#term} ${++this.#proposals}`;
    this.#cutsMs.set(proposal, this.#nowMs);
    return { ...command, proposal };
  }

  noteAnswer(command: Command, answer: Answer): void {
    const nowMs = this.#nowMs;
    for (const session of answer.waitsFor) this.#waitedMs.set(session, nowMs);
    if (command.kind === 'stage' && command.mode === 'role' && answer.refusal === 'conflict') {
      this.#roleWantedMs.set(command.volume, nowMs);
    }
    const nodes = answer.waitsFor.map((session) => this.#state.sessions[session]?.node ?? '');
    for (const node of nodes) this.#nudge(node);
    // It lives as much as one that has just renewed.
    const isSpeaking = command.kind === 'register' || command.kind === 'resume';
    if (isSpeaking && answer.refusal === null) this.noteRenewal(answer.session, nowMs);
    if (command.kind === 'intend' && answer.refusal === null) {
      for (const grant of this.#state.volumes[command.volume]?.grants ?? []) this.#nudge(grant.node);
    }
  }

  #nudge(node: string): void {
    const nowMs = this.#nowMs;
    if (node === '' || nowMs - (this.#nudgedMs.get(node) ?? -Infinity) < times.watchMs) return;
    this.#nudgedMs.set(node, nowMs);
    this.#parts.nudge(node);
  }

  isRoleWanted(volume: VolumeState, holder: string): boolean {
    const wantedMs = this.#roleWantedMs.get(volume.name) ?? -Infinity;
    return volume.isShared && this.#nowMs - wantedMs < times.renewMs && this.#waits(holder);
  }

  /** A grant or an unpublish that was asked for a moment ago, or an intent that is open. */
  #waits(session: string): boolean {
    if (this.#nowMs - (this.#waitedMs.get(session) ?? -Infinity) < times.waitMs) return true;
    return Object.values(this.#state.volumes).some((volume) => {
      return volume.intents.some((intent) => missingFor(volume, intent).includes(session));
    });
  }

  /** Ms since this leader first saw `thing`. */
  #ageMs(thing: string): number {
    const seenMs = this.#seenMs.get(thing) ?? this.#nowMs;
    this.#seenMs.set(thing, seenMs);
    return this.#nowMs - seenMs;
  }

  #forget(): void {
    for (const memory of [this.#heardMs, this.#waitedMs, this.#roleWantedMs, this.#seenMs, this.#cutsMs])
      memory.clear();
    this.#heldCuts.clear();
    this.#sinceMs = null;
  }

  tick(): 'forgot' | 'went-on' {
    const { consensus } = this.#parts;
    const nowMs = this.#nowMs;
    const wasPaused = nowMs - this.#tickedMs > times.pausedMs;
    this.#tickedMs = nowMs;
    if (!consensus.isLeading()) {
      if (this.#sinceMs !== null) this.#forget();
      return 'went-on';
    }
    const term = consensus.term();
    if (wasPaused || this.#sinceMs === null || term !== this.#term) {
      this.#forget();
      // What was proposed in this term may still be applied, so who is about to end stays without answers; a later term's
      // first confirmation applies all of it before.
      if (term !== this.#term) {
        this.#ending.clear();
        this.#isStorm = false;
      }
      this.#term = term;
      this.#awaitFirstCommit(term);
      return 'forgot';
    }
    this.#look();
    return 'went-on';
  }

  /** A read waits for a commit of the leader's own term. */
  #awaitFirstCommit(term: number): void {
    void this.#parts.consensus.read().then(() => {
      if (term === this.#term) this.#sinceMs ??= this.#nowMs;
    }, nothingIfUnanswered);
  }

  #look(): void {
    this.#lookForStorm();
    for (const session of Object.values(this.#state.sessions)) {
      if (liveSession(this.#state, session.id) !== null) this.#lookAtLive(session);
      else this.#lookAtEnded(session);
    }
    for (const volume of Object.values(this.#state.volumes)) {
      for (const intent of volume.intents) if (intent.cut === null) this.#lookAtIntent(volume, intent);
    }
    this.#lookAtCuts();
    for (const pool of Object.values(this.#state.pools)) this.#lookAtGeneration(pool);
  }

  #silentMs(session: SessionState): number {
    return this.#nowMs - Math.max(this.#heardMs.get(session.id) ?? -Infinity, this.#sinceMs ?? Infinity);
  }

  #longestTtlMs(): number {
    return Math.max(...Object.values(this.#state.sessions).map(({ ttlMs }) => ttlMs));
  }

  #poolsOf(session: string): PoolState[] {
    const names = Object.values(this.#state.volumes)
      .filter(({ grants }) => grants.some((grant) => grant.session === session))
      .map(({ pool }) => pool);
    return [...new Set(names)].map((name) => this.#state.pools[name]).filter((pool) => pool !== undefined);
  }

  #lookAtLive(session: SessionState): void {
    if (this.#isStatedOff(session)) {
      const silentMs = Math.min(this.#silentMs(session), this.#ageMs(`stated ${session.id}`));
      if (silentMs > session.ttlMs) this.#end(session, 'powered-off');
      return;
    }
    if (!this.#waits(session.id)) return;
    const silentMs = this.#silentMs(session);
    const pools = this.#poolsOf(session.id);
    // Whoever was never heard in this term may have been answered by the leader before until its last moment.
    const ttlMs = this.#heardMs.has(session.id) ? session.ttlMs : this.#longestTtlMs();
    const isFenceable =
      pools.some(({ fencing }) => fencing === 'reservation') && silentMs > session.ttlMs * suspectShare;
    const isExpired = pools.some(mayExpire) && silentMs > ttlMs;
    if ((isFenceable || isExpired) && !this.#isStorm) this.#end(session, isExpired ? 'expired' : 'fenced');
  }

  #isStatedOff(session: SessionState): boolean {
    const statement = this.#state.nodes[session.node]?.statement ?? null;
    return statement !== null && session.incarnation <= statement.incarnation;
  }

  #lookForStorm(): void {
    this.#isStorm = isStorm(this.#state, {
      silentMs: (session) => this.#silentMs(session),
      isStorm: this.#isStorm,
    });
  }

  #end(session: SessionState, reason: 'expired' | 'fenced' | 'powered-off'): void {
    this.#ending.add(session.id);
    const atMs = this.#parts.clock.wallMs();
    const command: Command = { kind: 'end-session', session: session.id, reason, term: this.#term, atMs, by: 'leader' };
    // Refused is known to be refused; silence is not, so the session stays without answers until the term ends.
    this.#propose(`end ${session.id}`, command, (answer) => {
      if (answer.refusal !== null) this.#ending.delete(session.id);
    });
  }

  #propose(name: string, command: Command, then: (answer: Answer) => void = () => undefined): void {
    if (this.#underWay.has(name)) return;
    this.#underWay.add(name);
    const term = this.#term;
    const { node, machine, observer } = this.#parts;
    observer.proposing({ member: node.name, applied: machine.applied }, command);
    void this.#parts.consensus
      .propose(command, null)
      .then((answer) => {
        if (term === this.#term) then(answer);
      }, nothingIfUnanswered)
      .finally(() => this.#underWay.delete(name));
  }

  #lookAtEnded(session: SessionState): void {
    this.#ending.delete(session.id);
    const endedMs = this.#ageMs(`ended ${session.id}`);
    const drainedMs = session.endedBy === 'expired' ? session.drainMs : session.ttlMs + session.drainMs;
    for (const pool of Object.values(this.#state.pools)) {
      const certificate = session.certificates[pool.name];
      if (certificate === undefined && pool.openGeneration === this.#state.generation) {
        this.#certify(session, pool, { endedMs, drainedMs });
      }
      // Reads beneath a preempted key end with the deadline (decision record 12), or with the machine. It moved while the key stood.
      if (
        certificate !== undefined &&
        session.silent[pool.name] !== true &&
        this.#ageMs(`certified ${session.id} ${pool.name}`) > session.ttlMs + session.drainMs
      ) {
        const command: Command = { kind: 'silence', session: session.id, pool: pool.name, term: this.#term };
        this.#propose(`silence ${session.id} ${pool.name}`, command);
      }
    }
  }

  #certify(
    session: SessionState,
    pool: PoolState,
    { endedMs, drainedMs }: { endedMs: number; drainedMs: number },
  ): void {
    const laterMs = this.#laterBootMs(session);
    const isByPerson = session.endedBy === 'override' || this.#isStatedOff(session);
    if (this.#isStatedOff(session) && this.#isSilentSinceStated(session, endedMs))
      this.#say(session, pool, 'powered-off');
    else if (laterMs !== null && laterMs > session.ttlMs + session.drainMs) this.#say(session, pool, 'rebooted');
    else if (mayExpire(pool) && endedMs > drainedMs && (isByPerson || !this.#isStorm))
      this.#say(session, pool, 'expired');
  }

  #isSilentSinceStated(session: SessionState, endedMs: number): boolean {
    return session.endedBy === 'powered-off' || Math.min(endedMs, this.#ageMs(`stated ${session.id}`)) > session.ttlMs;
  }

  /** How long the same machine has been registered with a later boot; null if it has not. */
  #laterBootMs(session: SessionState): number | null {
    const later = liveSession(this.#state, this.#state.nodes[session.node]?.session ?? '');
    if (later === null || later.bootId === session.bootId) return null;
    return this.#ageMs(`later ${session.id}`);
  }

  #say(session: SessionState, pool: PoolState, as: 'expired' | 'rebooted' | 'powered-off'): void {
    const evidence = { kind: 'waited', term: this.#term } as const;
    const command: Command = { kind: 'certify', as, session: session.id, pool: pool.name, evidence, by: 'leader' };
    this.#propose(`certify ${session.id} ${pool.name}`, command);
  }

  #lookAtIntent(volume: VolumeState, intent: IntentState): void {
    const of = { volume: volume.name, intent: intent.id, revision: intent.revision };
    const name = `intent ${volume.name} ${intent.revision}`;
    const ageMs = this.#ageMs(name);
    const missing = missingFor(volume, intent);
    if (missing.length === 0 && isFlushed(intent)) this.#propose(name, { kind: 'commit', ...of });
    else if (ageMs > times.intentMs) this.#propose(name, { kind: 'withdraw', ...of });
    for (const session of missing) this.#nudge(this.#state.sessions[session]?.node ?? '');
  }

  /** Each engine holds its writes for so long from when it heard of the cut, which is after the cut was proposed (F9). */
  #lookAtCuts(): void {
    const cuts = new Map(groupParts(this.#state).map(({ intent: { cut } }) => [cut?.group ?? '', cut?.proposal ?? '']));
    for (const [group, proposal] of cuts) {
      const parts = groupParts(this.#state, group);
      const missing = missingForGroup(parts);
      const isInTime = this.#nowMs - (this.#cutsMs.get(proposal) ?? -Infinity) < times.holdMs - times.marginMs;
      if (missing.length === 0 && isGroupFlushed(parts) && isInTime) this.#heldCuts.add(group);
      if (this.#heldCuts.has(group)) this.#propose(`cut ${group}`, { kind: 'commit-group', group });
      else if (!isInTime) this.#propose(`cut ${group}`, { kind: 'withdraw-group', group });
      for (const session of missing) this.#nudge(this.#state.sessions[session]?.node ?? '');
    }
  }

  #lookAtGeneration(pool: PoolState): void {
    const { generation } = this.#state;
    if (pool.openGeneration === generation || pool.proof === null) return;
    const longestMs = Math.max(...Object.values(this.#state.sessions).map(({ ttlMs, drainMs }) => ttlMs + drainMs));
    if (this.#ageMs(`generation ${generation} ${pool.name}`) <= longestMs) return;
    this.#propose(`open ${pool.name}`, { kind: 'open-generation', pool: pool.name, term: this.#term });
  }

  /** A living agent that sees the pool is told to shut out who has ended there. */
  ordersFor(session: string): PreemptOrder[] {
    if (this.#sinceMs === null || this.#isStorm) return [];
    const ended = Object.values(this.#state.sessions).filter(({ endedBy, generation }) => {
      return endedBy !== null && generation === this.#state.generation;
    });
    return Object.values(this.#state.pools)
      .filter(({ fencing, name }) => fencing === 'reservation' && this.#sees(session, name))
      .flatMap((pool) =>
        ended.filter((target) => target.certificates[pool.name] === undefined).map((target) => ({ pool, target })),
      )
      .map(({ pool, target }) => ({
        ...{ pool: pool.name, session: target.id, devices: pool.devices, drainMs: target.drainMs },
        as: this.#laterBootMs(target) === null ? 'preempted' : 'rebooted',
      }));
  }

  #sees(session: string, pool: string): boolean {
    return liveSession(this.#state, session) !== null && this.#state.pools[pool] !== undefined;
  }
}
