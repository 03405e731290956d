// A node's agent of the model: keeps the session alive, opens and shuts volumes in the engine, and says in the log what it has
// seen. It may be stopped, killed and replaced at any moment; what must outlive it is in the memory that it shares with the engine.
import type { Clock, Random } from '@holdfast/base';
import type { Device, DeviceAnswer } from '../device.ts';
import type { Answer, Command } from '../metadata/command.ts';
import type { GrantMode, PoolState, VolumeState } from '../metadata/state.ts';
import type { AgentPort, MetadataPort, RenewalReply, StageRequest, StageResult } from '../ports.ts';
import { times } from '../settings.ts';
import { AgentDuties } from './agent-duties.ts';
import type { DevicePath } from './device-path.ts';
import type { Engine } from './engine.ts';
import type { LocalProcess } from './local-process.ts';
import { Reservations } from './reservations.ts';
import type { SharedMemory } from './shared-memory.ts';

export interface AgentParts {
  readonly node: string;
  readonly machine: string;
  readonly bootId: string;
  readonly process: LocalProcess;
  readonly clock: Clock;
  readonly random: Random;
  readonly shared: SharedMemory;
  readonly path: DevicePath;
  readonly metadata: MetadataPort;
  readonly pools: ReadonlyMap<string, PoolFacts>;
  /** Asks the engine that runs; asks its successor if it dies meanwhile. */
  readonly onEngine: <Value>(ask: (engine: Engine) => Promise<Value>) => Promise<Value>;
  /** Every secret that this boot registered with, kept where a process's death does not take it. */
  readonly bootRecord: { readonly secrets: string[] };
  /** Volumes in MULTI_NODE mode whose device stands here. */
  readonly roleVolumes: Set<string>;
  readonly drainMs: number;
  readonly onReplaced: () => void;
  /** A device tells a port once what happened to it: whoever hears it passes it on to everybody on the machine. */
  readonly onAttention: (pool: string, answer: DeviceAnswer) => void;
}

export interface PoolFacts extends Pick<PoolState, 'name' | 'fencing' | 'tier'> {
  readonly devices: readonly Device[];
}

const retryMs = 200;
/** Well within the time after which who waits has to say so again. */
const refusedRetryMsMax = 800;

export class Agent implements AgentPort {
  readonly parts: AgentParts;
  readonly reservations: Reservations;
  /** As the log gave it out; 0 before. */
  number = 0;
  ttlMs = times.ttlMs;
  readonly #staging = new Set<string>();
  readonly #wanting = new Set<string>();
  /** When a volume was opened, or a key confirmed to be registered: a renewal sent before says nothing about it. */
  readonly openedMs = new Map<string, number>();
  readonly registeredMs = new Map<string, number>();
  /** Secrets of sessions of which nothing is left here: those of before this process began, and those that it tore down itself. */
  readonly #tornDown: string[];
  readonly #duties: AgentDuties;
  #isRenewing = false;
  /** The node's last session, as the log told this agent. */
  #lastSession = '';

  constructor(parts: AgentParts) {
    this.parts = parts;
    this.reservations = new Reservations(parts);
    this.#tornDown = parts.bootRecord.secrets.filter((secret) => secret !== parts.shared.secret);
    this.#duties = new AgentDuties(this);
  }

  get session(): string {
    return this.parts.shared.session;
  }
  get by(): { session: string; agent: number } {
    return { session: this.session, agent: this.number };
  }
  isStaging(volume: string): boolean {
    return this.#staging.has(volume);
  }
  devicesOf(pool: string): readonly Device[] {
    return this.parts.pools.get(pool)?.devices ?? [];
  }
  sleep(delayMs: number): Promise<void> {
    return this.parts.process.sleep(delayMs);
  }

  async run(): Promise<void> {
    await this.#begin();
    this.#duties.takeOver();
    this.#tick(times.renewMs, () => this.renew());
    this.#tick(times.readBackMs, () => this.#duties.readBack());
    await this.renew();
  }

  #tick(everyMs: number, work: () => Promise<void>): void {
    this.parts.process.after(everyMs, () => {
      this.#tick(everyMs, work);
      void work();
    });
  }

  ask(command: Command): Promise<Answer | null> {
    return this.parts.process.take(this.parts.metadata.command(command));
  }

  /** Takes the session of this boot up again, or begins one when nothing of an older one is left here. */
  async #begin(): Promise<void> {
    const { shared } = this.parts;
    for (;;) {
      const { session } = shared;
      const answer = session === '' ? await this.#register() : await this.#resume();
      // It may have been stopped meanwhile, and another agent have settled the matter.
      const isCurrent = session === shared.session && (answer?.agent ?? 0) > shared.agent;
      if (answer?.refusal === null && isCurrent) {
        shared.session = answer.session;
        this.number = answer.agent;
        shared.agent = this.number;
        return;
      }
      if (answer?.refusal === 'conflict') this.#lastSession = answer.session;
      // Somebody of this boot has registered since this process looked what is left here.
      if (answer?.refusal === 'not-allowed') this.parts.onReplaced();
      if (answer?.refusal === 'session-ended') await this.#giveUp(session);
      await this.sleep(retryMs);
    }
  }

  async #giveUp(session: string): Promise<void> {
    if (session === '') this.parts.shared.secret = '';
    else await this.#tearDownAll(session);
  }

  #resume(): Promise<Answer | null> {
    const { session, secret } = this.parts.shared;
    return this.ask({ kind: 'resume', session, secret });
  }

  async #register(): Promise<Answer | null> {
    const { node, machine, bootId, path, random, shared, bootRecord, drainMs } = this.parts;
    // What an engine of this boot submitted may still be on its way down, whoever submitted it.
    await this.#closeAll();
    while (path.inFlight > 0) await this.sleep(retryMs);
    const tornDown = this.#tornDown;
    if (shared.secret === '') {
      shared.secret = random.uuid();
      bootRecord.secrets.push(shared.secret);
    }
    const { ttlMs } = this;
    return this.ask({
      kind: 'register',
      node,
      machine,
      bootId,
      secret: shared.secret,
      ttlMs,
      drainMs,
      tornDown,
      after: this.#lastSession,
    });
  }

  async renew(): Promise<void> {
    if (this.#isRenewing || this.session === '' || this.number === 0) return;
    this.#isRenewing = true;
    const { clock, process, metadata, node } = this.parts;
    const sentMs = clock.boottimeMs();
    const session = this.session;
    const reply = await process.take(metadata.renew({ node, session, agent: this.number }));
    this.#isRenewing = false;
    if (reply !== null && session === this.session) await this.#take(reply, sentMs);
  }

  async #take(reply: RenewalReply, sentMs: number): Promise<void> {
    if (reply.verdict === 'older-agent') {
      this.parts.onReplaced();
      return;
    }
    if (reply.verdict === 'ended') {
      await this.loseSession(this.session);
      return;
    }
    this.#extend(reply, sentMs);
    this.#duties.serve(reply);
  }

  /** F2: from the moment of sending, and only what the reply names. */
  #extend(reply: RenewalReply, sentMs: number): void {
    const deadlineMs = sentMs + this.ttlMs - times.marginMs;
    const { shared } = this.parts;
    for (const [name, volume] of shared.volumes) {
      if ((this.openedMs.get(name) ?? -Infinity) > sentMs) continue;
      const isNamed = reply.named.some((each) => each.volume === name && each.epoch === volume.writer.epoch);
      if (!isNamed) {
        void this.#duties.tearDown(name);
        continue;
      }
      if (volume.isUnconfirmed && (this.registeredMs.get(volume.pool) ?? Infinity) <= sentMs)
        volume.isUnconfirmed = false;
      void this.parts.onEngine(async (engine) => engine.setDeadline(this.number, name, deadlineMs));
      volume.wake();
    }
  }

  async loseSession(session: string): Promise<void> {
    await this.#tearDownAll(session);
    await this.#begin();
    await this.renew();
  }

  /** Every volume is shut and drained, and nothing of the session is left on this node. */
  async #tearDownAll(session: string): Promise<void> {
    const { shared, roleVolumes } = this.parts;
    if (shared.session !== session) return;
    shared.session = '';
    this.#tornDown.push(shared.secret);
    shared.secret = '';
    roleVolumes.clear();
    this.registeredMs.clear();
    await this.#closeAll();
  }

  async #closeAll(): Promise<void> {
    const { shared, onEngine } = this.parts;
    for (const volume of shared.volumes.values()) {
      volume.isShut = true;
      volume.wake();
    }
    for (const name of [...shared.volumes.keys()]) {
      const number = shared.agent;
      await onEngine((engine) => engine.shut(number, name, 'drop'));
      await onEngine(async (engine) => engine.close(number, name));
    }
  }

  async stage({ volume, epoch: lowerBound, mode }: StageRequest): Promise<StageResult> {
    if (this.session === '' || this.number === 0 || this.#staging.has(volume)) return 'no-answer';
    if (mode === 'role') {
      this.parts.roleVolumes.add(volume);
      return 'staged';
    }
    const open = this.parts.shared.volumes.get(volume);
    if (open !== undefined) return open.isShut ? 'no-answer' : 'staged';
    return this.#open(volume, lowerBound, mode);
  }

  async #open(volume: string, lowerBound: number, mode: GrantMode): Promise<StageResult> {
    this.#staging.add(volume);
    const { session } = this;
    const answer = await this.ask({ kind: 'stage', ...this.by, volume, lowerBound, mode });
    let result: StageResult = 'no-answer';
    if (answer?.refusal === null) result = await this.#openGranted(volume, { epoch: answer.epoch, mode, session });
    else if (answer !== null) result = 'refused';
    this.#staging.delete(volume);
    if (result === 'staged') await this.renew();
    return result;
  }

  async #openGranted(name: string, to: { epoch: number; mode: GrantMode; session: string }): Promise<StageResult> {
    const { process, metadata, node, onEngine, shared, clock } = this.parts;
    if (shared.over.has(`${name}/${to.epoch}`)) {
      await this.#duties.release({ volume: name, epoch: to.epoch, as: 'revoked' });
      return 'no-answer';
    }
    const looked = await process.take(metadata.look(name, to.session));
    const volume = looked?.volume ?? null;
    if (looked === null || volume === null) return 'no-answer';
    const isStanding = volume.grants.some(({ epoch, session }) => epoch === to.epoch && session === to.session);
    // An intent that is open now was not put to the engine that is about to be: it is over before the volume opens.
    if (!isStanding || volume.intents.length > 0) return 'refused';
    if (!(await this.#isRegistered(volume))) return 'no-answer';
    const { generation } = looked;
    const writer = { node, session: to.session, volume: name, generation, epoch: to.epoch };
    const { tenant, pool } = volume;
    if (shared.over.has(`${name}/${to.epoch}`)) return 'no-answer';
    const isOpen = await onEngine(async (engine) => {
      return engine.open(this.number, { writer, tenant, pool, mode: to.mode, volume });
    });
    const opened = shared.volumes.get(name);
    if (!isOpen || opened === undefined) return 'refused';
    opened.isUnconfirmed = this.parts.pools.get(pool)?.fencing === 'reservation';
    this.openedMs.set(name, clock.boottimeMs());
    return 'staged';
  }

  /** The key of this incarnation stands on every device of the pool, or the pool needs none. */
  async #isRegistered({ pool }: VolumeState): Promise<boolean> {
    if (this.parts.pools.get(pool)?.fencing !== 'reservation' || this.registeredMs.has(pool)) return true;
    return this.registerKey(pool);
  }

  async registerKey(pool: string): Promise<boolean> {
    const { by } = this;
    if (by.session === '' || !(await this.#hasKey(pool)) || by.session !== this.session) return false;
    this.registeredMs.set(pool, this.parts.clock.boottimeMs());
    return true;
  }

  /**
   * What passed its gate under a key that was taken away must not find the key there again, however long this process stood still on its
   * way to the device. So a key is registered only while the pool's gates are shut with nothing behind them; an agent that has taken over
   * from another one looks for the key that stands, and if it is gone, shuts them.
   */
  async #hasKey(pool: string): Promise<boolean> {
    const devices = this.devicesOf(pool);
    if (this.#isQuiet(pool)) return this.reservations.register(this.by, devices, () => this.#isQuiet(pool));
    const isInPlace = await this.reservations.isInPlace(this.number, devices);
    if (!isInPlace) this.parts.onAttention(pool, { error: 'reservation-conflict' });
    return isInPlace;
  }

  #isQuiet(pool: string): boolean {
    const volumes = [...this.parts.shared.volumes.values()].filter((volume) => volume.pool === pool);
    return volumes.every((volume) => (volume.isShut || volume.isUnconfirmed) && volume.admitted.size === 0);
  }

  /** The first request at a node without the role (F8). */
  wantRole(volume: string): void {
    if (this.#wanting.has(volume)) return;
    this.#wanting.add(volume);
    void this.#acquire(volume);
  }

  async #acquire(volume: string): Promise<void> {
    const { roleVolumes, shared } = this.parts;
    // Whoever has just let go for somebody else does not overtake him.
    if (shared.over.size > 0) await this.sleep(2 * retryMs);
    let pauseMs = retryMs;
    while (roleVolumes.has(volume) && !shared.volumes.has(volume)) {
      const result = this.#staging.has(volume) ? 'no-answer' : await this.#open(volume, 0, 'role');
      if (result === 'staged') break;
      await this.sleep(pauseMs);
      // The first refusal has told the leader who waits; the holder needs its time to let go.
      if (result === 'refused') pauseMs = Math.min(2 * pauseMs, refusedRetryMsMax);
    }
    this.#wanting.delete(volume);
  }

  /** The pod is gone: flush, close, `released`. */
  async unstage(volume: string): Promise<boolean> {
    if (this.#staging.has(volume) || this.number === 0) return false;
    this.parts.roleVolumes.delete(volume);
    return this.#duties.letGo(volume, 'released');
  }

  migrate(volume: string, at: number): Promise<boolean> {
    return this.parts.onEngine((engine) => engine.migrate(this.number, volume, at));
  }

  nudge(): void {
    void this.renew();
  }

  attention(pool: string, error: string): void {
    this.#duties.attention(pool, error);
  }
}
