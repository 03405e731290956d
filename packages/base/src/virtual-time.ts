// True time of a simulated world: a queue of events that run one after another, in an order that the seed alone decides.
// Between two events every promise chain runs to its end, so production code awaits as it always does. Relies on Node
// running a tick's callback only after the microtasks that were queued before it; code that waits for real input or
// output (sockets, worker threads, process.nextTick chains) does not belong on virtual time.
//
// Events of one lane keep their order at one instant; events of different lanes are shuffled there by the seed, because
// two machines promise each other no order.
import { EventHeap, type HeapEvent } from './event-heap.ts';
import type { Timer } from './clock.ts';
import { invariant } from './invariant.ts';
import { SeededRandom } from './seeded-random.ts';
import { VirtualNode, type VirtualNodeOptions } from './virtual-node.ts';

export interface VirtualTimeOptions {
  readonly seed: number | string;
  /** The wall clock of a node without offset when the world begins. */
  readonly startWallMs?: number;
  /** Events in one run before it counts as a livelock. */
  readonly stepsLimit?: number;
  /** Events at one instant before it counts as a livelock. */
  readonly instantStepsLimit?: number;
}

/** A run that would not end; the world is at fault, not the machine. */
export class LivelockError extends Error {
  override readonly name = 'LivelockError';
}

export class VirtualTime {
  readonly random: SeededRandom;
  readonly startWallMs: number;
  readonly #heap = new EventHeap();
  readonly #stepsLimit: number;
  readonly #instantStepsLimit: number;
  readonly #tieSeed: number;
  readonly #nodes = new Map<string, VirtualNode>();
  #nowMs = 0;
  #sequence = 0;
  #instantSteps = 0;
  #lanes = 0;

  constructor(options: VirtualTimeOptions) {
    this.random = new SeededRandom(options.seed);
    this.startWallMs = options.startWallMs ?? Date.UTC(2026, 0, 1);
    this.#stepsLimit = options.stepsLimit ?? 10_000_000;
    this.#instantStepsLimit = options.instantStepsLimit ?? 100_000;
    this.#tieSeed = this.random.fork('ties').below(2 ** 32);
  }

  /** True time since the world began, which no node can read. */
  get nowMs(): number {
    return this.#nowMs;
  }
  get pendingEvents(): number {
    return this.#heap.size;
  }
  /** When the next event happens; null if none is left. */
  get nextMs(): number | null {
    return this.#heap.first()?.atMs ?? null;
  }

  /** The machine of this name, made at its first mention; the options count then. */
  node(name: string, options: VirtualNodeOptions = {}): VirtualNode {
    const known = this.#nodes.get(name);
    if (known !== undefined) return known;
    const node = new VirtualNode(this, name, options);
    this.#nodes.set(name, node);
    return node;
  }

  /** A number for events that must keep their order at one instant. */
  newLane(): number {
    return ++this.#lanes;
  }

  /** Runs `callback` at a true time, at the earliest in the next step. */
  at(atMs: number, callback: () => void, lane = 0): Timer {
    invariant(atMs >= 0 && atMs < Infinity, () => `an event at ${atMs} ms`);
    // Whole microseconds keep traces readable and sums of delays exact.
    const roundedMs = Math.max(Math.ceil(atMs * 1000 - 1e-6) / 1000, this.#nowMs);
    const tie =
      lane === 0 ? 0 : mix(this.#tieSeed ^ Math.imul(lane, 0x9e3779b1) ^ Math.imul(roundedMs * 1000, 0x85ebca6b));
    const event: HeapEvent = { atMs: roundedMs, tie, sequence: this.#sequence++, run: callback, slot: -1 };
    this.#heap.add(event);
    return { cancel: () => this.#heap.remove(event) };
  }

  after(delayMs: number, callback: () => void, lane = 0): Timer {
    invariant(delayMs >= 0, () => `a delay of ${delayMs} ms`);
    return this.at(this.#nowMs + delayMs, callback, lane);
  }

  /** Runs the next event, if there is one. What its promises do happens when the caller awaits `settle`. */
  step(): boolean {
    const event = this.#heap.first();
    if (event === null) return false;
    this.#heap.remove(event);
    this.#instantSteps = event.atMs === this.#nowMs ? this.#instantSteps + 1 : 0;
    if (this.#instantSteps > this.#instantStepsLimit) {
      throw new LivelockError(`${this.#instantSteps} events at ${this.#nowMs} ms of virtual time and no end`);
    }
    this.#nowMs = event.atMs;
    event.run();
    return true;
  }

  /** Waits until every promise chain that can go on without an event has done so. */
  async settle(): Promise<void> {
    await new Promise((resolve) => {
      process.nextTick(resolve);
    });
  }

  /** Runs until no event is left. */
  async runUntilIdle(): Promise<void> {
    await this.#run(Infinity, () => false);
  }

  /** Runs what happens within `durationMs`; time has then moved by exactly that. */
  async runFor(durationMs: number): Promise<void> {
    const endMs = this.#nowMs + durationMs;
    await this.#run(endMs, () => false);
    this.#moveTo(endMs);
  }

  /** Runs until `condition` holds; false if it does not within `limitMs`. */
  async runUntil(condition: () => boolean, limitMs: number): Promise<boolean> {
    const endMs = this.#nowMs + limitMs;
    if (await this.#run(endMs, condition)) return true;
    this.#moveTo(endMs);
    return false;
  }

  /** Runs until `promise` is settled and answers as it does; it must settle within `limitMs` of virtual time. */
  async complete<Value>(promise: Promise<Value>, limitMs: number): Promise<Value> {
    let settled = false;
    const mark = (): void => {
      settled = true;
    };
    promise.then(mark, mark);
    if (await this.runUntil(() => settled, limitMs)) return promise;
    throw new LivelockError(`a promise did not settle within ${limitMs} ms of virtual time`);
  }

  async #run(endMs: number, condition: () => boolean): Promise<boolean> {
    await this.settle();
    for (let steps = 0; ; steps++) {
      if (condition()) return true;
      const next = this.#heap.first();
      if (next === null || next.atMs > endMs) return false;
      if (steps >= this.#stepsLimit) {
        throw new LivelockError(`${steps} events in one run, at ${this.#nowMs} ms of virtual time, and no end`);
      }
      this.step();
      await this.settle();
    }
  }

  #moveTo(endMs: number): void {
    if (endMs === this.#nowMs) return;
    this.#nowMs = endMs;
    this.#instantSteps = 0;
  }
}

function mix(word: number): number {
  let mixed = word;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}
