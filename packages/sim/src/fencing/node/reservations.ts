// A node's part in persistent reservations: its own key on every device of a pool, the reading back that lets I/O go on through a
// metadata outage (F6), and the proof that somebody else's key is gone (F5). Every call names the agent's number, as the
// engine's do: an agent that was replaced registers nothing.
import type { Device } from '../device.ts';
import type { Evidence, ReadBack } from '../metadata/command.ts';
import type { DevicePath } from './device-path.ts';
import type { LocalProcess } from './local-process.ts';
import type { SharedMemory } from './shared-memory.ts';

export interface ReservationParts {
  readonly node: string;
  readonly process: LocalProcess;
  readonly shared: SharedMemory;
  readonly path: DevicePath;
}

const callMs = 0.5;

export class Reservations {
  readonly #parts: ReservationParts;

  constructor(parts: ReservationParts) {
    this.#parts = parts;
  }

  /** Reaches a device for one call; false if there is no way to it, or if a later agent has taken over. */
  async #reach(agent: number, device: Device): Promise<boolean> {
    const { process, shared, path } = this.#parts;
    await process.sleep(callMs);
    return agent >= shared.agent && !path.isHeld(device.name);
  }

  /**
   * True when every device shows the session's key and our type. A session that ended on the way has no key any more (F5), and
   * nothing is registered while anything may be under way.
   */
  async register(
    by: { readonly agent: number; readonly session: string },
    devices: readonly Device[],
    isQuiet: () => boolean,
  ): Promise<boolean> {
    const { node, shared } = this.#parts;
    for (const device of devices) {
      if (!(await this.#reach(by.agent, device)) || by.session !== shared.session || !isQuiet()) return false;
      device.register(node, by.session);
      if (!device.reserve(node)) return false;
    }
    return true;
  }

  /** READ RESERVATION and READ KEYS on every device. */
  async isInPlace(agent: number, devices: readonly Device[]): Promise<boolean> {
    const { node, shared } = this.#parts;
    for (const device of devices) {
      if (!(await this.#reach(agent, device))) return false;
      if (device.keyOf(node) !== shared.session || device.readBack().type === 'none') return false;
    }
    return true;
  }

  /** PREEMPT AND ABORT, then the read-back, of the devices to which there is a way. Whether that is proof the log decides. */
  async preempt(
    agent: number,
    devices: readonly Device[],
    { isTarget, drainMs }: { readonly isTarget: (key: string) => boolean; readonly drainMs: number },
  ): Promise<Evidence | null> {
    const preempted: Device[] = [];
    for (const device of devices) {
      const isReached = await this.#reach(agent, device);
      if (isReached && device.preempt(this.#parts.node, isTarget)) preempted.push(device);
    }
    if (preempted.length === 0) return null;
    const stoppedBy = await this.#stop(preempted, drainMs);
    const readBacks: ReadBack[] = [];
    for (const device of preempted) {
      if (await this.#reach(agent, device)) readBacks.push({ ...device.readBack(), stoppedBy });
    }
    return { kind: 'preempted', readBacks };
  }

  /** What the devices had already taken, where PREEMPT aborts nothing. */
  async #stop(devices: readonly Device[], drainMs: number): Promise<ReadBack['stoppedBy']> {
    if (devices.every(({ hasAbort }) => hasAbort)) return 'abort';
    await this.#parts.process.sleep(drainMs);
    return 'drain';
  }
}
