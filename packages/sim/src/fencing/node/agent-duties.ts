// What a renewal's answer asks of an agent, and what a device's attention does: letting go of one volume, intents, preempting
// somebody else's key, registering one's own anew.
import type { Certify, Evidence } from '../metadata/command.ts';
import type { IntentState, VolumeState } from '../metadata/state.ts';
import type { PreemptOrder, RenewalReply } from '../ports.ts';
import { times } from '../settings.ts';
import type { Agent } from './agent.ts';

const retryMs = 200;

export class AgentDuties {
  readonly #agent: Agent;
  /** Names of what is under way, so that the next renewal does not begin it again. */
  readonly #underWay = new Set<string>();

  constructor(agent: Agent) {
    this.#agent = agent;
  }

  /** What the agent before had begun with the engine. */
  takeOver(): void {
    for (const [name, volume] of this.#agent.parts.shared.volumes) {
      for (const intent of volume.held) this.#once(`end ${nameOf(name, intent)}`, () => this.#awaitEnd(name, intent));
      if (volume.isShut) this.#once(`down ${name}`, () => this.tearDown(name).then(() => undefined));
      if (volume.isUnconfirmed) this.#once(`key ${volume.pool}`, () => this.#registerAnew(volume.pool));
    }
  }

  #once(name: string, work: () => Promise<unknown>): void {
    if (this.#underWay.has(name)) return;
    this.#underWay.add(name);
    void work().finally(() => this.#underWay.delete(name));
  }

  serve(reply: RenewalReply): void {
    for (const each of reply.letGo) {
      const { volume, epoch, mode } = each;
      this.#once(`let go ${volume}`, () => this.#letGoOf({ volume, epoch, isRole: mode === 'role' }));
    }
    for (const each of reply.intents) {
      this.#once(`intent ${nameOf(each.volume, each.intent)}`, () => this.#serveIntent(each));
    }
    for (const order of reply.orders) this.#once(`preempt ${order.pool} ${order.session}`, () => this.#preempt(order));
    for (const pool of reply.unproved) this.#once(`prove ${pool}`, () => this.#prove(pool));
  }

  async #letGoOf(grant: { volume: string; epoch: number; isRole: boolean }): Promise<void> {
    const { parts, openedMs } = this.#agent;
    const open = parts.shared.volumes.get(grant.volume);
    if (this.#agent.isStaging(grant.volume) || (open !== undefined && open.writer.epoch !== grant.epoch)) return;
    if (open === undefined) {
      await this.release({ volume: grant.volume, epoch: grant.epoch, as: 'revoked' });
      return;
    }
    if (grant.isRole) {
      const heldMs = parts.clock.boottimeMs() - (openedMs.get(grant.volume) ?? 0);
      if (heldMs < times.roleMs) await this.#agent.sleep(times.roleMs - heldMs);
    }
    await this.letGo(grant.volume, 'revoked');
  }

  /** Flushes if that is possible, shuts, drains, closes, and says so. */
  async letGo(name: string, as: 'released' | 'revoked'): Promise<boolean> {
    const { parts } = this.#agent;
    const volume = parts.shared.volumes.get(name);
    if (volume === undefined) return true;
    const { epoch } = volume.writer;
    const isFlushed = await parts.onEngine((engine) => engine.shut(this.#agent.number, name, 'flush'));
    return this.#closeAndSay(name, { epoch, as: isFlushed ? as : 'revoked' });
  }

  /** FENCED, or an error that nothing can mend: no flush. */
  async tearDown(name: string): Promise<boolean> {
    const { parts } = this.#agent;
    const volume = parts.shared.volumes.get(name);
    if (volume === undefined) return true;
    volume.isShut = true;
    volume.wake();
    await parts.onEngine((engine) => engine.shut(this.#agent.number, name, 'drop'));
    return this.#closeAndSay(name, { epoch: volume.writer.epoch, as: 'revoked' });
  }

  async #closeAndSay(name: string, { epoch, as }: { epoch: number; as: 'released' | 'revoked' }): Promise<boolean> {
    const { parts } = this.#agent;
    const volume = parts.shared.volumes.get(name);
    if (volume?.writer.epoch !== epoch || !volume.isShut || volume.admitted.size > 0) return false;
    // Before it is closed: whoever takes over from here would find nothing open, a grant that stands, and open it a second time.
    parts.shared.over.add(`${name}/${epoch}`);
    await parts.onEngine(async (engine) => engine.close(this.#agent.number, name));
    return this.release({ volume: name, epoch, as });
  }

  async release(what: { volume: string; epoch: number; as: 'released' | 'revoked' }): Promise<boolean> {
    const { session } = this.#agent;
    // The command may be applied long after nobody waits for its answer any more.
    this.#agent.parts.shared.over.add(`${what.volume}/${what.epoch}`);
    for (let tries = 0; tries < 10 && session === this.#agent.session; tries++) {
      const answer = await this.#agent.ask({ kind: 'release', ...this.#agent.by, ...what });
      if (answer !== null) return answer.refusal === null;
      await this.#agent.sleep(retryMs);
    }
    return false;
  }

  async #serveIntent({ volume: name, pool, intent }: RenewalReply['intents'][number]): Promise<void> {
    const { parts } = this.#agent;
    if (this.#agent.isStaging(name)) return;
    if (parts.shared.volumes.has(name)) {
      const isDrained = await parts.onEngine((engine) => engine.applyIntent(this.#agent.number, name, intent));
      if (!isDrained) return;
    } else if (!(await this.#flushDevices(pool))) return;
    const { id, revision } = intent;
    await this.#agent.ask({ kind: 'acknowledge', ...this.#agent.by, volume: name, intent: id, revision });
    await this.#awaitEnd(name, intent);
  }

  async #flushDevices(pool: string): Promise<boolean> {
    const { parts } = this.#agent;
    const flushes = this.#agent.devicesOf(pool).map((device) => {
      return new Promise<boolean>((resolve) => {
        parts.path.submit(device, { kind: 'flush', initiator: parts.node }, (answer) => {
          if (answer.error !== null) parts.onAttention(pool, answer);
          resolve(answer.error === null);
        });
      });
    });
    return (await parts.process.take(Promise.all(flushes))).every(Boolean);
  }

  /** Until the log says whether it was committed or withdrawn, the engine holds what it is about. */
  async #awaitEnd(name: string, intent: IntentState): Promise<void> {
    const { parts, session } = this.#agent;
    while (parts.shared.volumes.has(name) && session === this.#agent.session) {
      const looked = await parts.process.take(parts.metadata.look(name, session));
      const volume = looked?.volume ?? null;
      if (volume?.intents.every(({ revision }) => revision !== intent.revision) === true) {
        const isTaken = isTakenAway(volume, intent);
        await parts.onEngine(async (engine) => engine.endIntent(this.#agent.number, name, intent, isTaken));
        return;
      }
      await this.#agent.sleep(retryMs);
    }
  }

  async #preempt({ pool, session, as, drainMs }: PreemptOrder): Promise<void> {
    const isTarget = (key: string): boolean => key === session;
    const evidence = await this.#shutOut(pool, isTarget, drainMs);
    if (evidence === null) return;
    const command: Certify = { kind: 'certify', as, session, pool, evidence, by: this.#agent.session };
    await this.#agent.ask(command);
  }

  async #shutOut(pool: string, isTarget: (key: string) => boolean, drainMs: number): Promise<Evidence | null> {
    const { registeredMs, reservations, number } = this.#agent;
    if (!registeredMs.has(pool) && !(await this.#agent.registerKey(pool))) return null;
    return reservations.preempt(number, this.#agent.devicesOf(pool), { isTarget, drainMs });
  }

  /** F11: everything of an older generation is shut out. */
  async #prove(pool: string): Promise<void> {
    const { parts } = this.#agent;
    const devices = this.#agent.devicesOf(pool);
    const generation = Number.parseInt(this.#agent.session, 10);
    for (const device of devices) device.generation = Math.max(device.generation, generation);
    if (parts.pools.get(pool)?.fencing !== 'reservation') return;
    const isTarget = (key: string): boolean => Number.parseInt(key, 10) < generation;
    const evidence = await this.#shutOut(pool, isTarget, parts.drainMs);
    if (evidence !== null) await this.#agent.ask({ kind: 'prove-generation', pool, evidence, by: this.#agent.session });
  }

  /** F6: what the devices show moves the deadline, too, so that I/O goes on while the quorum is away. */
  async readBack(): Promise<void> {
    const { parts, number } = this.#agent;
    const open = [...parts.shared.volumes].filter(([, volume]) => !volume.isShut && !volume.isUnconfirmed);
    const pools = new Set(open.map(([, { pool }]) => pool));
    for (const pool of pools) {
      if (parts.pools.get(pool)?.fencing !== 'reservation') continue;
      const deadlineMs = parts.clock.boottimeMs() + this.#agent.ttlMs - times.marginMs;
      if (!(await this.#agent.reservations.isInPlace(number, this.#agent.devicesOf(pool)))) continue;
      for (const [name, volume] of open) {
        if (volume.pool !== pool || volume.isUnconfirmed) continue;
        await parts.onEngine(async (engine) => engine.setDeadline(number, name, deadlineMs));
      }
    }
  }

  /** Unit attention, or a conflict: gates are shut (the engine saw to that); the key comes back only for a session that lives. */
  attention(pool: string, error: string): void {
    const { parts } = this.#agent;
    const volumes = [...parts.shared.volumes].filter(([, volume]) => volume.pool === pool);
    if (error === 'power') for (const [name] of volumes) this.#once(`down ${name}`, () => this.tearDown(name));
    if (parts.pools.get(pool)?.fencing === 'reservation') this.#once(`key ${pool}`, () => this.#registerAnew(pool));
  }

  async #registerAnew(pool: string): Promise<void> {
    const { session, registeredMs } = this.#agent;
    registeredMs.delete(pool);
    while (session === this.#agent.session && !registeredMs.has(pool)) {
      if (await this.#agent.registerKey(pool)) break;
      await this.#agent.sleep(retryMs);
    }
    await this.#agent.renew();
  }
}

/** One that was withdrawn may begin again by its id, at another revision. */
function nameOf(volume: string, { revision }: IntentState): string {
  return `${volume} ${revision}`;
}

/** Read from what it is about: others may have been committed since it ended. */
function isTakenAway({ extents, map }: VolumeState, { kind, from, to }: IntentState): boolean {
  if (kind === 'shrink') return extents <= from;
  return kind === 'unmap' && Object.keys(map).every((at) => Number(at) < from || Number(at) >= to);
}
