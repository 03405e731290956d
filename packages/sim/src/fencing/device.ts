// A shared raw device: blocks behind a write cache that a power loss empties, and persistent reservations as a SCSI target has
// them. Whether a request is refused is decided when it arrives; what it had taken before goes on unless it is aborted.
//
// The model keeps what a target may: registrations survive a reset, and a loss of power only where it persists them.
import { invariant, type Random, type Timer } from '@holdfast/base';
import type { VirtualTime } from '@holdfast/base/internal';
import type { Block } from './block.ts';
import type { ReadBack } from './metadata/command.ts';

/** `power`, `reset` and `preempted` are unit attentions: told once to each port, in place of an answer. */
export type DeviceError = 'reservation-conflict' | 'power' | 'reset' | 'preempted' | 'aborted' | 'path';
type Attention = 'power' | 'reset' | 'preempted';

export interface WriteRequest {
  readonly kind: 'write';
  readonly initiator: string;
  readonly at: number;
  readonly block: Block;
}
export interface ReadRequest {
  readonly kind: 'read';
  readonly initiator: string;
  readonly at: number;
}
export interface FlushRequest {
  readonly kind: 'flush';
  readonly initiator: string;
}
export type DeviceRequest = WriteRequest | ReadRequest | FlushRequest;
export type DeviceAnswer = { readonly error: DeviceError } | { readonly error: null; readonly block: Block | null };

export interface DeviceOptions {
  readonly name: string;
  readonly time: VirtualTime;
  readonly random: Random;
  readonly hasAbort: boolean;
  /** Registrations outlive a loss of power (APTPL). */
  readonly isPersistent: boolean;
  /** Whose key was preempted hears of it at the next request; otherwise only by a write that conflicts, and by reading back. */
  readonly tellsPreempted: boolean;
  readonly onLanding: (landing: { readonly device: string; readonly at: number; readonly block: Block }) => void;
  readonly onPowerLoss: (device: string) => void;
}

interface Task {
  readonly initiator: string;
  readonly timer: Timer;
  readonly abort: () => void;
}

/** How long a request that has arrived takes, at most. */
const serviceMsMax = 6;

export class Device {
  readonly name: string;
  readonly isPersistent: boolean;
  readonly #options: DeviceOptions;
  readonly #durable = new Map<number, Block>();
  readonly #cache = new Map<number, Block>();
  readonly #keys = new Map<string, string>();
  #isReserved = false;
  readonly #attention = new Map<string, Attention>();
  /** Ports that have ever asked for something. */
  readonly #ports = new Set<string>();
  readonly #tasks = new Set<Task>();
  /** The highest cluster generation that a superblock here was written in. */
  generation = 0;

  constructor(options: DeviceOptions) {
    this.#options = options;
    this.name = options.name;
    this.isPersistent = options.isPersistent;
  }

  /** As the medium and the cache have it together; the judge looks, too. */
  contents(at: number): Block | null {
    return this.#cache.get(at) ?? this.#durable.get(at) ?? null;
  }

  /** A request arrives from a node's port. */
  arrive(request: DeviceRequest, answer: (answer: DeviceAnswer) => void): void {
    const { time, random } = this.#options;
    const { initiator } = request;
    this.#ports.add(initiator);
    const attention = this.#attention.get(initiator);
    if (attention !== undefined) {
      this.#attention.delete(initiator);
      answer({ error: attention });
      return;
    }
    if (request.kind === 'write' && this.#isReserved && !this.#keys.has(initiator)) {
      answer({ error: 'reservation-conflict' });
      return;
    }
    const serviceMs = 0.05 + random.fraction() * random.fraction() * serviceMsMax;
    const timer = time.after(serviceMs, () => {
      this.#tasks.delete(task);
      answer({ error: null, block: this.#serve(request) });
    });
    const task: Task = { initiator, timer, abort: () => answer({ error: 'aborted' }) };
    this.#tasks.add(task);
  }

  #serve(request: DeviceRequest): Block | null {
    switch (request.kind) {
      case 'read':
        return this.contents(request.at);
      case 'write':
        this.#cache.set(request.at, request.block);
        this.#options.onLanding({ device: this.name, at: request.at, block: request.block });
        return null;
      case 'flush':
        for (const [at, block] of this.#cache) this.#durable.set(at, block);
        this.#cache.clear();
        return null;
    }
  }

  register(initiator: string, key: string): void {
    invariant(key !== '', `${initiator} registers without a key at ${this.name}, which takes its registration away`);
    this.#keys.set(initiator, key);
  }

  /** Write exclusive, all registrants: nobody holds it alone, so it stands while anybody is registered. */
  reserve(initiator: string): boolean {
    if (!this.#keys.has(initiator)) return false;
    this.#isReserved = true;
    return true;
  }

  /** False from who is not registered. Removes every registration that `isTarget` picks; their owners hear of it. */
  preempt(initiator: string, isTarget: (key: string) => boolean): boolean {
    if (!this.#keys.has(initiator)) return false;
    for (const [node, key] of this.#keys) {
      if (node === initiator || !isTarget(key)) continue;
      this.#keys.delete(node);
      if (this.#options.tellsPreempted) this.#tell(node, 'preempted');
      if (this.#options.hasAbort) this.#abort(node);
    }
    return true;
  }

  /** Of several the port hears one. A loss of power is the one that nothing later replaces: who misses it takes a lost cache for whole. */
  #tell(port: string, attention: Attention): void {
    if (this.#attention.get(port) !== 'power') this.#attention.set(port, attention);
  }

  get hasAbort(): boolean {
    return this.#options.hasAbort;
  }

  readBack(): Omit<ReadBack, 'stoppedBy'> {
    const type = this.#isReserved ? 'write-exclusive-all-registrants' : 'none';
    return { device: this.name, keys: [...this.#keys.values()].sort(), type };
  }

  keyOf(initiator: string): string | null {
    return this.#keys.get(initiator) ?? null;
  }

  #abort(initiator: string | null): void {
    for (const task of this.#tasks) {
      if (initiator !== null && task.initiator !== initiator) continue;
      this.#tasks.delete(task);
      task.timer.cancel();
      task.abort();
    }
  }

  /** A logical-unit reset: what was under way is gone, registrations stay. */
  reset(): void {
    this.#abort(null);
    for (const port of this.#ports) this.#tell(port, 'reset');
  }

  /** The target loses its power and has it back at once: the cache is gone, and where it persists none, all registrations. */
  losePower(): void {
    this.#abort(null);
    this.#cache.clear();
    for (const port of this.#ports) this.#tell(port, 'power');
    if (!this.isPersistent) {
      this.#keys.clear();
      this.#isReserved = false;
    }
    this.#options.onPowerLoss(this.name);
  }
}
