// Where the simulator's parts meet: a scenario (what runs in a world), the plan that its seed draws before anything runs (plain
// JSON values, so that `minimize` can leave some out and a file can keep them), the world as a scenario sees it, the trace, and
// what a seed comes to. `run-seed.ts` runs one; `virtual-world.ts` is the world.
import type { Clock, Files, Random, Timers, Transport } from '@holdfast/base';
import type { SeededRandom, VirtualDisk, VirtualNetwork, VirtualNode, VirtualTime } from '@holdfast/base/internal';
import type { Executor } from '@holdfast/raft-log';

export type PlainValue =
  string | number | boolean | null | readonly PlainValue[] | { readonly [name: string]: PlainValue };

/** One thing that goes wrong. Times are true times since the world began. */
export interface Fault {
  /** A row of `faults/` for those that every world knows, or one that the scenario knows. */
  readonly kind: string;
  readonly atMs: number;
  /** 0 for what happens at an instant. */
  readonly durationMs: number;
  /** A machine, or a role that is looked up at that instant (`leader`), or '' for the whole world. */
  readonly target: string;
  readonly parameters: Readonly<Record<string, PlainValue>>;
}
export type FaultPlan = readonly Fault[];

/** One thing that a client does. */
export interface Operation {
  readonly atMs: number;
  readonly client: string;
  readonly kind: string;
  readonly parameters: Readonly<Record<string, PlainValue>>;
}
export type Workload = readonly Operation[];

/** All that a seed decides before its world begins. */
export interface Plan {
  /** How many machines, which settings: what `minimize` leaves alone. */
  readonly shape: Readonly<Record<string, PlainValue>>;
  readonly faults: FaultPlan;
  readonly operations: Workload;
}

export interface Scenario {
  readonly name: string;
  /** The same plan for the same seed. Draws each part from a fork of its own. */
  draw(random: SeededRandom): Plan;
  /** Makes the machines, starts what runs on them and whatever judges it. */
  begin(world: World, plan: Plan): Promise<ScenarioRun>;
  /** A frame between two machines as people read it, for the trace. */
  describeFrame?(frame: Uint8Array, way: { readonly from: string; readonly to: string }): string;
}

export interface ScenarioRun {
  /** Brings about a fault of the scenario's own kinds and answers how it ends; null for a kind that it does not know. */
  inflict(fault: Fault): (() => void) | null;
  /** The machine that a role of `Fault.target` means at this instant; null if nobody has it. */
  resolveRole(role: string): string | null;
  /** A client begins an operation; it never throws, what goes wrong is the client's to bear. */
  request(operation: Operation): void;
  /**
   * Faults are over, everything is mended, every machine runs. True as soon as the system has come to rest; it is asked again and
   * again until it says so, or until `convergenceLimitMs` has passed, which is a finding of the rule `convergence`.
   */
  hasConverged(): boolean;
  /** Why nobody may expect that it comes to rest at all, by the fault atlas; null (or no method) if it must. Asked when the time is up. */
  beyondPromise?(): string | null;
  /** What holds the system up, for the finding. */
  whyNotConverged(): string;
  /** The last judgement, over whole histories; breaks of a promise go to `world.report`. */
  conclude(): void;
}

/** A promise that was broken. The first one ends the run. */
export interface Finding {
  /** A short name that groups findings: `one-leader-a-term`, `linearizable`, `F5`. */
  readonly rule: string;
  readonly text: string;
  readonly atMs: number;
}

export interface TraceNote {
  readonly atMs: number;
  /** The machine, or '' for the world. */
  readonly node: string;
  /** `sent`, `delivered`, `lost`, `fault`, `mended`, `state`, `step`, `disk`, `client`, `finding`, or one of a scenario's own. */
  readonly kind: string;
  readonly text: string;
  /** Of a message: the same number where it is sent and where it arrives. */
  readonly message?: { readonly id: number; readonly from: string; readonly to: string };
}

/** Who wants to read along. Without one no text is made. */
export interface Trace {
  note(note: TraceNote): void;
}

/** The world as scenarios see it. */
export interface World {
  readonly time: VirtualTime;
  readonly network: VirtualNetwork;
  /** The seed; take forks by name, never draws of its own. */
  readonly random: SeededRandom;
  /** null if nobody reads along: `world.trace?.note(...)` by way of `note`, so that no text is made in vain. */
  readonly trace: Trace | null;
  readonly finding: Finding | null;
  readonly machines: ReadonlyMap<string, Machine>;
  /** Makes a machine; one of this name must not be there. */
  addMachine(name: string, options: MachineOptions): Machine;
  /** A promise is broken. The run ends before the next event. */
  report(rule: string, text: string): void;
  /** Something happened under which nobody promises anything: what is broken from here on ends the run, and is no finding. */
  excuse(text: string): void;
  /** Adds to the digest what happened, and to the trace if there is one; `text` is called for the trace only. */
  note(node: string, kind: string, mark: number, text: () => string): void;
}

export interface MachineOptions {
  /** What its process runs, made anew at each start. */
  readonly program: Program;
  /** How long the supervisor waits before it starts a process that ended: drawn between these. null: nobody starts it. */
  readonly restartDelayMs: { readonly leastMs: number; readonly mostMs: number } | null;
  readonly driftPpm?: number;
  readonly diskCapacityBytes?: number;
}

/** Starts the program. Resolves when it serves; a rejection is a process that ended with that error. */
export type Program = (process: Process) => Promise<Running>;

export interface Running {
  /** An orderly end; what it waits for must come. */
  stop(): Promise<void>;
}

/** What a process is given by its machine; all of it is dead when the process is. */
export interface Process {
  readonly name: string;
  /** Counts the machine's starts from 1. */
  readonly incarnation: number;
  /** Counts the machine's boots from 1: power loss, not a mere kill, adds one. */
  readonly boot: number;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly files: Files;
  readonly transport: Transport;
  /** One for each log that the process opens: it carries out jobs on `files` and answers as late as the disk is slow. */
  newExecutor(): Executor;
  /** The process ends with this error, as by an uncaught exception. A broken invariant is a finding. */
  fail(error: unknown): void;
  readonly isAlive: boolean;
}

export type MachineState = 'running' | 'starting' | 'down' | 'off' | 'paused';

export interface Machine {
  readonly name: string;
  readonly node: VirtualNode;
  readonly disk: VirtualDisk;
  readonly state: MachineState;
  /** What runs, if it has started: what `Program` resolved to. */
  readonly running: Running | null;
  /** Starts in a row that ended before the program served. */
  readonly startFailures: number;
  /** Starts the process, and the machine under it if it was off. */
  start(): void;
  /** The process dies between two of its calls; the supervisor starts another. */
  kill(): void;
  /** The machine loses its power, and gets it back after `offMs`; the supervisor starts the process then. */
  cutPower(offMs: number): void;
  /** The process dies at the disk's `calls`th next call that changes something. */
  crashAt(calls: number, moment: 'before' | 'during' | 'after', kind: 'process' | 'power'): void;
  pause(kind: 'stopped' | 'suspended'): void;
  resume(): void;
  /** An empty disk in place of the old one; the process must be down. */
  wipe(): void;
  /** From here on the supervisor starts nothing, and a running process is killed. */
  retire(): void;
}

export interface RunOptions {
  readonly seed: number;
  readonly scenario: Scenario;
  /** In place of those that the seed draws: for `minimize`, and for files that keep a run. */
  readonly faults?: FaultPlan;
  readonly operations?: Workload;
  readonly trace?: Trace;
}

export interface SeedResult {
  readonly seed: number;
  readonly ok: boolean;
  readonly finding: Finding | null;
  /** Why it need not have come to rest, and did not. */
  readonly excuse: string | null;
  readonly virtualMs: number;
  readonly steps: number;
  /** Of everything that happened: the same seed has the same one, in every process. */
  readonly digest: string;
}

/** `runSeed` of `run-seed.ts`. */
export type RunSeed = (options: RunOptions) => Promise<SeedResult>;
