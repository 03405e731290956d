// One machine of the model with what runs on it: an agent and an engine that may be stopped, killed and replaced on their own, the
// kernel's queue beneath them and its caches above them. The machine may be paused as a whole, and lose its power.
import type { Clock, Random } from '@holdfast/base';
import type { SeededRandom, VirtualNode, VirtualTime } from '@holdfast/base/internal';
import type { Tag, Writer } from '../block.ts';
import type { Device, DeviceAnswer } from '../device.ts';
import type { Tier } from '../metadata/state.ts';
import type { IoResult, MetadataDoor, Observer } from '../ports.ts';
import { times } from '../settings.ts';
import { Agent, type PoolFacts } from './agent.ts';
import { DevicePath } from './device-path.ts';
import { Engine } from './engine.ts';
import { Gate } from './gate.ts';
import { LocalProcess } from './local-process.ts';
import { EngineDoor } from './engine-door.ts';
import type { IoRequest, OpenVolume } from './open-volume.ts';
import { SharedMemory } from './shared-memory.ts';

export interface StorageNodeParts {
  readonly name: string;
  readonly node: VirtualNode;
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  readonly metadata: MetadataDoor;
  readonly pools: ReadonlyMap<string, PoolFacts>;
  readonly tier: Tier;
  readonly drainMs: number;
  readonly slowOdds: number;
  readonly observer: Observer;
}

/** The window in which a hardware watchdog is fed, as a share of its time. */
const feedShare = 4;
const respawnMs = 300;
const callTimeoutMs = 4_000;
/** How often a request without the role looks whether its block device is there still. */
const roleLookMs = 250;
/** A kernel needs its memory for something else now and then: so often it has not kept what it read or wrote. */
const evictionOdds = 4;

export class StorageNode {
  readonly name: string;
  readonly #parts: StorageNodeParts;
  readonly #random: Random;
  readonly clock: Clock;
  /** The clock of a machine that its hypervisor stopped stands still; this is what it missed. */
  #missedMs = 0;
  #frozenAtMs: number | null = null;
  isUp = false;
  boot = 0;
  shared = new SharedMemory();
  path: DevicePath;
  #agentProcess: LocalProcess;
  #engineProcess: LocalProcess;
  agent: Agent;
  #engine: Engine;
  readonly #door = new EngineDoor();
  #bootRecord = { secrets: [] as string[] };
  #roleVolumes = new Set<string>();
  #fedMs = 0;
  /** The next worker to pass the gate stands so long between check and submission. */
  nextGapMs = 0;
  #leaveGap: () => void = () => undefined;

  constructor(parts: StorageNodeParts) {
    this.#parts = parts;
    this.name = parts.name;
    this.#random = parts.random;
    const { clock } = parts.node;
    const boottimeMs = (): number => (this.#frozenAtMs ?? clock.boottimeMs()) - this.#missedMs;
    this.clock = { wallMs: () => clock.wallMs(), monotonicMs: () => clock.monotonicMs(), boottimeMs };
    this.path = this.#newPath();
    this.#agentProcess = new LocalProcess(parts.node.timers);
    this.#engineProcess = new LocalProcess(parts.node.timers);
    this.agent = this.#newAgent();
    this.#engine = this.#newEngine();
    parts.metadata.onDue(parts.node, () => this.#agentProcess.run(() => this.agent.nudge()));
    this.isUp = true;
    this.#start();
  }

  get bootId(): string {
    return `${this.name}-${this.boot}`;
  }

  #start(): void {
    this.boot++;
    this.#bootRecord = { secrets: [] as string[] };
    this.#roleVolumes = new Set();
    this.shared = new SharedMemory();
    this.path = this.#newPath();
    this.startEngine();
    this.startAgent();
    this.#fedMs = this.clock.boottimeMs();
    if (this.#parts.tier === 'watchdog') this.#watch(this.boot);
  }

  #newPath(): DevicePath {
    const { time, node, random, drainMs, slowOdds } = this.#parts;
    return new DevicePath({ time, timers: node.timers, random: random.fork(`path ${this.boot}`), drainMs, slowOdds });
  }

  #newAgent(): Agent {
    const { name, node, metadata, pools, drainMs } = this.#parts;
    const process = this.#agentProcess;
    return new Agent({
      ...{ node: name, machine: name, bootId: this.bootId, process, clock: this.clock, pools },
      ...{ random: this.#random, shared: this.shared, path: this.path, bootRecord: this.#bootRecord },
      ...{ roleVolumes: this.#roleVolumes, drainMs: this.#loggedDrainMs(drainMs) },
      metadata: metadata.connect(node),
      onEngine: (ask) => this.#door.ask(process, ask),
      onAttention: (pool, answer) => this.#attention(pool, answer),
      onReplaced: () => {
        if (process === this.#agentProcess) this.killAgent();
        else process.kill();
      },
    });
  }

  /** A machine whose worker is stuck lives until its watchdog fires: that is a layer beneath the engine, too. */
  #loggedDrainMs(drainMs: number): number {
    return this.#parts.tier === 'watchdog' ? Math.max(drainMs, times.watchdogMs) : drainMs;
  }

  #newEngine(): Engine {
    const { pools, tier, observer, time } = this.#parts;
    const process = this.#engineProcess;
    const gate = new Gate({
      ...{ clock: this.clock, nowMs: () => time.nowMs, process, path: this.path, tier, observer },
      stand: () => this.#stand(process),
      onAttention: (pool, answer) => this.#attention(pool, answer),
    });
    const quorum = this.#door.quorumFor(process, () => ({ agent: this.agent, process: this.#agentProcess }));
    const devicesOf = (pool: string): readonly Device[] => pools.get(pool)?.devices ?? [];
    return new Engine({ clock: this.clock, process, gate, shared: this.shared, devicesOf, quorum, observer });
  }

  #stand(process: LocalProcess): Promise<void> {
    const gapMs = this.nextGapMs;
    if (gapMs === 0) return process.sleep(0.01 + this.#random.fraction() * 0.05);
    this.nextGapMs = 0;
    return new Promise((resolve) => {
      const timer = process.after(gapMs, resolve);
      this.#leaveGap = () => {
        timer.cancel();
        process.run(resolve);
      };
    });
  }

  /** Whoever stands there goes on. */
  endGap(): void {
    this.nextGapMs = 0;
    this.#leaveGap();
  }

  #attention(pool: string, { error }: DeviceAnswer): void {
    if (error === null || error === 'path' || error === 'aborted') return;
    for (const volume of this.shared.volumes.values()) {
      if (volume.pool !== pool) continue;
      if (this.#parts.pools.get(pool)?.fencing === 'reservation') volume.isUnconfirmed = true;
      // Its cache lost what was not flushed, and a list of extents that may hold anything is no list (5-data-path.md).
      if (error === 'power' && volume.mode !== 'read') volume.isShut = true;
      volume.wake();
    }
    this.#agentProcess.run(() => this.agent.attention(pool, error));
  }

  /** A pod's request to the volume's block device, with the tag that it writes made when an engine takes it. */
  async io(name: string, request: IoRequest | PendingWrite): Promise<IoResult> {
    for (;;) {
      const volume = this.shared.volumes.get(name);
      const isRole = this.#roleVolumes.has(name);
      if (volume === undefined && !isRole) return { error: 'no-device' };
      const cached = request.kind === 'read' ? this.#readCached(name, volume?.writer ?? null, request.block) : null;
      if (cached !== null) return cached;
      if (volume === undefined || (volume.isShut && isRole)) {
        this.#agentProcess.run(() => this.agent.wantRole(name));
        await Promise.race([this.shared.nextOpening, this.#pause(roleLookMs)]);
        continue;
      }
      const result = await this.#through(volume, request);
      if (result.error !== 'torn-down' || !this.#roleVolumes.has(name)) return result;
    }
  }

  /** What the kernel kept of an earlier read or write: the engine never hears of it. Null if it kept nothing. */
  #readCached(name: string, writer: Writer | null, block: number): IoResult | null {
    const { observer } = this.#parts;
    const cache = this.shared.cacheOf(name);
    const data = cache.get(block);
    if (data === undefined) return null;
    if (this.#random.below(evictionOdds) === 0) {
      cache.delete(block);
      return null;
    }
    const reader = writer ?? { node: this.name, session: this.shared.session, volume: name, generation: 0, epoch: 0 };
    observer.read(reader, observer.reading(reader, block), data);
    return { error: null, data };
  }

  #pause(delayMs: number): Promise<null> {
    // Whoever waits here may live elsewhere: true time, so that a machine that stands still keeps nobody else waiting.
    return new Promise((resolve) => void this.#parts.time.after(delayMs, () => resolve(null)));
  }

  async #through(volume: OpenVolume, request: IoRequest | PendingWrite): Promise<IoResult> {
    const { observer } = this.#parts;
    const engineRequest: IoRequest =
      request.kind === 'pending-write'
        ? { kind: 'write', block: request.block, tag: request.tagFor(volume.writer) }
        : request;
    if (engineRequest.kind === 'write') observer.writing(engineRequest.tag);
    const ticket = engineRequest.kind === 'read' ? observer.reading(volume.writer, engineRequest.block) : 0;
    const result = await new Promise<IoResult>((resolve) => this.#engine.request(volume, engineRequest, resolve));
    if (engineRequest.kind === 'write') observer.wrote(engineRequest.tag, result.error === null);
    if (engineRequest.kind === 'read' && result.error === null) observer.read(volume.writer, ticket, result.data);
    return result;
  }

  /** A call over the agent's socket; null when it gave no answer. */
  callAgent<Value>(call: (agent: Agent) => Promise<Value>): Promise<Value | null> {
    const answered = new Promise<Value>((resolve) => {
      const { agent } = this;
      this.#agentProcess.run(() => void call(agent).then(resolve));
    });
    return Promise.race([answered, this.#pause(callTimeoutMs)]);
  }

  startAgent(): void {
    this.#agentProcess = new LocalProcess(this.#parts.node.timers);
    this.agent = this.#newAgent();
    void this.agent.run();
  }
  stopAgent(): LocalProcess {
    this.#agentProcess.stop();
    return this.#agentProcess;
  }
  /** Between asking somebody and hearing the answer. */
  stopAgentInCall(): LocalProcess {
    const process = this.#agentProcess;
    process.atNextCall(() => process.stop());
    return process;
  }
  killAgentInCall(): void {
    const process = this.#agentProcess;
    process.atNextCall(() => {
      if (process === this.#agentProcess) this.killAgent();
    });
  }
  killAgent(): void {
    this.#agentProcess.kill();
    this.#respawn(this.#agentProcess, () => this.startAgent());
  }

  #respawn(process: LocalProcess, start: () => void): void {
    const { boot } = this;
    this.#parts.node.timers.after(respawnMs, () => {
      const isCurrent = process === this.#agentProcess || process === this.#engineProcess;
      if (boot === this.boot && this.isUp && isCurrent) start();
    });
  }

  startEngine(): void {
    this.#engineProcess = new LocalProcess(this.#parts.node.timers);
    this.#engine = this.#newEngine();
    this.#door.install(this.#engine, this.#engineProcess);
  }
  /** In the kernel there is nothing to stop. */
  stopEngine(): LocalProcess | null {
    if (this.#parts.tier === 'kernel') return null;
    this.#engineProcess.stop();
    return this.#engineProcess;
  }
  killEngine(): void {
    if (this.#parts.tier === 'kernel') return;
    this.#engineProcess.kill();
    this.#forgetGap();
    this.#respawn(this.#engineProcess, () => this.startEngine());
  }

  /** Threads that are gone submit nothing more. */
  #forgetGap(): void {
    for (const volume of this.shared.volumes.values()) {
      for (const work of volume.admitted) if (work.stage === 'gap') volume.admitted.delete(work);
      volume.wake();
    }
  }

  /** Agent and engine die together: what they shared is gone, what they submitted is not. */
  killBoth(): void {
    this.#agentProcess.kill();
    this.#engineProcess.kill();
    this.#roleVolumes.clear();
    this.shared = new SharedMemory();
    this.#respawn(this.#engineProcess, () => this.startEngine());
    this.#respawn(this.#agentProcess, () => this.startAgent());
  }

  /** The hypervisor stops everything, the machine's own clock included. */
  freeze(): void {
    if (this.#frozenAtMs !== null || !this.isUp) return;
    this.#frozenAtMs = this.#parts.node.clock.boottimeMs();
    this.#parts.node.pause('suspended');
    this.#parts.observer.frozen(this.name);
  }
  get isFrozen(): boolean {
    return this.#frozenAtMs !== null;
  }
  thaw(): void {
    if (this.#frozenAtMs === null) return;
    this.#missedMs += this.#parts.node.clock.boottimeMs() - this.#frozenAtMs;
    this.#frozenAtMs = null;
    if (this.#parts.node.isPaused) this.#parts.node.resume();
  }

  /** The machine loses its power; `start` brings it back. */
  powerOff(): void {
    if (!this.isUp) return;
    this.thaw();
    this.isUp = false;
    this.path.drop();
    this.#agentProcess.kill();
    this.#engineProcess.kill();
    this.shared = new SharedMemory();
    this.#parts.node.reboot();
    this.#missedMs = 0;
  }

  powerOn(): void {
    if (this.isUp) return;
    this.isUp = true;
    this.#start();
  }

  /** Fed while every deadline lies ahead, or every worker has acknowledged a shut gate. */
  #watch(boot: number): void {
    this.#parts.node.timers.after(times.watchdogMs / feedShare, () => {
      if (boot !== this.boot || !this.isUp) return;
      if (this.#engineProcess.isRunning && this.#mayFeed()) this.#fedMs = this.clock.boottimeMs();
      if (this.clock.boottimeMs() - this.#fedMs >= times.watchdogMs) {
        this.powerOff();
        this.#parts.time.after(1_000, () => this.powerOn());
        return;
      }
      this.#watch(boot);
    });
  }

  #mayFeed(): boolean {
    const nowMs = this.clock.boottimeMs();
    return [...this.shared.volumes.values()].every((volume) => {
      return nowMs < volume.deadlineMs || [...volume.admitted].every(({ stage }) => stage !== 'gap');
    });
  }
}

export interface PendingWrite {
  readonly kind: 'pending-write';
  readonly block: number;
  readonly tagFor: (writer: Writer) => Tag;
}
