// A fencing world that runs: pools and devices, machines with their agents and engines, the user, the judge. What replicates the
// metadata log is given: the production raft host, or a stand-in that keeps what the rules rely on.
import type { VirtualNode } from '@holdfast/base/internal';
import type { Fault, Operation, ScenarioRun, World } from '../world/scenario.ts';
import { Device } from './device.ts';
import { FencingJudge } from './judge/fencing-judge.ts';
import type { Facts } from './judge/facts.ts';
import type { MetadataState } from './metadata/state.ts';
import type { PoolFacts } from './node/agent.ts';
import { StorageNode } from './node/storage-node.ts';
import { nodeFaults } from './node-faults.ts';
import { NodeLinks } from './node-links.ts';
import type { MetadataDoor, Observer } from './ports.ts';
import type { FencingShape, PoolShape } from './shape.ts';
import { ClusterUser } from './user/cluster-user.ts';

/** Who replicates the metadata log. */
export interface Metadata {
  readonly members: readonly string[];
  readonly door: MetadataDoor;
  /** The state of whoever leads; null while nobody does. */
  state(): MetadataState | null;
  leader(): string | null;
  /** Faults of its own; null for a kind that it does not know. */
  inflict(fault: Fault): (() => void) | null;
  whyNotAtRest(): string | null;
  /** Why it need not come to rest; null if it must. */
  beyondPromise(): string | null;
  /** What is judged at the end. */
  conclude?(): void;
}

export interface MetadataParts {
  readonly world: World;
  readonly shape: FencingShape;
  readonly observer: Observer;
}

type PoolTruth = PoolFacts & { readonly isBestEffortTakeover: boolean; readonly fencesPerHourMax: number };

export class FencingRun implements ScenarioRun {
  readonly #world: World;
  readonly #shape: FencingShape;
  readonly #devices = new Map<string, Device>();
  readonly #pools = new Map<string, PoolTruth>();
  readonly nodes = new Map<string, StorageNode>();
  readonly #controller: VirtualNode;
  readonly #judge: FencingJudge;
  readonly #metadata: Metadata;
  readonly #links: NodeLinks;
  readonly #user: ClusterUser;
  /** What a pool does not promise, and what happened. */
  readonly shown = new Map<string, number>();
  #isRestored = false;

  constructor(world: World, shape: FencingShape, begin: (parts: MetadataParts) => Metadata) {
    this.#world = world;
    this.#shape = shape;
    this.#controller = world.time.node('controller');
    this.#judge = new FencingJudge(this.#facts());
    for (const pool of shape.pools) this.#addPool(pool);
    const observer = this.#judge;
    this.#metadata = begin({ world, shape, observer });
    const { members, door: metadata } = this.#metadata;
    this.#links = new NodeLinks(world.network, [...members, 'controller']);
    for (const [at, name] of shape.nodes.entries()) {
      const node = world.time.node(name, { driftPpm: shape.driftPpm[at] ?? 0 });
      const { tier, drainMs, slowOdds } = shape;
      const random = world.random.fork(`node ${name}`);
      const parts = {
        name,
        node,
        time: world.time,
        random,
        metadata,
        pools: this.#pools,
        tier,
        drainMs,
        slowOdds,
        observer,
      };
      this.nodes.set(name, new StorageNode(parts));
    }
    this.#user = this.#newUser(metadata);
    void this.#found();
  }

  #facts(): Facts {
    const { time } = this.#world;
    return {
      nowMs: () => time.nowMs,
      nodes: this.nodes,
      devices: this.#devices,
      pools: this.#pools,
      report: (rule, text) => this.#world.report(rule, text),
      show: (reason, text) => {
        this.shown.set(reason, (this.shown.get(reason) ?? 0) + 1);
        this.#world.note('', 'shown', 0, () => `${reason}: ${text}`);
      },
    };
  }

  #addPool({ name, fencing, devices: count, isBestEffortTakeover, ...target }: PoolShape): void {
    const { time, random } = this.#world;
    const { hasAbort, isPersistent, tellsPreempted } = target;
    const devices = Array.from({ length: count }, (_, at) => {
      const device = new Device({
        ...{ name: `${name}d${at + 1}`, time, random: random.fork(`device ${name} ${at}`) },
        ...{ hasAbort, isPersistent, tellsPreempted },
        onLanding: (landing) => {
          this.#world.note(landing.device, 'landing', landing.at, () => JSON.stringify(landing.block));
          this.#judge.landed(landing);
        },
        onPowerLoss: (lost) => this.#judge.powerLost(lost),
      });
      this.#devices.set(device.name, device);
      return device;
    });
    const { tier, fencesPerHourMax } = this.#shape;
    this.#pools.set(name, { name, fencing, tier, devices, isBestEffortTakeover, fencesPerHourMax });
  }

  #newUser(metadata: MetadataDoor): ClusterUser {
    const { time, random, network } = this.#world;
    return new ClusterUser({
      ...{ time, controller: this.#controller, metadata, nodes: this.nodes },
      ...{ pools: this.#pools, random: random.fork('user') },
      ...{ thinkMs: this.#shape.thinkMs, graceMs: this.#shape.graceMs },
      isReachable: (node) => !network.link('controller', node).isCut && !network.link(node, 'controller').isCut,
      state: () => this.state,
    });
  }

  /** As the leader knows it, or whoever applied most while nobody leads. */
  get state(): MetadataState {
    return this.#metadata.state() ?? this.#judge.log.state;
  }

  /** Pools, then volumes, then what is wanted of them. */
  async #found(): Promise<void> {
    const { pools, volumes, tier, fencesPerHourMax } = this.#shape;
    for (const { name: pool, fencing, isBestEffortTakeover, extents: extentCount } of pools) {
      const devices = (this.#pools.get(pool)?.devices ?? []).map(({ name }) => name);
      const settings = { pool, fencing, tier, isBestEffortTakeover, devices, extentCount, fencesPerHourMax };
      await this.#user.insist({ kind: 'create-pool', ...settings });
    }
    for (const { name, pool, mode, extents, nodes } of volumes) {
      const tenant = `tenant of ${name}`;
      const isShared = mode === 'role';
      await this.#user.insist({ kind: 'create-volume', volume: { name, tenant, pool, isShared, extents } });
      this.#user.want(name, { tenant, mode, extents, nodes: [...nodes] });
    }
  }

  inflict(fault: Fault): (() => void) | null {
    const kind = nodeFaults[fault.kind];
    if (kind === undefined) return this.#metadata.inflict(fault);
    const node = this.nodes.get(fault.target);
    if (node === undefined) return () => undefined;
    return kind.begin({ nodes: this.nodes, devices: this.#devices, links: this.#links }, node, fault);
  }

  resolveRole(role: string): string | null {
    return role === 'leader' ? this.#metadata.leader() : null;
  }

  request(operation: Operation): void {
    this.#world.note(
      'controller',
      'client',
      operation.atMs,
      () => `${operation.kind} ${JSON.stringify(operation.parameters)}`,
    );
    if (operation.kind === 'restore') this.#isRestored = true;
    this.#user.carryOut(operation);
  }

  hasConverged(): boolean {
    return this.#whatIsMissing() === null;
  }
  beyondPromise(): string | null {
    return this.#metadata.beyondPromise();
  }
  whyNotConverged(): string {
    return this.#whatIsMissing() ?? 'nothing is missing';
  }

  #whatIsMissing(): string | null {
    const metadata = this.#metadata.whyNotAtRest();
    if (metadata !== null) return metadata;
    for (const node of this.nodes.values()) if (!node.isUp) return `${node.name} is off`;
    // After a restore volumes may be gone, or in dispute until a person decides.
    return this.#isRestored ? null : this.#user.whatIsMissing();
  }

  conclude(): void {
    this.#metadata.conclude?.();
    this.#judge.conclude();
  }
}
