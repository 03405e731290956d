// A cluster in which everything goes wrong that a seed chooses: messages are lost, doubled, reordered and cut off, disks lag,
// processes crash and lose what was not synced, logs lose their tail, members come and go. After each step it is held to what
// Raft promises. Test code; the simulator (packages/sim) does the same with the real parts.
import type { Random } from '@holdfast/base';
import { ChaosJudge, judgeLogs, judgeTexts } from './chaos-judge.ts';
import { isJoint, membersOf, votersOnly, type ConfigurationChange } from './configuration.ts';
import type { Effects } from './effects.ts';
import type { RaftEvent } from './event.ts';
import { toMemberId, type MemberId } from './ids.ts';
import type { Message } from './message.ts';
import { ModelNode } from './model-node.ts';
import { emptyReplica } from './recovered.ts';
import { settingsDefault, type Settings } from './settings.ts';

/** How often, of a hundred steps, each thing happens; the seed draws its own. */
interface Rates {
  readonly loss: number;
  readonly double: number;
  readonly crash: number;
  readonly cut: number;
  readonly lostTail: number;
  readonly damage: number;
  readonly change: number;
  readonly compact: number;
}

const wireMax = 400;
const settings: Settings = {
  ...settingsDefault,
  electionTicks: 4,
  appendBytesMax: 400,
  inflightMessagesMax: 4,
  inflightBytesMax: 1_200,
  uncommittedBytesMax: 4_000,
  proposalBytesMax: 1_000,
  snapshotRetryTicks: 6,
};

export class Chaos {
  readonly random: Random;
  readonly nodes = new Map<MemberId, ModelNode>();
  readonly judge = new ChaosJudge();
  readonly #rates: Rates;
  readonly #wire: Message[] = [];
  /** Pairs that do not hear each other, one way. */
  readonly #cuts = new Set<string>();
  #sequence = 0;
  #readId = 0;
  /** Only a minority may lose what it acknowledged: nothing could bring back what all have lost. */
  #suspect: MemberId | null = null;

  constructor(random: Random) {
    this.random = random;
    const upTo = (most: number): number => this.random.below(2) * this.random.below(most + 1);
    this.#rates = {
      loss: upTo(15),
      double: upTo(10),
      crash: upTo(5),
      cut: upTo(2),
      lostTail: upTo(60),
      damage: upTo(60),
      change: upTo(2),
      compact: upTo(4),
    };
    const founders = Array.from({ length: 3 + 2 * this.random.below(2) }, (_, index) => toMemberId(index + 1));
    for (const member of founders) this.#add(member, founders);
    // Two more stand by to be added.
    for (let spare = 0; spare < 2; spare++) this.#add(toMemberId(founders.length + spare + 1), []);
  }

  #add(self: MemberId, founders: readonly MemberId[]): void {
    const node = new ModelNode({
      self,
      settings,
      random: this.random,
      recovered: emptyReplica(votersOnly(founders)),
      snapshotPartBytes: 64,
      onStep: (each, event, effects) => this.#observe(each, event, effects),
    });
    this.nodes.set(self, node);
  }

  #observe(node: ModelNode, event: RaftEvent, effects: Effects): void {
    this.judge.observe(node, event, effects);
    for (const message of effects.messages) this.#post(message);
  }

  #post(message: Message): void {
    this.#wire.push(message);
    if (this.#chance(this.#rates.double)) this.#wire.push(message);
    if (this.#wire.length > wireMax) this.#wire.splice(this.random.below(this.#wire.length), 1);
  }

  #chance(percent: number): boolean {
    return this.random.below(1000) < percent * 10;
  }

  #pick<Item>(items: readonly Item[]): Item {
    return items[this.random.below(items.length)] as Item;
  }

  run(steps: number): void {
    for (let step = 0; step < steps; step++) {
      this.#disturb();
      this.#proceed();
      if (step % 100 === 0) judgeLogs([...this.nodes.values()]);
    }
  }

  #proceed(): void {
    const node = this.#pick([...this.nodes.values()]);
    const dice = this.random.below(100);
    if (dice < 50) this.#deliver(this.random.below(Math.max(1, this.#wire.length)));
    else if (!node.isUp) return;
    else if (dice < 72) node.step({ kind: 'tick' });
    else if (dice < 88) node.sync(1 + this.random.below(3));
    else if (dice < 95) this.#propose(node);
    else this.#read(node);
  }

  #deliver(at: number): void {
    const [message] = this.#wire.splice(at, 1);
    if (message === undefined || this.#chance(this.#rates.loss)) return;
    if (this.#cuts.has(`${message.from}-${message.to}`)) return;
    const node = this.nodes.get(message.to);
    if (node?.isUp === true) node.step({ kind: 'message', message });
  }

  #propose(node: ModelNode): void {
    const isRetry = this.#sequence > 0 && this.random.below(5) === 0;
    const sequence = isRetry ? 1 + this.random.below(this.#sequence) : ++this.#sequence;
    const data = new TextEncoder().encode(`command ${sequence}`);
    const id = { session: 1, sequence };
    this.judge.noteProposal(sequence);
    node.step({ kind: 'propose', proposals: [{ id, data, version: 1 }] });
  }

  #read(node: ModelNode): void {
    const id = ++this.#readId;
    this.judge.noteRead(id);
    node.step({ kind: 'read', ids: [id] });
  }

  #disturb(): void {
    const node = this.#pick([...this.nodes.values()]);
    if (this.#chance(this.#rates.crash)) this.#crashOrRestart(node);
    if (this.#chance(this.#rates.cut)) this.#cutOrMend();
    if (!node.isUp) return;
    if (this.#chance(this.#rates.compact)) node.compact();
    if (this.#chance(this.#rates.change)) this.#changeMembers(node);
    if (this.#chance(this.#rates.change)) node.step({ kind: 'transfer', to: this.#pick([...this.nodes.keys()]) });
  }

  #crashOrRestart(node: ModelNode): void {
    if (!node.isUp) {
      node.restart();
      return;
    }
    node.crash(this.random.below(node.disk.pending + 1));
    if (this.#suspect !== null && this.#isSound(this.#suspect)) this.#suspect = null;
    if (this.#suspect !== null && this.#suspect !== node.self) return;
    const { entries } = node.disk;
    const free = entries.filter(({ index }) => index > node.snapshot.mark.index).length;
    if (this.#chance(this.#rates.lostTail)) {
      this.#suspect = node.self;
      // The state machine keeps what it applied, so the log keeps at least where its snapshot ends.
      node.disk.loseTail(this.random.below(Math.min(free, 5) + 1));
    } else if (this.#chance(this.#rates.damage) && free > 0) {
      this.#suspect = node.self;
      node.disk.damage(this.#pick(entries.slice(-free)).index, this.random.below(2) === 0);
    }
  }

  #isSound(member: MemberId): boolean {
    const node = this.nodes.get(member);
    return node?.isUp === true && !node.core.status.isSuspect && node.core.status.damaged.length === 0;
  }

  #cutOrMend(): void {
    const members = [...this.nodes.keys()];
    const kind = this.random.below(4);
    if (kind === 0) this.#cuts.clear();
    if (kind === 1) this.#cutApart([this.#leader()?.self ?? this.#pick(members)]);
    if (kind === 2) this.#cutApart(members.filter(() => this.random.below(2) === 0));
    if (kind === 3) this.#cuts.add(`${this.#pick(members)}-${this.#pick(members)}`);
  }

  #cutApart(group: readonly MemberId[]): void {
    this.#cuts.clear();
    for (const member of group) {
      for (const other of this.nodes.keys()) {
        if (group.includes(other)) continue;
        this.#cuts.add(`${member}-${other}`);
        this.#cuts.add(`${other}-${member}`);
      }
    }
  }

  #changeMembers(node: ModelNode): void {
    const kinds = ['add-learner', 'add-voter', 'promote', 'demote', 'remove'] as const;
    const known = membersOf(node.core.status.configuration);
    const changes: ConfigurationChange[] = [];
    for (let count = 1 + this.random.below(2); count > 0; count--) {
      changes.push({ kind: this.#pick(kinds), member: this.#pick([...this.nodes.keys()]) });
    }
    // Three voters stay, so that one lost tail is a minority.
    const removed = changes.filter(({ kind }) => kind === 'remove' || kind === 'demote').length;
    if (node.core.status.configuration.voters.length - removed < 3 && known.length > 0) return;
    node.step({ kind: 'change-configuration', changes });
  }

  /** Everything is mended; the cluster must come to rest, all with the same state. Answers the ticks that it took. */
  heal(ticksMax: number): number {
    this.#cuts.clear();
    const calm = { loss: 0, double: 0, crash: 0, cut: 0, lostTail: 0, damage: 0, change: 0, compact: 0 };
    Object.assign(this.#rates, calm);
    for (const node of this.nodes.values()) if (!node.isUp) node.restart();
    const proposed = ++this.#sequence;
    this.judge.noteProposal(proposed);
    for (let ticks = 0; ticks < ticksMax; ticks++) {
      for (const node of this.nodes.values()) {
        node.step({ kind: 'tick' });
        node.sync();
      }
      this.#deliverAll();
      const leader = this.#leader();
      if (leader === null) continue;
      if (this.#hasConverged(leader, proposed)) {
        for (const node of this.nodes.values()) judgeTexts(node, this.judge.proposed);
        return ticks;
      }
      const data = new TextEncoder().encode(`command ${proposed}`);
      leader.step({ kind: 'propose', proposals: [{ id: { session: 2, sequence: 1 }, data, version: 1 }] });
    }
    return ticksMax;
  }

  #deliverAll(): void {
    for (let rounds = 0; rounds < 2_000 && this.#wire.length > 0; rounds++) {
      this.#deliver(0);
      for (const node of this.nodes.values()) node.sync();
    }
  }

  #leader(): ModelNode | null {
    return [...this.nodes.values()].find(({ core }) => core.status.role === 'leader') ?? null;
  }

  #hasConverged(leader: ModelNode, proposed: number): boolean {
    const { configuration } = leader.core.status;
    if (isJoint(configuration) || !leader.machine.texts.includes(`command ${proposed}`)) return false;
    return membersOf(configuration).every((member) => {
      const node = this.nodes.get(member);
      return (
        node?.machine.applied === leader.machine.applied &&
        node.machine.digest === leader.machine.digest &&
        leader.core.status.last.index === leader.machine.applied &&
        !node.core.status.isSuspect
      );
    });
  }
}
