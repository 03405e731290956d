// The person who runs the simulated cluster: changes members, hands over leadership, and replaces a member whose disk is lost by a new
// one. Asks whoever leads, again and again, as an operator's tool does; never leaves what the promises hold for (fault-atlas.ts).
import { isOpError, type Timer } from '@holdfast/base';
import { membersOf, type Configuration, type ConfigurationChange, type MemberId } from '@holdfast/raft';
import { failedStartsMax, isChangeWithinPromise } from '../faults/fault-atlas.ts';
import type { World } from '../world/scenario.ts';
import { type RunningMember } from './member-program.ts';

export interface OperatorOptions {
  readonly world: World;
  readonly machineOf: (member: MemberId) => string;
  readonly leader: () => RunningMember | null;
  readonly fragile: ReadonlySet<number>;
  /** A machine for a member that is not there yet; null when no more than `kept` are left. */
  readonly addSpare: (kept: number) => MemberId | null;
}

/** Between two tries of the same thing. */
const retryMs = 300;

export class Operator {
  readonly #options: OperatorOptions;
  readonly #given = new Set<MemberId>();
  readonly #replacements = new Map<MemberId, MemberId | null>();

  constructor(options: OperatorOptions) {
    this.#options = options;
  }

  /** Asks for a change until it is made, or until the function that comes back is called. */
  change(changes: readonly ConfigurationChange[]): () => void {
    return this.#repeat((member) => {
      const { configuration } = member.replica.status;
      if (isMade(configuration, changes)) return null;
      if (!isChangeWithinPromise(configuration, changes, this.#options.fragile)) return null;
      return async () => member.replica.changeConfiguration(changes);
    });
  }

  transfer(to: MemberId): () => void {
    let isAsked = false;
    return this.#repeat((member) => {
      if (isAsked) return null;
      isAsked = true;
      return async () => member.replica.transfer(to);
    });
  }

  /** A member that is to be added and was never one: its machine runs from now on. Some are kept for disks that may be lost. */
  spare(): MemberId | null {
    return this.#options.addSpare(this.#options.fragile.size);
  }

  /** Removes what will never start again, and adds a new member in its place. Called again and again. */
  replaceLost(): void {
    const { world, machineOf, fragile } = this.#options;
    for (const number of fragile) {
      const member = number as MemberId;
      const machine = world.machines.get(machineOf(member));
      if (machine === undefined || machine.startFailures < failedStartsMax || this.#given.has(member)) continue;
      this.#given.add(member);
      machine.retire();
      this.#replacements.set(member, null);
    }
    for (const [member, substitute] of this.#replacements) this.#replace(member, substitute);
  }

  /** Members whose disk is gone for good. */
  get lost(): ReadonlySet<MemberId> {
    return this.#given;
  }

  /** Whether somebody is still to be removed or added. */
  get isBusy(): boolean {
    return this.#replacements.size > 0;
  }

  #replace(member: MemberId, substitute: MemberId | null): void {
    const leader = this.#options.leader();
    if (leader === null) return;
    const { configuration } = leader.replica.status;
    const { voters, outgoing, learners } = configuration;
    const isVoter = voters.includes(member) || outgoing.includes(member);
    if (!isVoter && !learners.includes(member)) {
      this.#replacements.delete(member);
      return;
    }
    if (substitute === null) {
      const found = this.#options.addSpare(0);
      if (found !== null) this.#replacements.set(member, found);
      return;
    }
    const isKnown = membersOf(configuration).includes(substitute);
    // The new one first: a cluster of three must not count on two while one of them learns.
    const step: ConfigurationChange[] = !isKnown
      ? [{ kind: 'add-learner', member: substitute }]
      : [
          { kind: 'remove', member },
          ...(learners.includes(substitute) && isVoter ? [{ kind: 'promote' as const, member: substitute }] : []),
        ];
    this.#ask(async () => leader.replica.changeConfiguration(step));
  }

  #repeat(next: (leader: RunningMember) => (() => Promise<void>) | null): () => void {
    let timer: Timer | null = null;
    let isOver = false;
    const attempt = (): void => {
      const leader = this.#options.leader();
      const work = leader === null ? null : next(leader);
      if (leader !== null && work === null) return;
      if (work !== null) this.#ask(work);
      if (!isOver) timer = this.#options.world.time.after(retryMs, attempt);
    };
    attempt();
    return () => {
      isOver = true;
      timer?.cancel();
    };
  }

  /** What it comes to shows in the configuration. */
  #ask(work: () => Promise<void>): void {
    const { world } = this.#options;
    work().catch((error: unknown) => {
      if (!isOpError(error)) throw error;
      world.note('operator', 'client', error.code.length, () => `is told: ${error.message}`);
    });
  }
}

function isMade(configuration: Configuration, changes: readonly ConfigurationChange[]): boolean {
  const { voters, learners } = configuration;
  return changes.every(({ kind, member }) => {
    if (kind === 'remove') return !membersOf(configuration).includes(member);
    if (kind === 'add-learner' || kind === 'demote') return learners.includes(member) || voters.includes(member);
    return voters.includes(member);
  });
}
