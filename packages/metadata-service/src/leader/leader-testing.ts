// A cluster of three members on virtual time with the metadata as what they replicate and a session leader at each, and agents that
// renew: for this folder's tests.
import { invariant, isOpError, type OpError } from '@holdfast/base';
import { SeededRandom } from '@holdfast/base/internal';
import { group, smallSettings, World, type Machine } from '../host/host-testing.ts';
import type { Command, CommandKind, CommandOf, ResultOf } from '../state/commands.ts';
import { MetadataMachine } from '../state/machine.ts';
import { query } from '../state/query.ts';
import { files, nodeCommand, poolCommand, volumeCommand } from '../state/state-testing.ts';
import type { LeaderSettings } from './leader-settings.ts';
import { SessionLeader } from './session-leader.ts';
import type { Standing } from './standing.ts';

export const ttlMs = 8_000;
export const drainMs = 5_000;
const renewMs = 2_000;
const moveLimitMs = 60_000;
const neverSnapshotBytes = 1024 * 1024 * 1024;

export class Realm {
  readonly world: World;
  readonly #settings: Partial<LeaderSettings>;
  readonly #states = new Map<Machine, MetadataMachine>();
  readonly #watchers = new Map<Machine, (index: number) => void>();
  readonly #leaders = new Map<Machine, SessionLeader>();
  /** Sessions that were told that something waits for them. */
  readonly due: string[] = [];
  /** Hears of each. */
  onDue: (session: string) => void = () => undefined;
  /** What leaders proposed by themselves. */
  readonly proposed: Command[] = [];
  /** Called before each of these. */
  onProposing: (command: Command) => void = () => undefined;

  private constructor(settings: Partial<LeaderSettings>, seed: number) {
    this.#settings = settings;
    this.world = new World({
      seed,
      settings: { ...smallSettings, snapshotLogBytes: neverSnapshotBytes },
      stateMachineOf: (machine) => {
        const state = MetadataMachine.open({ path: null, files });
        this.#states.set(machine, state);
        return state;
      },
    });
  }

  static async begin(settings: Partial<LeaderSettings> = {}, seed = 1): Promise<Realm> {
    const realm = new Realm(settings, seed);
    const { world } = realm;
    for (const id of [1, 2, 3]) await world.done(world.add(id).initialise([1, 2, 3]));
    for (const machine of world.machines) {
      machine.observer = { onStep: () => undefined, onApplied: (_, index) => realm.#watchers.get(machine)?.(index) };
    }
    for (const machine of world.machines) await realm.start(machine);
    await realm.counting();
    return realm;
  }

  async start(machine: Machine): Promise<void> {
    await this.world.done(this.restart(machine));
  }

  /** From within what happens in virtual time. */
  async restart(machine: Machine): Promise<void> {
    await machine.start();
    const { clock, timers } = machine.node;
    const leader = new SessionLeader({
      ...{ clock, timers, machine: this.stateOf(machine), replica: machine.up.replica(group) },
      random: new SeededRandom(`leader ${machine.member}`),
      settings: this.#settings,
      onDue: (session) => {
        this.due.push(session);
        this.onDue(session);
      },
      observer: {
        onProposing: (command) => {
          this.proposed.push(command);
          this.onProposing(command);
        },
        onAnswered: () => undefined,
      },
    });
    this.#leaders.set(machine, leader);
  }

  /** Tells what the member has applied. */
  watch(machine: Machine, onApplied: (index: number) => void): void {
    this.#watchers.set(machine, onApplied);
  }

  crash(machine: Machine): void {
    this.at(machine).stop();
    machine.crash('power');
  }

  at(machine: Machine): SessionLeader {
    const leader = this.#leaders.get(machine);
    invariant(leader !== undefined, 'the member was started');
    return leader;
  }
  stateOf(machine: Machine): MetadataMachine {
    const state = this.#states.get(machine);
    invariant(state !== undefined, 'the member was started');
    return state;
  }

  get machine(): Machine {
    const { leader } = this.world;
    invariant(leader !== null, 'somebody leads');
    return leader;
  }
  get leader(): SessionLeader {
    return this.at(this.machine);
  }
  get applied(): number {
    return this.stateOf(this.machine).applied;
  }
  get nowMs(): number {
    return this.world.time.nowMs;
  }

  /** Somebody leads and has seen a commit of its term. */
  async counting(): Promise<void> {
    await this.world.until(() => this.world.leader !== null && this.leader.status.isCounting);
  }

  rows<Row>(sql: string, ...values: readonly string[]): Row[] {
    return this.stateOf(this.machine).database.all(query<Row>(sql), ...values);
  }

  async do<Kind extends CommandKind>(command: CommandOf<Kind> & Command): Promise<ResultOf<Kind>> {
    return this.world.done(this.leader.carryOut<Kind>(command));
  }

  /** The code that it was refused with; null if it took effect. */
  async try<Kind extends CommandKind>(command: CommandOf<Kind> & Command): Promise<string | null> {
    try {
      await this.do<Kind>(command);
      return null;
    } catch (error) {
      if (!isOpError(error)) throw error;
      return error.code;
    }
  }

  async pool(properties: Partial<CommandOf<'createPool'>> = {}): Promise<void> {
    await this.do<'createPool'>(poolCommand('pool', properties));
    await this.do<'addDevice'>({ kind: 'addDevice', pool: 'pool', device: 'disk', extents: 100_000 });
  }

  async volume(volume: string, properties: Partial<CommandOf<'createVolume'>> = {}): Promise<void> {
    await this.do<'createVolume'>(volumeCommand(volume, properties));
  }

  /** A node whose agent renews from here on. */
  async node(name: string, properties: Partial<CommandOf<'registerNode'>> = {}): Promise<TestAgent> {
    const command = nodeCommand(name, { ttlMs, drainBoundMs: drainMs, ...properties });
    return new TestAgent(this, name, await this.do<'registerNode'>(command));
  }

  publish(volume: string, node: string, mode: 'write' | 'read' | 'role' = 'write'): CommandOf<'publish'> {
    return { kind: 'publish', volume, node, mode };
  }

  /** Detaches the volume there and attaches it here, again and again, as an operator does; answers after how many ms it is done. */
  async move(volume: string, from: string, to: string): Promise<number> {
    const sinceMs = this.nowMs;
    while (this.nowMs - sinceMs < moveLimitMs) {
      const detached = await this.do<'unpublish'>({ kind: 'unpublish', volume, node: from });
      if (detached.isDone && (await this.try<'publish'>(this.publish(volume, to))) === null)
        return this.nowMs - sinceMs;
      await this.world.time.runFor(500);
    }
    throw new Error(`${volume} was not moved to ${to} within ${moveLimitMs} ms`);
  }

  session(id: string): { readonly ended: string | null } | null {
    return this.rows<{ readonly ended: string | null }>('SELECT ended FROM sessions WHERE id = ?', id)[0] ?? null;
  }
  certificates(): string[] {
    const rows = this.rows<{ session: string; kind: string }>('SELECT * FROM certificates ORDER BY revision, number');
    return rows.map(({ session, kind }) => `${session} ${kind}`);
  }
}

export class TestAgent {
  readonly #realm: Realm;
  readonly node: string;
  readonly session: string;
  readonly key: string;
  agent: number;
  isSilent = false;
  /** The last answer, or why there was none. */
  standing: Standing | null = null;
  refusal: OpError | null = null;

  constructor(realm: Realm, node: string, registration: ResultOf<'registerNode'>) {
    this.#realm = realm;
    this.node = node;
    this.session = registration.session;
    this.key = registration.key;
    this.agent = registration.agent;
    this.#renewLater();
  }

  get by(): { readonly session: string; readonly agent: number } {
    return { session: this.session, agent: this.agent };
  }

  async renew(): Promise<void> {
    try {
      this.standing = await this.#realm.leader.renew(this.by);
      this.refusal = null;
    } catch (error) {
      if (!isOpError(error)) throw error;
      this.refusal = error;
    }
  }

  #renewLater(): void {
    this.#realm.world.time.at(this.#realm.nowMs + renewMs, () => {
      if (!this.isSilent && this.#realm.world.leader !== null) void this.renew();
      this.#renewLater();
    });
  }
}
