// What Kubernetes and people ask of the model: volumes made, moved, shared, cut, deleted; nodes taken for dead, stated to be off,
// overridden, tainted; a backup restored. Operations say what is wanted; a loop brings it about, as controllers do.
import type { SeededRandom, VirtualNode, VirtualTime } from '@holdfast/base/internal';
import type { Answer, Command } from '../metadata/command.ts';
import { conflicts, type GrantMode, type MetadataState } from '../metadata/state.ts';
import type { PoolFacts } from '../node/agent.ts';
import type { StorageNode } from '../node/storage-node.ts';
import type { MetadataDoor, MetadataPort } from '../ports.ts';
import type { Operation } from '../../world/scenario.ts';
import { Attachment } from './attachment.ts';
import { NodeController } from './node-controller.ts';

export interface ClusterUserParts {
  readonly time: VirtualTime;
  readonly controller: VirtualNode;
  readonly metadata: MetadataDoor;
  readonly nodes: ReadonlyMap<string, StorageNode>;
  readonly pools: ReadonlyMap<string, PoolFacts>;
  readonly random: SeededRandom;
  readonly isReachable: (node: string) => boolean;
  /** What the metadata service knows at this moment: for a backup, and for a person who looks. */
  readonly state: () => MetadataState;
  readonly thinkMs: number;
  /** How long a node may say nothing before its pods run elsewhere; null where only people see to that. */
  readonly graceMs: number | null;
}

interface Wanted {
  readonly volume: string;
  readonly tenant: string;
  mode: GrantMode;
  readonly extents: number;
  nodes: string[];
  readonly attachments: Map<string, Attachment>;
  isDeleted: boolean;
}

const reconcileMs = 300;
const shareTries = 3;
const shareLooks = 40;

export class ClusterUser {
  readonly #parts: ClusterUserParts;
  readonly #client: MetadataPort;
  readonly #volumes = new Map<string, Wanted>();
  readonly #sequences = new Map<string, number>();
  readonly #nodeController: NodeController;
  /** Detached, while their pods run on at nodes that have not heard of it. */
  readonly #zombies = new Set<Attachment>();
  #backup: string | null = null;
  #intents = 0;

  constructor(parts: ClusterUserParts) {
    this.#parts = parts;
    const { metadata, controller, nodes, isReachable, graceMs, time } = parts;
    this.#client = metadata.connect(controller);
    this.#nodeController = new NodeController({ nodes, isReachable, graceMs, nowMs: () => time.nowMs });
    this.#tick();
  }

  /** A command of a controller: asked again when nobody answers. */
  async #ask(command: Command): Promise<Answer | null> {
    for (let tries = 0; tries < 5; tries++) {
      const answer = await this.#client.command(command);
      if (answer !== null) return answer;
    }
    return null;
  }

  /** Until it is accepted: for what the world cannot begin without. */
  async insist(command: Command): Promise<void> {
    for (;;) {
      const answer = await this.#client.command(command);
      if (answer?.refusal === null) return;
      await this.#pause(reconcileMs);
    }
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.#parts.time.after(delayMs, resolve));
  }

  #tick(): void {
    this.#parts.time.after(reconcileMs, () => {
      this.#tick();
      for (const node of this.#nodeController.lost()) this.#takeForDead(node);
      for (const zombie of this.#zombies) {
        zombie.clearAway();
        if (zombie.hasPodEnded) this.#zombies.delete(zombie);
      }
      for (const wanted of this.#volumes.values()) this.#reconcile(wanted);
    });
  }

  #reconcile(wanted: Wanted): void {
    const { attachments, nodes, mode } = wanted;
    for (const [node, attachment] of attachments) {
      if (!nodes.includes(node) || attachment.mode !== mode) attachment.end();
      if (attachment.phase !== 'gone') attachment.proceed();
      else {
        attachments.delete(node);
        this.#zombies.add(attachment);
      }
    }
    const isFree = mode === 'role' || [...attachments.values()].every((other) => !conflicts(other.mode, mode));
    for (const node of nodes) {
      const isClear = [...this.#zombies].every((zombie) => zombie.volume !== wanted.volume || zombie.node !== node);
      if (isFree && isClear && !attachments.has(node)) this.#attach(wanted, node);
    }
  }

  #attach(wanted: Wanted, node: string): void {
    const host = this.#parts.nodes.get(node);
    if (host === undefined) return;
    const { volume, tenant, mode, extents } = wanted;
    const { time, random, thinkMs, isReachable } = this.#parts;
    const attachment = new Attachment({
      ...{ volume, tenant, mode, thinkMs, host },
      extents: () => this.#parts.state().volumes[volume]?.extents ?? extents,
      random: random.fork(`pod ${volume} ${node} ${time.nowMs}`),
      nextSequence: () => this.#nextSequence(volume),
      after: (delayMs, callback) => void time.after(delayMs, callback),
      ask: (command) => this.#ask(command),
      isReachable: () => isReachable(node),
      nowMs: () => time.nowMs,
    });
    wanted.attachments.set(node, attachment);
    attachment.proceed();
  }

  #nextSequence(volume: string): number {
    const next = (this.#sequences.get(volume) ?? 0) + 1;
    this.#sequences.set(volume, next);
    return next;
  }

  want(volume: string, of: { tenant: string; mode: GrantMode; extents: number; nodes: string[] }): void {
    this.#volumes.set(volume, { volume, ...of, attachments: new Map(), isDeleted: false });
  }

  /** Everything that is wanted runs where it is wanted. */
  whatIsMissing(): string | null {
    for (const { volume, nodes, attachments } of this.#volumes.values()) {
      for (const node of nodes) {
        const attachment = attachments.get(node);
        if (attachment?.isServing !== true)
          return `${volume} does not run on ${node} (${attachment?.phase ?? 'not attached'})`;
      }
      for (const node of attachments.keys()) if (!nodes.includes(node)) return `${volume} is still attached to ${node}`;
    }
    return null;
  }

  carryOut({ kind, parameters }: Operation): void {
    const volume = textOf(parameters, 'volume');
    const node = textOf(parameters, 'node');
    const wanted = this.#volumes.get(volume);
    switch (kind) {
      case 'move':
        this.#move(wanted, node, parameters['isForced'] === true);
        return;
      case 'read-only':
        this.#handOut(wanted, 'read', textsOf(parameters, 'nodes'));
        return;
      case 'writable':
        this.#handOut(wanted, 'write', [node]);
        return;
      case 'publish-again':
        for (const attachment of wanted?.attachments.values() ?? []) attachment.publishAgain();
        return;
      case 'cut-group':
        void this.#cut(textsOf(parameters, 'volumes'));
        return;
      case 'take-for-dead':
        this.#takeForDead(node);
        return;
      case 'state-off':
        this.#stateOff(node);
        return;
      case 'taint':
        void this.#taint(node, parameters['isForeignAttached'] === true);
        return;
      case 'override':
        void this.#override(node);
        return;
      default:
        this.#carryOutOnVolume(kind, wanted, parameters);
    }
  }

  #carryOutOnVolume(kind: string, wanted: Wanted | undefined, parameters: Operation['parameters']): void {
    if (kind === 'backup') this.#backup = JSON.stringify(this.#parts.state());
    if (kind === 'restore') void this.#restore();
    if (wanted === undefined || wanted.isDeleted) return;
    const from = Number(parameters['from'] ?? 0);
    if (kind === 'snapshot') void this.#share(wanted, textOf(parameters, 'clone'));
    if (kind === 'migrate')
      for (const each of wanted.attachments.values()) void each.migrate(from, Number(parameters['to']));
    if (kind === 'unmap') void this.#intend(wanted, 'unmap', { from, to: Number(parameters['to'] ?? from + 1) });
    if (kind === 'shrink') void this.#intend(wanted, 'shrink', { from: wanted.extents - 1, to: wanted.extents });
    if (kind === 'replace') void this.#replace(wanted, textOf(parameters, 'by'));
    if (kind === 'drop-snapshots') void this.#dropSnapshots(wanted);
  }

  #move(wanted: Wanted | undefined, node: string, isForced: boolean): void {
    if (wanted === undefined || wanted.isDeleted) return;
    const kept = wanted.mode === 'write' ? [] : wanted.nodes.filter((each) => each !== node).slice(-1);
    wanted.nodes = [...kept, node];
    for (const [each, attachment] of wanted.attachments) {
      if (wanted.nodes.includes(each)) continue;
      attachment.isForced ||= isForced;
    }
  }

  /** One writer's volume becomes many readers', or theirs one writer's again. */
  #handOut(wanted: Wanted | undefined, mode: 'read' | 'write', nodes: readonly string[]): void {
    if (wanted === undefined || wanted.isDeleted || wanted.mode === 'role') return;
    wanted.mode = mode;
    wanted.nodes = [...nodes];
  }

  /** Kubernetes' own view: the pods are elsewhere, whatever the node thinks of it. */
  #takeForDead(node: string): void {
    const others = [...this.#parts.nodes.keys()].filter((name) => name !== node);
    for (const [index, wanted] of [...this.#volumes.values()].entries()) {
      if (!wanted.nodes.includes(node)) continue;
      const free = others.filter((name) => !wanted.nodes.includes(name));
      const to = free[index % Math.max(1, free.length)];
      wanted.nodes = wanted.nodes.filter((each) => each !== node);
      if (to !== undefined) wanted.nodes.push(to);
      const attachment = wanted.attachments.get(node);
      if (attachment !== undefined) attachment.isForced = true;
    }
  }

  /** People say it of a machine that is off; never of another. */
  #stateOff(node: string): void {
    if (this.#parts.nodes.get(node)?.isUp !== false) return;
    void this.#ask({ kind: 'state-off', node, by: 'a person', certificate: '' });
  }

  /** The operator taints; its own taint is then seen by the controller, and means nothing to it. */
  async #taint(node: string, isForeignAttached: boolean): Promise<void> {
    const answer = await this.#ask({ kind: 'taint', node, isForeignAttached });
    if (answer?.refusal !== null) return;
    const { taint } = this.#parts.state().nodes[node] ?? { taint: null };
    if (taint !== null) await this.#ask({ kind: 'state-off', node, by: taint.setBy, certificate: taint.certificate });
  }

  /** Also of what has ended already, and waits for a proof that nobody can give (F5). */
  async #override(node: string): Promise<void> {
    const by = 'a person';
    for (const { id: session, node: its } of Object.values(this.#parts.state().sessions)) {
      if (its !== node) continue;
      await this.#ask({ kind: 'end-session', session, reason: 'override', term: 0, atMs: 0, by });
      for (const pool of this.#parts.pools.keys()) {
        if (this.#parts.state().sessions[session]?.certificates[pool] !== undefined) continue;
        const evidence = { kind: 'stated' } as const;
        await this.#ask({ kind: 'certify', as: 'override', session, pool, evidence, by });
      }
    }
  }

  async #share(wanted: Wanted, clone: string): Promise<void> {
    const { volume } = wanted;
    const snapshot = `s${++this.#intents}`;
    const asked = {
      kind: 'intend',
      volume,
      intent: `i${++this.#intents}`,
      what: 'share',
      from: 0,
      to: 0,
      snapshot,
    } as const;
    const isMade = (): boolean => this.#parts.state().volumes[volume]?.snapshots[snapshot] !== undefined;
    // By its name, like the sidecar, until it is there: what is withdrawn begins again.
    for (let tries = 0; tries < shareTries && !isMade() && !wanted.isDeleted; tries++) {
      await this.#ask(asked);
      for (let looks = 0; looks < shareLooks && !isMade(); looks++) await this.#pause(reconcileMs);
    }
    if (clone === '') return;
    const answer = await this.#ask({ kind: 'clone', volume, snapshot, clone });
    const node = wanted.nodes[0];
    if (answer?.refusal !== null || node === undefined) return;
    const { tenant, extents } = wanted;
    this.want(clone, { tenant, mode: 'write', extents, nodes: [node] });
  }

  async #cut(volumes: readonly string[]): Promise<void> {
    const group = `g${++this.#intents}`;
    const wanted = volumes.filter((volume) => this.#volumes.get(volume)?.isDeleted === false);
    const parts = wanted.map((volume) => ({ volume, snapshot: `${group} of ${volume}` }));
    if (parts.length > 1) await this.#ask({ kind: 'intend-group', group, proposal: '', volumes: parts });
  }

  async #intend(
    { volume }: Wanted,
    what: 'unmap' | 'shrink',
    { from, to }: { from: number; to: number },
  ): Promise<void> {
    await this.#ask({ kind: 'intend', volume, intent: `i${++this.#intents}`, what, snapshot: '', from, to });
  }

  /** Deletes it when it is detached everywhere, and makes another one of another tenant in the same room. */
  async #replace(wanted: Wanted, by: string): Promise<void> {
    wanted.isDeleted = true;
    const nodes = wanted.nodes;
    wanted.nodes = [];
    const { pool = '' } = this.#parts.state().volumes[wanted.volume] ?? {};
    for (;;) {
      await this.#pause(reconcileMs);
      if (wanted.attachments.size > 0) continue;
      const answer = await this.#ask({ kind: 'delete-volume', volume: wanted.volume });
      if (answer?.refusal === null) break;
    }
    this.#volumes.delete(wanted.volume);
    await this.#dropSnapshots(wanted);
    const { extents } = wanted;
    const tenant = `tenant of ${by}`;
    // Wanted from here on, so it has to be there, however long nobody leads.
    await this.insist({ kind: 'create-volume', volume: { name: by, tenant, pool, isShared: false, extents } });
    this.want(by, { tenant, mode: 'write', extents, nodes: nodes.slice(0, 1) });
  }

  async #dropSnapshots({ volume }: Wanted): Promise<void> {
    for (const snapshot of Object.keys(this.#parts.state().volumes[volume]?.snapshots ?? {})) {
      await this.#ask({ kind: 'delete-snapshot', volume, snapshot });
    }
  }

  /** F11: the devices say which generations they have seen; a person says that nothing older runs. */
  async #restore(): Promise<void> {
    const backup = this.#backup;
    if (backup === null) return;
    const devices = [...this.#parts.pools.values()].flatMap((pool) => pool.devices);
    const generationSeen = Math.max(...devices.map(({ generation }) => generation), this.#parts.state().generation);
    await this.#ask({ kind: 'restore', backup, generationSeen });
    for (const pool of this.#parts.pools.values()) {
      if (pool.fencing === 'reservation') continue;
      const evidence = { kind: 'stated' } as const;
      await this.insist({ kind: 'prove-generation', pool: pool.name, evidence, by: 'a person' });
    }
  }
}

function textsOf(parameters: Operation['parameters'], name: string): string[] {
  const values = parameters[name];
  return Array.isArray(values) ? values.filter((each) => typeof each === 'string') : [];
}

function textOf(parameters: Operation['parameters'], name: string): string {
  const value = parameters[name];
  return typeof value === 'string' ? value : '';
}
