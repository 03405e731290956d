// One machine of a simulated world: its three clocks with their own rate and origin, the timers of the process that runs
// on it, and what may happen to both. Boottime and monotonic time begin at different numbers on every node, so that code
// which compares two nodes' clocks, or two clocks of one node, fails in the first test.
//
// A `stopped` process (SIGSTOP, a long garbage collection, a starved machine) runs nothing while all clocks go on; a
// `suspended` machine also stops its monotonic clock, and its timers with it, while boottime and wall time go on.
import type { Clock, Timer, Timers } from './clock.ts';
import { invariant } from './invariant.ts';
import type { SeededRandom } from './seeded-random.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface VirtualNodeOptions {
  /** Parts per million that this node's clocks run fast (or slow, below zero). */
  readonly driftPpm?: number;
  readonly wallOffsetMs?: number;
  /** The clocks' readings when the node is made; from the seed without. */
  readonly boottimeMs?: number;
  readonly monotonicMs?: number;
}

interface NodeTimer {
  readonly dueMonotonicMs: number;
  readonly callback: () => void;
  event: Timer | null;
}

/** A day: the range of the seeded readings that clocks begin with. */
const originRangeMs = 86_400_000;

export class VirtualNode {
  readonly name: string;
  readonly random: SeededRandom;
  readonly clock: Clock;
  readonly #time: VirtualTime;
  readonly #lane: number;
  #timers: ProcessTimers;
  #paused: 'stopped' | 'suspended' | null = null;
  /** Deliveries that arrived during the pause. */
  #parked: (() => void)[] = [];
  #rate: number;
  #wallOffsetMs: number;
  #anchorTrueMs: number;
  #anchorBoottimeMs: number;
  #anchorMonotonicMs: number;

  constructor(time: VirtualTime, name: string, options: VirtualNodeOptions) {
    this.#time = time;
    this.name = name;
    this.random = time.random.fork(`node ${name}`);
    this.#lane = time.newLane();
    const origins = this.random.fork('clock origins');
    this.#rate = rateOf(options.driftPpm ?? 0);
    this.#anchorTrueMs = time.nowMs;
    this.#anchorBoottimeMs = options.boottimeMs ?? origins.below(originRangeMs);
    this.#anchorMonotonicMs = options.monotonicMs ?? origins.below(originRangeMs);
    this.#wallOffsetMs = time.startWallMs + time.nowMs + (options.wallOffsetMs ?? 0) - this.#anchorBoottimeMs;
    this.clock = {
      wallMs: () => Math.floor(this.#boottimeMs() + this.#wallOffsetMs),
      monotonicMs: () => this.#monotonicMs(),
      boottimeMs: () => this.#boottimeMs(),
    };
    this.#timers = new ProcessTimers(this);
  }

  /** The timers of the process that runs here; a crash leaves the holders of these without effect. */
  get timers(): Timers {
    return this.#timers;
  }
  get isPaused(): boolean {
    return this.#paused !== null;
  }

  /** Something that reaches this node from outside after `delayMs` of true time; a paused node takes it when it resumes. */
  post(delayMs: number, callback: () => void, lane = this.#lane): Timer {
    let cancelled = false;
    const run = (): void => {
      if (cancelled) return;
      if (this.#paused === null) callback();
      else this.#parked.push(run);
    };
    const event = this.#time.after(delayMs, run, lane);
    return {
      cancel: () => {
        cancelled = true;
        event.cancel();
      },
    };
  }

  pause(kind: 'stopped' | 'suspended'): void {
    invariant(this.#paused === null, `node ${this.name} is paused already`);
    this.#anchor();
    this.#paused = kind;
    this.#timers.disarm();
  }

  resume(): void {
    invariant(this.#paused !== null, `node ${this.name} is not paused`);
    this.#anchor();
    this.#paused = null;
    this.#timers.arm();
    const parked = this.#parked;
    this.#parked = [];
    for (const run of parked) this.#time.after(0, run, this.#lane);
  }

  setDriftPpm(ppm: number): void {
    this.#anchor();
    this.#rate = rateOf(ppm);
    if (this.#paused !== null) return;
    this.#timers.disarm();
    this.#timers.arm();
  }

  /** Somebody sets the wall clock; the other clocks and the timers do not notice. */
  jumpWallMs(deltaMs: number): void {
    this.#wallOffsetMs += deltaMs;
  }

  /** The process dies: its timers and deliveries that it had not taken never run. `timers` serves the next one. */
  crash(): void {
    this.#timers.kill();
    this.#parked = [];
    if (this.#paused !== null) {
      this.#anchor();
      this.#paused = null;
    }
    this.#timers = new ProcessTimers(this);
  }

  /** The machine dies and comes up: boottime and monotonic time begin at zero, the wall clock goes on. */
  reboot(): void {
    this.crash();
    const wallMs = this.#boottimeMs() + this.#wallOffsetMs;
    this.#anchorTrueMs = this.#time.nowMs;
    this.#anchorBoottimeMs = 0;
    this.#anchorMonotonicMs = 0;
    this.#wallOffsetMs = wallMs;
  }

  /** Schedules a timer's event for the true time at which this node's monotonic clock shows what it is due at. */
  schedule(dueMonotonicMs: number, callback: () => void): Timer | null {
    if (this.#paused !== null) return null;
    const waitMs = Math.max(0, (dueMonotonicMs - this.#monotonicMs()) / this.#rate);
    const fire = (): void => {
      // The division above may round the wrong way; a timer never fires early.
      if (this.#monotonicMs() < dueMonotonicMs) event = this.#time.after(0.001, fire, this.#lane);
      else callback();
    };
    let event = this.#time.after(waitMs, fire, this.#lane);
    return { cancel: () => event.cancel() };
  }

  #elapsedMs(): number {
    return (this.#time.nowMs - this.#anchorTrueMs) * this.#rate;
  }
  #boottimeMs(): number {
    return this.#anchorBoottimeMs + this.#elapsedMs();
  }
  #monotonicMs(): number {
    return this.#anchorMonotonicMs + (this.#paused === 'suspended' ? 0 : this.#elapsedMs());
  }

  /** Readings go on from here under whatever rate or pause is set next. */
  #anchor(): void {
    const monotonicMs = this.#monotonicMs();
    this.#anchorBoottimeMs = this.#boottimeMs();
    this.#anchorMonotonicMs = monotonicMs;
    this.#anchorTrueMs = this.#time.nowMs;
  }
}

class ProcessTimers implements Timers {
  readonly #node: VirtualNode;
  readonly #pending = new Set<NodeTimer>();
  #dead = false;

  constructor(node: VirtualNode) {
    this.#node = node;
  }

  after(delayMs: number, callback: () => void): Timer {
    invariant(delayMs >= 0 && delayMs < Infinity, () => `a delay of ${delayMs} ms`);
    const timer: NodeTimer = { dueMonotonicMs: this.#node.clock.monotonicMs() + delayMs, callback, event: null };
    if (!this.#dead) {
      this.#pending.add(timer);
      this.#schedule(timer);
    }
    return {
      cancel: () => {
        this.#pending.delete(timer);
        timer.event?.cancel();
      },
    };
  }

  disarm(): void {
    for (const timer of this.#pending) timer.event?.cancel();
  }

  /** Equal due times keep the order in which the timers were set: a Set iterates so, and the sort is stable. */
  arm(): void {
    const byDue = [...this.#pending].sort((left, right) => left.dueMonotonicMs - right.dueMonotonicMs);
    for (const timer of byDue) this.#schedule(timer);
  }

  kill(): void {
    this.disarm();
    this.#pending.clear();
    this.#dead = true;
  }

  #schedule(timer: NodeTimer): void {
    timer.event = this.#node.schedule(timer.dueMonotonicMs, () => {
      this.#pending.delete(timer);
      timer.callback();
    });
  }
}

function rateOf(ppm: number): number {
  invariant(Math.abs(ppm) < 1_000_000, `a drift of ${ppm} ppm`);
  return 1 + ppm / 1_000_000;
}
