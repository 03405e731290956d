// A machine of the world: clocks, a disk, a place in the network, and one process at a time, which can die at any of its calls.
// A supervisor starts the process again, as systemd or a kubelet would.
//
// The order of a death matters. Its owner hears of it before the call that it died in throws, so that what the dying code still
// does on its way out (a `finally` that writes, a message that it sends) finds its disk, its connections and its timers gone.
import { invariant, isOpError, type Clock, type Files, type Random, type Timer, type Timers } from '@holdfast/base';
import type { Transport } from '@holdfast/base';
import {
  noDiskFaults,
  VirtualCrash,
  VirtualDisk,
  type CrashKind,
  type CrashMoment,
  type DiskFaultRates,
  type SeededRandom,
  type VirtualNetwork,
  type VirtualNode,
  type VirtualTime,
} from '@holdfast/base/internal';
import type { Executor } from '@holdfast/raft-log';
import { InlineExecutor, LogDisk } from '@holdfast/raft-log/internal';
import type { Machine, MachineOptions, MachineState, Process, Running } from './scenario.ts';

/** What a machine needs of its world. */
export interface Surroundings {
  readonly time: VirtualTime;
  readonly network: VirtualNetwork;
  readonly random: SeededRandom;
  report(rule: string, text: string): void;
  note(node: string, kind: string, mark: number, text: () => string): void;
}

/** How long a call to a healthy disk takes: a fixed part, and a mean of what luck adds. */
const callMs = { fixed: 0.02, mean: 0 };
const syncMs = { fixed: 0.3, mean: 0.7 };

export class VirtualMachine implements Machine {
  readonly name: string;
  readonly node: VirtualNode;
  readonly #world: Surroundings;
  readonly #options: MachineOptions;
  readonly #random: SeededRandom;
  readonly #luck: SeededRandom;
  #disk: VirtualDisk;
  #process: LiveProcess | null = null;
  #running: Running | null = null;
  #incarnation = 0;
  #boot = 1;
  #wipes = 0;
  #hasPower = true;
  #isRetired = false;
  /** What the disk has to be restarted with before the next process; null if none has died on it. */
  #death: CrashKind | null = null;
  #deathAtCall: CrashKind = 'process';
  #pending: Timer | null = null;
  readonly #slownesses = new Set<{ readonly factor: number }>();
  readonly #worsenings = new Set<Partial<DiskFaultRates>>();
  #startFailures = 0;

  constructor(world: Surroundings, name: string, options: MachineOptions) {
    this.name = name;
    this.#world = world;
    this.#options = options;
    this.#random = world.random.fork(`machine ${name}`);
    this.#luck = this.#random.fork('disk latency');
    this.node = world.time.node(name, { driftPpm: options.driftPpm ?? 0 });
    this.#disk = this.#newDisk();
  }

  get disk(): VirtualDisk {
    return this.#disk;
  }
  get running(): Running | null {
    return this.#running;
  }
  get state(): MachineState {
    if (!this.#hasPower) return 'off';
    if (this.#process === null) return 'down';
    if (this.node.isPaused) return 'paused';
    return this.#running === null ? 'starting' : 'running';
  }
  /** Starts in a row that ended before the program served. */
  get startFailures(): number {
    return this.#startFailures;
  }
  get isRetired(): boolean {
    return this.#isRetired;
  }

  start(): void {
    if (this.#isRetired || this.#process !== null) return;
    this.#cancelPending();
    if (!this.#hasPower) this.#powerOn();
    const files = this.#death === null ? this.#disk.files : this.#disk.restart(this.#death);
    this.#death = null;
    this.#incarnation++;
    const process = new LiveProcess(this, {
      incarnation: this.#incarnation,
      boot: this.#boot,
      files,
      random: this.#random.fork(`process ${this.#incarnation}`),
      transport: this.#world.network.transport(this.node),
    });
    this.#process = process;
    this.#world.note(this.name, 'state', this.#incarnation, () => `starts, for the ${this.#incarnation}. time`);
    this.#run(process);
  }

  #run(process: LiveProcess): void {
    const started = (running: Running): void => {
      if (!process.isAlive) return;
      this.#running = running;
      this.#startFailures = 0;
      this.#world.note(this.name, 'state', this.#incarnation, () => 'serves');
    };
    const failed = (error: unknown): void => {
      if (process.isAlive) this.#startFailures++;
      process.fail(error);
    };
    this.#options.program(process).then(started, failed);
  }

  kill(): void {
    this.end('process', 'is killed');
  }

  cutPower(offMs: number): void {
    if (!this.#hasPower) return;
    this.end('power', 'loses its power');
    this.#hasPower = false;
    this.#cancelPending();
    if (!this.#isRetired) this.#pending = this.#world.time.after(offMs, () => this.start());
  }

  crashAt(calls: number, moment: CrashMoment, kind: CrashKind): void {
    this.#deathAtCall = kind;
    this.#disk.crashAt(this.#disk.calls + calls, moment);
  }

  pause(kind: 'stopped' | 'suspended'): void {
    if (this.node.isPaused || this.#process === null) return;
    this.node.pause(kind);
    this.#world.note(this.name, 'state', 0, () => (kind === 'stopped' ? 'is stopped' : 'is suspended'));
  }

  resume(): void {
    if (!this.node.isPaused) return;
    this.node.resume();
    this.#world.note(this.name, 'state', 0, () => 'goes on');
  }

  wipe(): void {
    invariant(this.#process === null, `${this.name} loses its disk while its process runs`);
    this.#wipes++;
    this.#disk = this.#newDisk();
    this.#setFaultRates();
    this.#death = null;
    this.#world.note(this.name, 'disk', this.#wipes, () => 'has an empty disk');
  }

  retire(): void {
    this.#isRetired = true;
    this.#cancelPending();
    this.end('process', 'is taken out of service');
  }

  /** Calls to the disk take at least this many times as long, until the function that comes back is called. */
  slowDown(factor: number): () => void {
    const slowness = { factor };
    this.#slownesses.add(slowness);
    return () => this.#slownesses.delete(slowness);
  }

  /** The disk has these rates of faults beside those that it has already, until the function that comes back is called. */
  worsenDisk(rates: Partial<DiskFaultRates>): () => void {
    this.#worsenings.add(rates);
    this.#setFaultRates();
    return () => {
      this.#worsenings.delete(rates);
      this.#setFaultRates();
    };
  }

  #setFaultRates(): void {
    const sum: Record<keyof DiskFaultRates, number> = { ...noDiskFaults };
    for (const rates of this.#worsenings) for (const name of keysOf(sum)) sum[name] += rates[name] ?? 0;
    this.#disk.setFaultRates(sum);
  }

  /** Nothing is wrong with the machine any more, and its process runs or starts. */
  mend(): void {
    this.resume();
    this.#disk.cancelAppointments();
    this.start();
  }

  /** The process is dead from here on, if there is one. */
  end(kind: CrashKind, why: string): void {
    const process = this.#process;
    if (process === null) {
      if (kind === 'power' && this.#death !== null) this.#death = 'power';
      return;
    }
    process.die();
    this.#process = null;
    this.#running = null;
    this.#death = kind;
    this.#disk.halt();
    this.#world.network.crash(this.name, kind);
    this.node.crash();
    // A machine that died at a call comes up by itself.
    if (kind === 'power') this.#hasPower = false;
    this.#world.note(this.name, 'state', kind === 'power' ? 2 : 1, () => why);
    this.#supervise();
  }

  /** What a process says of its own end. A broken invariant ends the run: nothing that is injected may cause one. */
  failed(error: unknown): void {
    if (isOpError(error)) {
      this.end('process', `ends: ${error.message} [${error.code}]`);
      return;
    }
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#world.report('process-failed', `${this.name}: ${text}`);
    this.end('process', 'fails');
  }

  newExecutor(process: LiveProcess): Executor {
    const { clock, timers } = this.node;
    const disk = this.#disk;
    const deliver = (tell: () => void): void => {
      const delayMs = disk.takeDelayMs();
      if (delayMs < Infinity) timers.after(delayMs, tell);
      else disk.whenResumed(() => process.isAlive && timers.after(0, tell));
    };
    return new InlineExecutor(new LogDisk(process.files, clock), deliver);
  }

  #supervise(): void {
    const { restartDelayMs } = this.#options;
    this.#cancelPending();
    if (restartDelayMs === null || this.#isRetired) return;
    const { leastMs, mostMs } = restartDelayMs;
    const delayMs = leastMs + this.#random.fraction() * (mostMs - leastMs);
    this.#pending = this.#world.time.after(delayMs, () => this.start());
  }

  #cancelPending(): void {
    this.#pending?.cancel();
    this.#pending = null;
  }

  #powerOn(): void {
    this.#hasPower = true;
    this.#boot++;
    this.node.reboot();
    this.#world.network.up(this.name);
  }

  #newDisk(): VirtualDisk {
    const { diskCapacityBytes } = this.#options;
    return new VirtualDisk({
      seed: `${this.#random.path}/disk ${this.#wipes}`,
      ...(diskCapacityBytes === undefined ? {} : { capacityBytes: diskCapacityBytes }),
      delayMs: ({ operation }) => this.#callMs(operation.startsWith('f') && operation.includes('sync')),
      onDeath: () => this.end(this.#deathAtCall, `dies at call ${this.#disk.calls} of its disk`),
    });
  }

  #callMs(isSync: boolean): number {
    const { fixed, mean } = isSync ? syncMs : callMs;
    const extraMs = mean === 0 ? 0 : -Math.log(1 - this.#luck.fraction()) * mean;
    let slowness = 1;
    for (const { factor } of this.#slownesses) slowness = Math.max(slowness, factor);
    return (fixed + extraMs) * slowness;
  }
}

function keysOf<Shape extends object>(shape: Shape): (keyof Shape)[] {
  return Object.keys(shape) as (keyof Shape)[];
}

interface ProcessParts {
  readonly incarnation: number;
  readonly boot: number;
  readonly files: Files;
  readonly random: Random;
  readonly transport: Transport;
}

class LiveProcess implements Process {
  readonly name: string;
  readonly incarnation: number;
  readonly boot: number;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly files: Files;
  readonly transport: Transport;
  readonly #machine: VirtualMachine;
  #isAlive = true;

  constructor(machine: VirtualMachine, parts: ProcessParts) {
    this.#machine = machine;
    this.name = machine.name;
    this.incarnation = parts.incarnation;
    this.boot = parts.boot;
    this.clock = machine.node.clock;
    this.timers = machine.node.timers;
    this.random = parts.random;
    this.files = parts.files;
    this.transport = parts.transport;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  newExecutor(): Executor {
    return this.#machine.newExecutor(this);
  }

  /** What the dead say is of no consequence: their calls throw. */
  fail(error: unknown): void {
    if (!this.#isAlive) return;
    invariant(!(error instanceof VirtualCrash), `${this.name} lives, and died at a call of its disk`);
    this.#machine.failed(error);
  }

  die(): void {
    this.#isAlive = false;
  }
}
