// The world of one seed: true time, a network, machines, and the first promise that was broken in it. Everything that it does is
// decided by forks of the seed with names of their own, so that what one part draws never shifts what another does.
import { crc32 } from 'node:zlib';
import { invariant } from '@holdfast/base';
import { SeededRandom, VirtualCrash, VirtualNetwork, VirtualTime, type LinkBehaviour } from '@holdfast/base/internal';
import type { NetworkObserver, SeenFrame } from '@holdfast/base/internal';
import { Digest } from './digest.ts';
import { NetworkConditions } from './network-conditions.ts';
import type { Finding, Machine, MachineOptions, Scenario, Trace, World } from './scenario.ts';
import { VirtualMachine } from './virtual-machine.ts';

export interface WorldOptions {
  readonly seed: string;
  readonly link: Partial<LinkBehaviour>;
  readonly trace: Trace | null;
  readonly describeFrame: NonNullable<Scenario['describeFrame']>;
}

/** Times at which an event may be one of a livelock are far beyond what a busy minute has. */
const instantStepsLimit = 50_000;

export class VirtualWorld implements World {
  readonly time: VirtualTime;
  readonly network: VirtualNetwork;
  readonly conditions: NetworkConditions;
  readonly random: SeededRandom;
  readonly trace: Trace | null;
  readonly #describeFrame: NonNullable<Scenario['describeFrame']>;
  readonly #machines = new Map<string, VirtualMachine>();
  readonly #digest = new Digest();
  #finding: Finding | null = null;
  #excuse: string | null = null;
  #isExcused = false;
  #steps = 0;

  constructor(options: WorldOptions) {
    this.random = new SeededRandom(options.seed);
    this.trace = options.trace;
    this.#describeFrame = options.describeFrame;
    this.time = new VirtualTime({ seed: `${options.seed}/time`, instantStepsLimit });
    const observer: NetworkObserver = { onFrame: (moment, frame) => this.#noteFrame(moment, frame) };
    this.network = new VirtualNetwork({ time: this.time, link: options.link, observer });
    this.conditions = new NetworkConditions(this.network, options.link);
  }

  get finding(): Finding | null {
    return this.#finding;
  }
  /** Why what was broken is no finding; null if nothing was. */
  get excused(): string | null {
    return this.#isExcused ? this.#excuse : null;
  }
  get isOver(): boolean {
    return this.#finding !== null || this.#isExcused;
  }
  get machines(): ReadonlyMap<string, VirtualMachine> {
    return this.#machines;
  }
  get steps(): number {
    return this.#steps;
  }
  get digest(): string {
    return this.#digest.text;
  }

  machine(name: string): VirtualMachine {
    const machine = this.#machines.get(name);
    invariant(machine !== undefined, `there is no machine ${name}`);
    return machine;
  }

  addMachine(name: string, options: MachineOptions): Machine {
    invariant(!this.#machines.has(name), `there is a machine ${name} already`);
    const machine = new VirtualMachine(this, name, options);
    this.#machines.set(name, machine);
    this.conditions.addNode(name);
    return machine;
  }

  report(rule: string, text: string): void {
    if (this.isOver) return;
    if (this.#excuse === null) this.#finding = { rule, text, atMs: this.time.nowMs };
    else this.#isExcused = true;
    this.note('', 'finding', 0, () => `${rule}: ${text}${this.#excuse === null ? '' : ` (${this.#excuse})`}`);
  }

  excuse(text: string): void {
    this.#excuse ??= text;
  }

  note(node: string, kind: string, mark: number, text: () => string): void {
    this.#mark(mark);
    this.trace?.note({ atMs: this.time.nowMs, node, kind, text: text() });
  }

  /** Lets events happen until `isDone`, at most up to the true time `endMs`, or until a promise is broken. */
  async runUntil(endMs: number, isDone: () => boolean = () => false): Promise<void> {
    const { time } = this;
    await time.settle();
    while (!this.isOver && !isDone()) {
      const nextMs = time.nextMs;
      if (nextMs === null || nextMs > endMs) {
        await time.runFor(Math.max(0, endMs - time.nowMs));
        return;
      }
      this.#steps++;
      try {
        time.step();
      } catch (error) {
        this.#caught(error);
      }
      await time.settle();
    }
  }

  /** Something was thrown that nobody caught: by an event's callback, or as a rejection that nobody waited for. */
  #caught(error: unknown): void {
    // The code that made a call while its process died has nobody above it any more.
    if (error instanceof VirtualCrash) return;
    this.report('uncaught', error instanceof Error ? (error.stack ?? error.message) : String(error));
  }

  /** Rejections that nobody handles belong to this world until the function that comes back is called. */
  watchRejections(): () => void {
    const onRejection = (error: unknown): void => this.#caught(error);
    process.on('unhandledRejection', onRejection);
    return () => process.off('unhandledRejection', onRejection);
  }

  #mark(mark: number): void {
    this.#digest.add(Math.round(this.time.nowMs * 1000));
    this.#digest.add(mark);
  }

  #noteFrame(moment: 'sent' | 'lost' | 'delivered', { id, from, to, bytes }: SeenFrame): void {
    this.#mark(moment === 'delivered' ? id : id ^ crc32(bytes));
    if (this.trace === null) return;
    const node = moment === 'delivered' ? to : from;
    const text = this.#describeFrame(bytes, { from, to });
    this.trace.note({ atMs: this.time.nowMs, node, kind: moment, text, message: { id, from, to } });
  }
}
