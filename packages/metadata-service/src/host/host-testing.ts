// A small cluster of hosts on virtual time, network and disks, for this package's tests: the state machine keeps the texts of the
// commands in their order and answers with the length that the list then has.
import { invariant, isOpError, OpError, type LogIndex } from '@holdfast/base';
import {
  SeededRandom,
  VirtualDisk,
  VirtualNetwork,
  VirtualTime,
  type CrashKind,
  type VirtualNode,
} from '@holdfast/base/internal';
import {
  membersOf,
  ProposalLedger,
  settingsDefault,
  toGroupId,
  toMemberId,
  votersOnly,
  type Entry,
  type LedgerSession,
  type MemberId,
} from '@holdfast/raft';
import type { LogLimits } from '@holdfast/raft-log';
import { InlineExecutor, LogDisk } from '@holdfast/raft-log/internal';
import type { Log, LogFields, LogLevel } from '@holdfast/telemetry';
import type { HostObserver, HostOptions, HostSettings } from './host-options.ts';
import { initialise } from './initialise.ts';
import { ReplicaHost } from './replica-host.ts';
import type { SnapshotSource, StateMachine } from './state-machine.ts';

/** What hosts logged, of all worlds. */
export const hostLog: {
  readonly member: MemberId;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}[] = [];

function logOf(id: MemberId): Log {
  const write = (level: LogLevel, message: string, fields: LogFields = {}): void => {
    hostLog.push({ member: id, level, message, fields });
  };
  const log: Log = {
    debug: (message, fields) => write('debug', message, fields),
    info: (message, fields) => write('info', message, fields),
    warn: (message, fields) => write('warn', message, fields),
    error: (message, fields) => write('error', message, fields),
    write,
    isEnabled: () => true,
    child: () => log,
  };
  return log;
}

export const testCluster = 'test';
export const group = toGroupId(1);
export const directory = '/member';
export const member = toMemberId;

interface Contents {
  readonly applied: number;
  readonly texts: readonly string[];
  readonly sessions: readonly LedgerSession[];
  readonly answers: readonly (readonly [string, number])[];
}

const aheadMax = 10_000;

export class TextMachine implements StateMachine {
  applied = 0 as LogIndex;
  texts: string[] = [];
  /** Whether there is room for what is to be applied. */
  hasRoom = true;
  /** Times that there was none. */
  refusals = 0;
  #ledger = new ProposalLedger(aheadMax);
  /** What the first try of each command was told. */
  #answers = new Map<string, number>();

  apply(entries: readonly Entry[]): (Uint8Array | null)[] {
    this.keep();
    return entries.map((entry) => {
      invariant(entry.index === this.applied + 1, `entry ${entry.index} behind ${this.applied}`);
      this.applied = entry.index;
      if (entry.proposal === null) return null;
      const key = `${entry.proposal.session}/${entry.proposal.sequence}`;
      if (this.#ledger.judge(entry.proposal) === 'first') {
        this.texts.push(new TextDecoder().decode(entry.data));
        this.#answers.set(key, this.texts.length);
      }
      return new TextEncoder().encode(String(this.#answers.get(key)));
    });
  }

  keep(): void {
    if (this.hasRoom) return;
    this.refusals++;
    throw new OpError('STATE_DISK_FULL', {});
  }

  snapshot(): SnapshotSource {
    const { applied, texts } = this;
    const answers = [...this.#answers];
    const contents: Contents = { applied, texts, answers, sessions: this.#ledger.contents() };
    return sourceOf(new TextEncoder().encode(JSON.stringify(contents)));
  }

  async install(source: SnapshotSource): Promise<void> {
    this.keep();
    const contents = JSON.parse(new TextDecoder().decode(readAll(source))) as Contents;
    this.applied = contents.applied as LogIndex;
    this.texts = [...contents.texts];
    this.#answers = new Map(contents.answers);
    this.#ledger = new ProposalLedger(aheadMax, contents.sessions);
  }
}

export function sourceOf(bytes: Uint8Array): SnapshotSource {
  let rest = bytes;
  return {
    read(limitBytes) {
      const part = rest.subarray(0, limitBytes);
      rest = rest.subarray(part.length);
      return part.length === 0 ? null : part;
    },
    close: () => undefined,
  };
}

export function readAll(source: SnapshotSource): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let part = source.read(7); part !== null; part = source.read(7)) parts.push(Uint8Array.from(part));
  return Buffer.concat(parts);
}

/** Small chunks, so that a test turns over several. */
export const smallLog: Partial<LogLimits> = {
  blockBytes: 512,
  chunkBytes: 64 * 1024,
  batchBytes: 16 * 1024,
  cacheBytes: 16 * 1024,
  prepareBytes: 64 * 1024,
};

export const smallSettings: Partial<HostSettings> = {
  raft: { ...settingsDefault, appendBytesMax: 4096, proposalBytesMax: 4096, snapshotChunkBytes: 512 },
  snapshotLogBytes: 2048,
  snapshotPartBytes: 256,
};

export interface WorldOptions {
  readonly seed?: number | string;
  readonly founders?: number;
  readonly settings?: Partial<HostSettings>;
  /** What replicates instead of texts. */
  readonly stateMachineOf?: (machine: Machine) => StateMachine;
}

/** A machine with a disk, on which a member runs or does not. */
export class Machine {
  readonly member: MemberId;
  readonly node: VirtualNode;
  disk: VirtualDisk;
  observer: HostObserver | null = null;
  /** In place of those of its world. */
  settings: Partial<HostSettings> = {};
  readonly #world: World;
  state = new TextMachine();
  host: ReplicaHost | null = null;
  /** How the last life ended by itself; null while it goes on or if it was stopped. */
  failure: OpError | null = null;
  #starts = 0;

  constructor(world: World, id: number) {
    this.#world = world;
    this.member = member(id);
    this.node = world.time.node(`member${id}`);
    this.disk = this.#newDisk();
  }

  #newDisk(): VirtualDisk {
    const disk = new VirtualDisk({ seed: `${this.#world.seed} disk ${this.member}` });
    disk.files.mkdir(directory);
    disk.files.fsyncDirectory('/');
    return disk;
  }

  /** The old one is lost, and this one is empty. */
  replaceDisk(): void {
    this.disk = this.#newDisk();
  }

  get up(): ReplicaHost {
    invariant(this.host !== null, `member ${this.member} is down`);
    return this.host;
  }

  options(): HostOptions {
    const { disk, node } = this;
    const deliver = (tell: () => void): void => {
      const delayMs = disk.takeDelayMs();
      if (delayMs < Infinity) node.timers.after(delayMs, tell);
      else disk.whenResumed(() => void node.timers.after(0, tell));
    };
    const stateMachine = this.#world.options.stateMachineOf?.(this) ?? this.state;
    return {
      directory,
      cluster: testCluster,
      self: this.member,
      address: addressOf(this.member),
      addressOf: (peer) => (this.#world.known.has(peer) ? addressOf(peer) : null),
      groups: [{ group, stateMachine }],
      settings: { ...smallSettings, ...this.#world.options.settings, ...this.settings },
      clock: node.clock,
      timers: node.timers,
      random: new SeededRandom(`${this.#world.seed} start ${this.#starts} of ${this.member}`),
      transport: this.#world.network.transport(node),
      files: disk.files,
      observer: this.observer,
      log: logOf(this.member),
      executor: new InlineExecutor(new LogDisk(disk.files, node.clock), deliver),
      logLimits: smallLog,
    };
  }

  async initialise(founders: readonly number[] | null): Promise<void> {
    const configuration = founders === null ? null : votersOnly(founders.map(member));
    await initialise({ ...this.options(), groups: [{ group, founders: configuration }] });
  }

  async start(): Promise<void> {
    this.#starts++;
    this.state = new TextMachine();
    this.failure = null;
    const host = await ReplicaHost.open(this.options());
    this.host = host;
    void host.ended.then((error) => {
      this.failure = error;
      if (this.host === host) this.host = null;
    });
  }

  crash(kind: CrashKind): void {
    this.host = null;
    this.disk.halt();
    this.node.crash();
    this.#world.network.crash(this.node.name, kind);
    this.disk.restart(kind);
    if (kind === 'power') this.#world.network.up(this.node.name);
  }
}

export class World {
  readonly options: WorldOptions;
  readonly seed: number | string;
  readonly time: VirtualTime;
  readonly network: VirtualNetwork;
  readonly machines: Machine[] = [];
  /** Members that are in everybody's address book. */
  readonly known = new Set<MemberId>();
  #sequence = 0;

  constructor(options: WorldOptions = {}) {
    this.options = options;
    this.seed = options.seed ?? 1;
    this.time = new VirtualTime({ seed: this.seed });
    this.network = new VirtualNetwork({ time: this.time });
  }

  /** Founders 1 to n, started. */
  static async begin(options: WorldOptions = {}): Promise<World> {
    const world = new World(options);
    const founders = Array.from({ length: options.founders ?? 3 }, (_, at) => at + 1);
    for (const id of founders) await world.done(world.add(id).initialise(founders));
    for (const machine of world.machines) await world.done(machine.start());
    return world;
  }

  add(id: number): Machine {
    const machine = new Machine(this, id);
    this.known.add(machine.member);
    this.machines.push(machine);
    return machine;
  }

  machine(id: number): Machine {
    const machine = this.machines.find((each) => each.member === id);
    invariant(machine !== undefined, `there is no machine ${id}`);
    return machine;
  }

  async done<Value>(promise: Promise<Value>, limitMs = 60_000): Promise<Value> {
    return this.time.complete(promise, limitMs);
  }

  async until(condition: () => boolean, limitMs = 60_000): Promise<void> {
    const holds = await this.time.runUntil(condition, limitMs);
    invariant(holds, `it came to pass within ${limitMs} ms: ${condition.toString()}`);
  }

  /** Who leads in the highest term. */
  get leader(): Machine | null {
    const leaders = this.machines.filter(({ host }) => host?.replica(group).status.role === 'leader');
    leaders.sort((first, second) => second.up.replica(group).status.term - first.up.replica(group).status.term);
    return leaders[0] ?? null;
  }

  async electedLeader(): Promise<Machine> {
    await this.until(() => this.leader !== null);
    invariant(this.leader !== null, 'a leader was elected');
    return this.leader;
  }

  /** Proposes until it succeeds, wherever a leader is; answers what the state machine said. */
  async propose(text: string): Promise<number> {
    const id = { session: 1, sequence: ++this.#sequence };
    const data = new TextEncoder().encode(text);
    for (let attempts = 0; attempts < 100; attempts++) {
      const machine = await this.electedLeader();
      try {
        const answer = await this.done(machine.up.replica(group).propose(id, data));
        return Number(new TextDecoder().decode(answer));
      } catch (error) {
        if (!isOpError(error) || !error.retriable) throw error;
        await this.time.runFor(100);
      }
    }
    throw new Error(`nobody took ${text}`);
  }

  /** Until everybody who runs and is a member has applied what the leader has. */
  async converge(): Promise<void> {
    await this.until(() => {
      const { leader } = this;
      if (leader === null) return false;
      const members = membersOf(leader.up.replica(group).status.configuration);
      return this.machines
        .filter((machine) => machine.host !== null && members.includes(machine.member))
        .every(({ state }) => state.applied === leader.state.applied && leader.state.applied > 0);
    });
  }
}

export function addressOf(id: MemberId): string {
  return `member${id}:7000`;
}
