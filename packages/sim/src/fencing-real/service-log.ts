// The log of the real service as the judges read it: each entry once, where it is applied first, with the state behind it. And what holds
// between members: the answers so far are the same at an equal index, now and then the whole state is, and every sum adds up.
import { isOpError } from '@holdfast/base';
import { decodeAnswer, type Command as ServiceCommand, type MetadataMachine } from '@holdfast/metadata-service';
import { decodeCommand, query, stateProblems } from '@holdfast/metadata-service/internal';
import type { Entry } from '@holdfast/raft';
import { accept, type Answer, type Command } from '../fencing/metadata/command.ts';
import type { MetadataState } from '../fencing/metadata/state.ts';
import type { Observer } from '../fencing/ports.ts';
import type { World } from '../world/scenario.ts';
import type { Outcome } from './conversation.ts';
import { answerOf, commandOf, type Reading } from './from-service.ts';
import { callerOf } from './service-port.ts';
import { StateView } from './state-view.ts';

export interface ServiceLogParts extends Reading {
  readonly observer: Pick<Observer, 'applied' | 'became' | 'tookEffect'>;
  readonly world: Pick<World, 'report' | 'note'>;
}

/** The whole state is hashed, and its sums proved, when the index is a multiple of this. */
const hashEvery = 128;
const digestOf = query<{ readonly digest: number }>('SELECT digest FROM cluster');

export class ServiceLog {
  readonly #parts: ServiceLogParts;
  readonly #view: StateView;
  readonly #digests = new Map<number, number>();
  readonly #hashes = new Map<number, string>();
  /** By client and sequence: what a command was answered with when it came first. */
  readonly #answers = new Map<string, Uint8Array>();
  #index = 0;

  constructor(parts: ServiceLogParts) {
    this.#parts = parts;
    this.#view = new StateView(parts.layouts);
  }

  get state(): MetadataState {
    return this.#view.state;
  }

  /** How many of the entries from `index` on are applied together: one that nobody has applied yet comes alone. */
  together(index: number, count: number): number {
    if (index > this.#index) return 1;
    const toHash = (hashEvery - (index % hashEvery)) % hashEvery;
    return Math.min(count, this.#index - index + 1, toHash + 1);
  }

  /** What `together` said, applied by this member. */
  applied(
    member: string,
    machine: MetadataMachine,
    entries: readonly Entry[],
    answers: readonly (Uint8Array | null)[],
  ): void {
    const [entry] = entries;
    if (entry !== undefined && entry.index > this.#index) this.#read(machine, member, entry, answers[0] ?? null);
    this.compare(member, machine);
  }

  /** Two members at one index. */
  compare(member: string, machine: MetadataMachine): void {
    const { applied: index, database } = machine;
    const { digest } = database.get(digestOf) ?? { digest: 0 };
    const known = this.#digests.get(index) ?? digest;
    this.#digests.set(index, known);
    if (known !== digest) this.#parts.world.report('equal-state', `${member} has answered otherwise up to ${index}`);
    if (index % hashEvery === 0) this.#compareHash(member, machine);
  }

  #compareHash(member: string, machine: MetadataMachine): void {
    const index = machine.applied;
    const hash = machine.hash();
    const known = this.#hashes.get(index);
    if (known !== undefined && known !== hash) this.#parts.world.report('equal-state', `${member} differs at ${index}`);
    if (known === undefined) this.#prove(machine);
    this.#hashes.set(index, hash);
    if (index === this.#index) this.#proveView(machine);
  }

  /** What was read since by what each kind of command touches is what is there. */
  #proveView(machine: MetadataMachine): MetadataState {
    const seen = JSON.stringify(this.#view.state);
    const there = this.#view.readAnew(machine.database);
    if (JSON.stringify(there) !== seen)
      this.#parts.world.report('view', `up to ${machine.applied} a command touched what its kind does not`);
    return there;
  }

  #prove(machine: MetadataMachine): void {
    const [problem] = stateProblems(machine.database);
    if (problem !== undefined) this.#parts.world.report('accounting', `at ${machine.applied}: ${problem}`);
  }

  #read(machine: MetadataMachine, member: string, entry: Entry, answer: Uint8Array | null): void {
    this.#index = entry.index;
    if (entry.kind !== 'command' || answer === null) return;
    const command = decodeCommand(entry.data);
    const before = this.#view.state;
    const outcome = outcomeOf(command, answer);
    this.#parts.world.note(member, 'applied', entry.index, () => describe(command, outcome));
    if (isBehind(outcome)) return;
    if (this.#isRepeated(entry, command, answer)) {
      this.#judgeRepeated(machine, entry, before);
      return;
    }
    // What is refused has changed nothing, which the machine itself holds each refusal to.
    const after = outcome.refusal === null ? this.#view.read(machine.database, command.kind) : before;
    this.#tell(member, entry, { command, outcome, before, after });
  }

  #tell(
    member: string,
    { index, term, proposal }: Entry,
    {
      command,
      outcome,
      before,
      after,
    }: { command: ServiceCommand; outcome: Outcome; before: MetadataState; after: MetadataState },
  ): void {
    const { observer } = this.#parts;
    const said = commandOf(command, before, this.#parts);
    if (said === null) {
      observer.became(index, after);
      return;
    }
    const answer = ofWhom(said, answerOf(command, outcome, this.#parts), before);
    const applied = { index, term, command: said, answer };
    observer.applied(member, applied, index, after);
    if (proposal !== null)
      observer.tookEffect(applied, { caller: callerOf(proposal.session), number: proposal.sequence });
  }

  #isRepeated({ proposal }: Entry, { kind }: ServiceCommand, answer: Uint8Array): boolean {
    if (proposal === null || kind === 'openClient') return false;
    const id = `${proposal.session} ${proposal.sequence}`;
    const first = this.#answers.get(id);
    if (first === undefined) this.#answers.set(id, answer);
    else if (Buffer.compare(first, answer) !== 0)
      this.#parts.world.report('exactly-once', `${kind} ${id} is answered otherwise when it comes again`);
    return first !== undefined;
  }

  /** A command that comes again changes nothing. */
  #judgeRepeated(machine: MetadataMachine, { index }: Entry, before: MetadataState): void {
    const after = this.#view.readAnew(machine.database);
    if (JSON.stringify(before) !== JSON.stringify(after))
      this.#parts.world.report('exactly-once', `entry ${index} comes again, and takes effect again`);
    this.#parts.observer.became(index, after);
  }

  /** At the end: everything is read once more, from whoever has applied most. */
  conclude(machine: MetadataMachine): void {
    this.#prove(machine);
    const isSeen = machine.applied === this.#index;
    const state = isSeen ? this.#proveView(machine) : this.#view.readAnew(machine.database);
    this.#parts.observer.became(Math.max(this.#index, machine.applied) + 1, state);
  }
}

function outcomeOf(command: ServiceCommand, answer: Uint8Array): Outcome {
  try {
    return { result: decodeAnswer(command.kind, answer), refusal: null };
  } catch (error) {
    if (!isOpError(error)) throw error;
    return { result: null, refusal: error };
  }
}

/** Of a client that is gone, or has gone on without the command: nothing came of it, and no answer is kept. */
function isBehind({ refusal }: Outcome): boolean {
  return refusal?.code === 'CLIENT_SEQUENCE_REFUSED' || refusal?.code === 'CLIENT_UNKNOWN';
}

const secrets: ReadonlySet<string> = new Set(['secretHash', 'tornDown']);

function describe({ kind, ...fields }: ServiceCommand, { result, refusal }: Outcome): string {
  const plain = JSON.stringify(fields, (name, value: unknown) => (secrets.has(name) ? '…' : value));
  return `${kind} ${plain}: ${refusal === null ? JSON.stringify(result) : refusal.code}`;
}

/** A publish answers with an epoch; whose grant that is the state says. Who asks for a role is given none yet. */
function ofWhom(command: Command, answer: Answer, { nodes, volumes }: MetadataState): Answer {
  if (command.kind !== 'publish' || answer.refusal !== null) return answer;
  const isShared = volumes[command.volume]?.isShared !== false;
  return accept({ ...answer, session: isShared ? '' : (nodes[command.node]?.session ?? '') });
}
