// The members of a metadata service on the production raft host: machines of a fencing world with disks, and everything may go wrong with
// them that the raft scenario knows. What they replicate, and who serves beside it, is given.
import { isOpError, OpError } from '@holdfast/base';
import {
  initialise,
  ReplicaHost,
  type HostObserver,
  type HostSettings,
  type Replica,
  type StateMachine,
} from '@holdfast/metadata-service';
import { settingsDefault, toGroupId, toMemberId, votersOnly, type MemberId, type Settings } from '@holdfast/raft';
import type { LogLimits } from '@holdfast/raft-log';
import { failedStartsMax, whyBeyondPromise } from '../faults/fault-atlas.ts';
import { LossJudge } from '../judge/loss-judge.ts';
import { ReplicaWatch } from '../judge/replica-watch.ts';
import { WrittenSlots } from '../judge/written-slots.ts';
import { cluster } from '../workload/member-program.ts';
import type { Process, Running, World } from '../world/scenario.ts';

/** What a process has in its memory, from its start to its death. */
export interface Life<State> {
  readonly state: State;
  readonly stateMachine: StateMachine;
  /** Takes calls from here on. */
  readonly serve: (replica: Replica) => Server;
}

interface Server {
  stop(): void;
}

export interface MembersOptions<State> {
  readonly world: World;
  readonly count: number;
  readonly settings: Partial<Omit<HostSettings, 'raft'>> & { readonly raft: Partial<Settings> };
  readonly begin: (process: Process, member: MemberId) => Life<State>;
}

const group = toGroupId(1);
const directory = '/member';
const restartDelayMs = { leastMs: 50, mostMs: 2_000 };
const kib = 1024;
const raft = { ...settingsDefault, proposalBytesMax: 64 * kib, appendBytesMax: 64 * kib };
/** Rot that nobody reads is the scenario `raft`'s to find; here it would take a tenth of the time. */
const scrubBytesPerSecond = 256 * kib;
const logLimits: Partial<LogLimits> = { blockBytes: 512, chunkBytes: 512 * kib, cacheBytes: 128 * kib };

class Member<State> implements Running {
  readonly replica: Replica;
  readonly state: State;
  readonly #host: ReplicaHost;
  readonly #server: Server;

  constructor(host: ReplicaHost, { state, serve }: Life<State>) {
    this.#host = host;
    this.state = state;
    this.replica = host.replica(group);
    this.#server = serve(this.replica);
  }

  endServing(): void {
    this.#server.stop();
  }

  async stop(): Promise<void> {
    this.#server.stop();
    await this.#host.stop();
  }
}

export class MetadataMembers<State> {
  readonly names: readonly string[];
  readonly #options: MembersOptions<State>;
  /** By name, as they were when they last began to serve. */
  readonly #members = new Map<string, Member<State>>();
  readonly #written = new WrittenSlots();
  readonly #watches = new Map<MemberId, ReplicaWatch>();
  readonly #losses: LossJudge;

  constructor(options: MembersOptions<State>) {
    this.#options = options;
    const { world } = options;
    this.#losses = new LossJudge({
      report: (rule, text) => world.report(rule, text),
      excuse: (text) => world.excuse(text),
      // Who may lose anything at all is for the scenario `raft` to judge.
      isDamaged: () => true,
      isDeceived: (member) => world.machines.get(nameOf(member))?.disk.hasGoneAstray === true,
    });
    this.names = Array.from({ length: options.count }, (_, at) => nameOf(toMemberId(at + 1)));
    for (const [at, name] of this.names.entries()) {
      const isInitialised = { is: false };
      const program = (process: Process): Promise<Running> => this.#run(process, toMemberId(at + 1), isInitialised);
      options.world.addMachine(name, { program, restartDelayMs }).start();
    }
  }

  async #run(process: Process, self: MemberId, isInitialised: { is: boolean }): Promise<Running> {
    const { clock, timers, random, files, transport, name } = process;
    const { settings, begin } = this.#options;
    const parts = { clock, timers, random, files, logLimits, directory, cluster, self };
    if (!isInitialised.is) await this.#initialise({ ...parts, executor: process.newExecutor() });
    isInitialised.is = true;
    const life = begin(process, self);
    const host = await ReplicaHost.open({
      ...parts,
      ...{ transport, scrubBytesPerSecond, settings: { ...settings, raft: { ...raft, ...settings.raft } } },
      executor: process.newExecutor(),
      address: addressOf(name),
      addressOf: (other) => addressOf(nameOf(other)),
      groups: [{ group, stateMachine: life.stateMachine }],
      observer: this.#observe(process, self),
    });
    const member = new Member(host, life);
    this.#members.set(name, member);
    void host.ended.then((error) => {
      if (process.isAlive) member.endServing();
      process.fail(error ?? new OpError('RAFT_HOST_STOPPED', { member: self }));
    });
    return member;
  }

  async #initialise(parts: Omit<Parameters<typeof initialise>[0], 'groups'>): Promise<void> {
    const founders = votersOnly(this.names.map((_, at) => toMemberId(at + 1)));
    try {
      await initialise({ ...parts, groups: [{ group, founders }] });
    } catch (error) {
      // An earlier life died between writing that it is done and hearing of it.
      if (!isOpError(error) || error.code !== 'RAFT_MEMBER_EXISTS') throw error;
    }
  }

  /** The dead may still be on their way out of a call; nothing of that reaches a disk. */
  #observe(process: Process, member: MemberId): HostObserver {
    const written = this.#written;
    const watches = this.#watches;
    return {
      onRecovered: (_group, recovered) => {
        if (!process.isAlive) return;
        written.onRecovered(member, recovered);
        const watch = new ReplicaWatch(member, recovered);
        const loss = watches.get(member)?.whatIsMissingIn(watch) ?? null;
        watches.set(member, watch);
        if (loss !== null) this.#losses.judge(member, loss, recovered);
      },
      onStored: (_group, ticket) => {
        if (!process.isAlive) return;
        written.onStored(member, ticket);
        watches.get(member)?.acknowledge(ticket);
      },
      onStep: (_group, _event, effects) => {
        if (!process.isAlive) return;
        written.onStep(member, effects);
        if (effects.write !== null) watches.get(member)?.endWrite(effects.write);
      },
    };
  }

  /** Null while it does not serve. */
  #serving(name: string): Member<State> | null {
    const member = this.#members.get(name) ?? null;
    return this.#options.world.machines.get(name)?.running === member ? member : null;
  }

  /** Of several that believe it, the one of the latest term. */
  leader(): { readonly name: string; readonly state: State } | null {
    const leaders = this.names.flatMap((name) => {
      const member = this.#serving(name);
      if (member === null) return [];
      const { role, term } = member.replica.status;
      return role === 'leader' ? [{ name, state: member.state, term }] : [];
    });
    return leaders.sort((one, other) => other.term - one.term)[0] ?? null;
  }

  /** Nobody replaces a member here whose disk decayed. */
  beyondPromise(): string | null {
    const { machines } = this.#options.world;
    const isLost = (name: string): boolean => (machines.get(name)?.startFailures ?? 0) >= failedStartsMax;
    const lost = new Set(this.names.flatMap((name, at) => (isLost(name) ? [toMemberId(at + 1)] : [])));
    const serving = this.names.map((name) => this.#serving(name)).filter((each) => each !== null);
    return whyBeyondPromise({ running: serving.map(({ replica }) => replica.status), lost, written: this.#written });
  }
}

function nameOf(member: MemberId): string {
  return `m${member}`;
}

function addressOf(machine: string): string {
  return `${machine}:1`;
}
