// The cluster that golden scripts drive: model nodes, a network that holds each message until it is told to deliver, and disks
// that sync at once unless they are told to wait. What happens is written down in lines. Test code.
import { toLogIndex, type Random } from '@holdfast/base';
import { formatConfiguration, isJoint, votersOnly, type ConfigurationChange } from './configuration.ts';
import type { Effects } from './effects.ts';
import type { RaftEvent } from './event.ts';
import { formatEntry, formatMessage, formatPosition } from './format.ts';
import { toMemberId, type MemberId } from './ids.ts';
import type { Message } from './message.ts';
import { ModelNode } from './model-node.ts';
import { emptyReplica } from './recovered.ts';
import { settingsDefault, type Settings } from './settings.ts';

const messagesMax = 10_000;
type Command = (...words: string[]) => void;

export class ScriptCluster {
  readonly #random: Random;
  readonly #nodes = new Map<MemberId, ModelNode>();
  readonly #cuts = new Set<string>();
  readonly #held = new Set<MemberId>();
  #wire: Message[] = [];
  #settings: Settings = { ...settingsDefault, electionTicks: 10, heartbeatTicks: 2, snapshotRetryTicks: 4 };
  #lines: string[] = [];
  #isQuiet = false;
  #sequence = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Runs one command line and answers what happened. */
  run(line: string): string[] {
    this.#lines = [];
    const words = line.split(' ');
    this.#isQuiet = words[0] === 'quietly';
    const [name = '', ...rest] = this.#isQuiet ? words.slice(1) : words;
    const command = this.#commands[name];
    if (command === undefined) throw new Error(`no such command: ${line}`);
    command(...rest);
    return this.#lines;
  }

  readonly #commands: Readonly<Record<string, Command>> = {
    settings: (...pairs) => {
      for (const pair of pairs) {
        const [name = '', value] = pair.split('=');
        this.#settings = { ...this.#settings, [name]: Number(value) };
      }
    },
    cluster: (...members) => {
      const founders = members.map((each) => toMemberId(Number(each)));
      for (const self of founders) this.#add(self, founders);
    },
    newcomer: (self) => this.#add(toMemberId(Number(self)), []),
    campaign: (self) => this.#step(self, { kind: 'campaign' }),
    tick: (self, times = '1') => {
      for (let tick = 0; tick < Number(times); tick++) this.#step(self, { kind: 'tick' });
    },
    deliver: (...to) => this.#deliver(to),
    lose: (...to) => {
      this.#wire = this.#wire.filter((message) => to.length > 0 && !to.includes(String(message.to)));
    },
    double: () => {
      this.#wire = [...this.#wire, ...this.#wire];
    },
    isolate: (self) => {
      for (const other of this.#nodes.keys())
        for (const pair of [`${self}-${other}`, `${other}-${self}`]) this.#cuts.add(pair);
    },
    cut: (from, to) => this.#cuts.add(`${from}-${to}`),
    mend: () => this.#cuts.clear(),
    hold: (self) => this.#held.add(toMemberId(Number(self))),
    sync: (self) => {
      this.#held.delete(toMemberId(Number(self)));
      this.#node(self).sync();
    },
    propose: (self, ...texts) => this.#propose(self, texts),
    again: (self, text = '') => {
      this.#sequence--;
      this.#propose(self, [text]);
    },
    read: (self, id) => this.#step(self, { kind: 'read', ids: [Number(id)] }),
    change: (self, ...words) => this.#change(self, words),
    raise: (self, version) => this.#step(self, { kind: 'raise-version', version: Number(version) }),
    transfer: (self, to) => this.#step(self, { kind: 'transfer', to: toMemberId(Number(to)) }),
    pause: (self) => this.#step(self, { kind: 'paused' }),
    compact: (self) => this.#node(self).compact(),
    crash: (self, kept = '0') => this.#node(self).crash(Number(kept)),
    'lose-tail': (self, count) => this.#node(self).disk.loseTail(Number(count)),
    'doubt-tail': (self) => this.#node(self).disk.doubtTail(),
    damage: (self, index) => this.#node(self).disk.damage(toLogIndex(Number(index)), true),
    restart: (self) => this.#node(self).restart(),
    log: () => {
      for (const { self, disk } of this.#nodes.values()) {
        this.#say(`${self}: ${disk.entries.map(formatEntry).join(' | ')}`);
      }
    },
    status: () => {
      for (const { self, core, isUp } of this.#nodes.values()) {
        const { role, term, last, commit, isSuspect } = core.status;
        const what = isUp ? `${role} term ${term} last ${formatPosition(last)} commit ${commit}` : 'down';
        this.#say(`${self}: ${what}${isSuspect ? ' suspect' : ''}`);
      }
    },
    progress: (self) => {
      for (const { member, state, match, next } of this.#node(self).core.status.followers) {
        this.#say(`${member}: ${state} match ${match} next ${next}`);
      }
    },
    state: (self) => this.#say(`${self}: ${this.#node(self).machine.texts.join(' ')}`),
  };

  #say(line: string): void {
    this.#lines.push(line.trimEnd());
  }

  #add(self: MemberId, founders: readonly MemberId[]): void {
    const node = new ModelNode({
      self,
      settings: this.#settings,
      random: this.#random,
      recovered: emptyReplica(votersOnly(founders)),
      snapshotPartBytes: 80,
      onStep: (each, _event, effects) => this.#observe(each, effects),
    });
    this.#nodes.set(self, node);
  }

  #node(self = ''): ModelNode {
    const node = this.#nodes.get(toMemberId(Number(self)));
    if (node === undefined) throw new Error(`no member ${self}`);
    return node;
  }

  #step(self: string | undefined, event: RaftEvent): void {
    this.#node(self).step(event);
    this.#syncAll();
  }

  #syncAll(): void {
    for (const node of this.#nodes.values()) {
      while (node.isUp && node.disk.pending > 0 && !this.#held.has(node.self)) node.sync();
    }
  }

  #propose(self: string | undefined, texts: readonly string[]): void {
    const proposals = texts.map((text) => ({
      id: { session: 1, sequence: ++this.#sequence },
      data: new TextEncoder().encode(text),
      version: 1,
    }));
    this.#step(self, { kind: 'propose', proposals });
  }

  #change(self: string | undefined, words: readonly string[]): void {
    const changes: ConfigurationChange[] = [];
    for (let at = 0; at < words.length; at += 2) {
      const kind = words[at] as ConfigurationChange['kind'];
      changes.push({ kind, member: toMemberId(Number(words[at + 1])) });
    }
    this.#step(self, { kind: 'change-configuration', changes });
  }

  /** Everything that is on its way, and what it leads to, in the order in which it was sent; to some members only, if named. */
  #deliver(to: readonly string[]): void {
    let later: Message[] = [];
    for (let count = 0; this.#wire.length > 0; count++) {
      if (count > messagesMax) throw new Error('the messages do not come to an end');
      const message = this.#wire.shift();
      if (message === undefined) break;
      if (to.length > 0 && !to.includes(String(message.to))) later = [...later, message];
      else this.#hand(message);
    }
    this.#wire = later;
  }

  #hand(message: Message): void {
    const node = this.#node(String(message.to));
    if (!node.isUp || this.#cuts.has(`${message.from}-${message.to}`)) return;
    node.step({ kind: 'message', message });
    this.#syncAll();
  }

  #observe({ self }: ModelNode, effects: Effects): void {
    const { role, configuration, refused } = effects;
    if (role !== null) {
      const who = role.role === 'follower' && role.leader !== null ? ` of ${role.leader}` : '';
      this.#say(`${self} is ${role.role}${who} in term ${role.term}`);
    }
    if (configuration !== null) {
      this.#say(`${self} counts ${formatConfiguration(configuration)}${isJoint(configuration) ? ', joint' : ''}`);
    }
    if (refused !== null) this.#say(`${self} refuses: ${refused.message} [${refused.code}]`);
    for (const { id, error } of effects.refusedProposals)
      this.#say(`${self} refuses command ${id.sequence} [${error.code}]`);
    for (const { id, error } of effects.refusedReads) this.#say(`${self} refuses read ${id} [${error.code}]`);
    for (const { id, index } of effects.reads) this.#say(`${self} answers read ${id} at ${index}`);
    for (const entry of effects.committed) this.#say(`${self} applies ${formatEntry(entry)}`);
    for (const { kind } of effects.snapshots) if (kind === 'snapshot-install') this.#say(`${self} installs a snapshot`);
    this.#wire.push(...effects.messages);
    if (!this.#isQuiet) for (const message of effects.messages) this.#say(`  ${formatMessage(message)}`);
  }
}
