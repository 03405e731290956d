// The scenario `raft`: a cluster of production hosts with a replicated key-value machine, clients that ask it, an operator who changes
// its members, and the judges of consensus, of exactly-once and of linearizability.
import type { SeededRandom } from '@holdfast/base/internal';
import {
  formatConfiguration,
  isJoint,
  membersOf,
  toMemberId,
  votersOnly,
  type ConfigurationChange,
  type MemberId,
} from '@holdfast/raft';
import { whyBeyondPromise } from '../faults/fault-atlas.ts';
import { drawSwarm } from '../faults/swarm.ts';
import { faultKinds } from '../faults/fault-kinds.ts';
import { nothingToEnd, textOf } from '../faults/fault-kind.ts';
import { RaftJudge } from '../judge/raft-judge.ts';
import { convergenceLimitMs, runMs, safetyMs } from '../world/phases.ts';
import type { Fault, Operation, Plan, Scenario, ScenarioRun, World } from '../world/scenario.ts';
import { Client, clientProgram } from './client.ts';
import { clusterFaults } from './cluster-faults.ts';
import { describeFrame } from './describe-frame.ts';
import { History } from './history.ts';
import { memberProgram, peerAddress, RunningMember } from './member-program.ts';
import { Operator } from './operator.ts';
import { clientName, drawRequests, requestOf } from './raft-requests.ts';
import { Stranger, strangerProgram } from './stranger.ts';
import { drawShape, hostSettingsOf, shapeOf, toPlain, type RaftShape } from './raft-shape.ts';

const strangerName = 's1';
const machineOf = (member: number): string => `m${member}`;
/** Faults leave the cluster this long to be founded. */
const foundingMs = 2000;
/** After a crash, as a supervisor that backs off waits. */
const restartDelayMs = { leastMs: 50, mostMs: 2000 };
/** Requests of the calm end are answered within the client's patience. */
const calmEndMs = 1500;

export const raftScenario: Scenario = {
  name: 'raft',
  draw(random: SeededRandom): Plan {
    const shape = drawShape(random.fork('shape'));
    const members = Array.from({ length: shape.founders }, (_, at) => machineOf(at + 1));
    const clients = Array.from({ length: shape.clients }, (_, at) => clientName(at + 1));
    const cast = { members, clients, fragile: shape.fragile.map(machineOf) };
    const kinds = { ...faultKinds, ...clusterFaults };
    const faults = drawSwarm(random.fork('faults'), { kinds, cast, startMs: foundingMs, endMs: safetyMs });
    const times = {
      disturbedMs: safetyMs,
      calmFromMs: safetyMs + convergenceLimitMs,
      calmToMs: runMs - calmEndMs,
    };
    return { shape: toPlain(shape), faults, operations: drawRequests(random.fork('requests'), shape, times) };
  },
  begin: async (world, plan) => Promise.resolve(new RaftRun(world, plan)),
  describeFrame,
};

class RaftRun implements ScenarioRun {
  readonly #world: World;
  readonly #shape: RaftShape;
  readonly #judge: RaftJudge;
  readonly #history: History;
  readonly #operator: Operator;
  readonly #fragile: ReadonlySet<number>;
  #members = 0;
  #probe: 'unsent' | 'sent' | 'answered' = 'unsent';
  #probes = 0;
  /** Who leads, and in which term, when the cluster came to rest. */
  #rest: {
    readonly leader: MemberId;
    readonly term: number;
    readonly settled: number;
    readonly calls: number;
  } | null = null;

  constructor(world: World, plan: Plan) {
    const shape = shapeOf(plan);
    this.#world = world;
    this.#shape = shape;
    this.#history = new History((client, number, text) => world.note(client, 'client', number, text));
    this.#fragile = new Set(shape.fragile);
    this.#judge = new RaftJudge({
      report: (rule, text) => world.report(rule, text),
      excuse: (text) => world.excuse(text),
      isDamaged: (member) => this.#fragile.has(member),
      isDeceived: (member) => world.machines.get(machineOf(member))?.disk.hasGoneAstray === true,
    });
    this.#operator = new Operator({
      world,
      machineOf,
      leader: () => this.#leader(),
      fragile: this.#fragile,
      addSpare: (kept) => (this.#members + kept < shape.founders + shape.spares ? this.#addMember(null) : null),
    });
    const founders = votersOnly(Array.from({ length: shape.founders }, (_, at) => toMemberId(at + 1)));
    for (let member = 1; member <= shape.founders; member++) this.#addMember(founders);
    for (let client = 1; client <= shape.clients; client++) this.#addClient(client);
    world.addMachine(strangerName, { program: strangerProgram(), restartDelayMs: null }).start();
  }

  #addMember(founders: ReturnType<typeof votersOnly> | null): MemberId {
    const member = toMemberId(++this.#members);
    const program = memberProgram({
      world: this.#world,
      judge: this.#judge,
      member,
      founders,
      addressOf: (other) => (other <= this.#members ? peerAddress(machineOf(other)) : null),
      settings: hostSettingsOf(this.#shape, member),
      logLimits: this.#shape.log,
    });
    const driftPpm = this.#shape.driftPpm[member - 1] ?? 0;
    this.#world.addMachine(machineOf(member), { program, restartDelayMs, driftPpm }).start();
    return member;
  }

  #addClient(number: number): void {
    const program = clientProgram({
      number,
      servers: () => Array.from({ length: this.#members }, (_, at) => machineOf(at + 1)),
      machineOf,
      history: this.#history,
      proposals: this.#judge.proposals,
      areRefusalsFinal: this.#shape.raft.forwardProposals === false,
    });
    this.#world.addMachine(clientName(number), { program, restartDelayMs: null }).start();
  }

  #running(machine: string): RunningMember | null {
    const running = this.#world.machines.get(machine)?.running;
    return running instanceof RunningMember ? running : null;
  }

  /** Of several that believe it, the one of the latest term. */
  #leader(): RunningMember | null {
    let best: RunningMember | null = null;
    let bestTerm = 0;
    for (let number = 1; number <= this.#members; number++) {
      const running = this.#running(machineOf(number));
      if (running === null) continue;
      const { role, term } = running.replica.status;
      if (role !== 'leader' || term <= bestTerm) continue;
      best = running;
      bestTerm = term;
    }
    return best;
  }

  resolveRole(role: string): string | null {
    const leader = role === 'leader' ? this.#leader() : null;
    return leader === null ? null : machineOf(leader.replica.status.self);
  }

  request(operation: Operation): void {
    const client = this.#world.machines.get(operation.client)?.running;
    if (client instanceof Client) client.request(requestOf(operation));
  }

  inflict(fault: Fault): (() => void) | null {
    if (!(fault.kind in clusterFaults)) return null;
    const machine = fault.target === 'leader' ? this.resolveRole('leader') : fault.target;
    const member = machine === null || machine === '' ? null : toMemberId(Number(machine.slice(1)));
    switch (fault.kind) {
      case 'add-member':
        return this.#add([]);
      case 'swap-member':
        return member === null ? nothingToEnd : this.#add([{ kind: 'remove', member }]);
      case 'remove-member':
        return member === null ? nothingToEnd : this.#operator.change([{ kind: 'remove', member }]);
      case 'demote-member':
        return member === null ? nothingToEnd : this.#demoteAndPromote(member, fault.durationMs);
      case 'transfer':
        return member === null ? nothingToEnd : this.#operator.transfer(member);
      case 'stranger':
        return this.#visit(machine, member, textOf(fault, 'visit'));
      default:
        return this.#loseDisk(fault.target);
    }
  }

  /** With somebody to remove, both in one change of voters; alone as a learner first. */
  #add(others: readonly ConfigurationChange[]): () => void {
    const spare = this.#operator.spare();
    if (spare === null) return nothingToEnd;
    if (others.length > 0) return this.#operator.change([{ kind: 'add-voter', member: spare }, ...others]);
    const endAdding = this.#operator.change([{ kind: 'add-learner', member: spare }]);
    const endPromoting = this.#later(1500, () => this.#operator.change([{ kind: 'promote', member: spare }]));
    return () => {
      endAdding();
      endPromoting();
    };
  }

  #demoteAndPromote(member: MemberId, durationMs: number): () => void {
    const endDemoting = this.#operator.change([{ kind: 'demote', member }]);
    const endPromoting = this.#later(durationMs / 2, () => this.#operator.change([{ kind: 'promote', member }]));
    return () => {
      endDemoting();
      endPromoting();
    };
  }

  #later(delayMs: number, begin: () => () => void): () => void {
    let end = nothingToEnd;
    const timer = this.#world.time.after(delayMs, () => (end = begin()));
    return () => {
      timer.cancel();
      end();
    };
  }

  #visit(machine: string | null, member: MemberId | null, name: string): () => void {
    const stranger = this.#world.machines.get(strangerName)?.running;
    if (stranger instanceof Stranger && machine !== null && member !== null) stranger.visit(machine, member, name);
    return nothingToEnd;
  }

  #loseDisk(name: string): () => void {
    const machine = this.#world.machines.get(name);
    if (machine === undefined || machine.state === 'off') return nothingToEnd;
    machine.kill();
    machine.wipe();
    return nothingToEnd;
  }

  hasConverged(): boolean {
    this.#operator.replaceLost();
    if (this.#problem() !== null) return false;
    const leader = this.#leader();
    if (leader === null) return false;
    const { self, term } = leader.replica.status;
    this.#rest ??= { leader: self, term, settled: this.#history.settled, calls: this.#history.calls };
    return true;
  }

  beyondPromise(): string | null {
    const members = Array.from({ length: this.#members }, (_, at) => this.#running(machineOf(at + 1)));
    const running = members.flatMap((member) => (member === null ? [] : [member.replica.status]));
    return whyBeyondPromise({ running, lost: this.#operator.lost, written: this.#judge.written });
  }

  whyNotConverged(): string {
    return this.#problem() ?? 'nothing holds it up';
  }

  /** What keeps the cluster from being at rest; null when it is. */
  #problem(): string | null {
    const leader = this.#leader();
    if (leader === null) return 'nobody leads';
    if (this.#operator.isBusy) return 'a lost member is not replaced';
    const { configuration, last, commit } = leader.replica.status;
    if (isJoint(configuration)) return `the members are still ${formatConfiguration(configuration)}`;
    if (this.#probe === 'unsent') this.#sendProbe();
    if (this.#probe !== 'answered') return 'a proposal has no answer';
    if (commit !== last.index) return `entry ${last.index} is not committed, ${commit} is`;
    for (const member of membersOf(configuration)) {
      const problem = this.#problemOf(member, leader);
      if (problem !== null) return problem;
    }
    return null;
  }

  #problemOf(member: MemberId, leader: RunningMember): string | null {
    const running = this.#running(machineOf(member));
    if (running === null) return `member ${member} does not run`;
    const { machine, replica } = running;
    if (machine.applied !== leader.machine.applied) {
      return `member ${member} has applied ${machine.applied} of ${leader.machine.applied}`;
    }
    if (machine.digest !== leader.machine.digest) return `member ${member} has another state than its leader`;
    return replica.status.isSuspect ? `member ${member} does not trust its log yet` : null;
  }

  #sendProbe(): void {
    const client = this.#world.machines.get(clientName(1))?.running;
    if (!(client instanceof Client)) return;
    this.#probe = 'sent';
    const action = { kind: 'put', value: `alive ${++this.#probes}` } as const;
    const request = { key: 'probe', action, padding: 0, givesUp: false };
    void client.perform(request).then((isAnswered) => (this.#probe = isAnswered ? 'answered' : 'unsent'));
  }

  conclude(): void {
    this.#judgeCalm();
    this.#history.judge((rule, text) => this.#world.report(rule, text));
  }

  /** Nothing went wrong any more: whoever led goes on leading, and everything that was asked was answered. */
  #judgeCalm(): void {
    const rest = this.#rest;
    if (rest === null) return;
    const leader = this.#leader()?.replica.status ?? null;
    if (leader?.self !== rest.leader || leader.term !== rest.term) {
      const after = leader === null ? 'nobody' : `${leader.self} in term ${leader.term}`;
      this.#world.report(
        'calm',
        `member ${rest.leader} led term ${rest.term} when all was well, and then ${after} does`,
      );
    }
    const unanswered = this.#history.calls - rest.calls - (this.#history.settled - rest.settled);
    if (unanswered > 0) this.#world.report('calm', `${unanswered} requests of a healthy cluster have no answer`);
  }
}
