// What lies beneath an engine on its machine: the queue in which a request that passed the gate may be stuck, and the way to the
// device. A pool says how long that can take at most (its drain bound): an honest path gives a request up before, one that lies
// lets it land later. A machine that loses its power loses its queue; what is on the wire arrives.
import type { Random, Timer, Timers } from '@holdfast/base';
import type { VirtualTime } from '@holdfast/base/internal';
import type { Device, DeviceAnswer, DeviceRequest } from '../device.ts';

export interface DevicePathOptions {
  readonly time: VirtualTime;
  readonly timers: Timers;
  readonly random: Random;
  readonly drainMs: number;
  readonly slowOdds: number;
}

interface Queued {
  readonly device: Device;
  readonly request: DeviceRequest;
  readonly answer: (answer: DeviceAnswer) => void;
  /** How long it has been on its way already. */
  readonly latencyMs: number;
  readonly giveUp: Timer | null;
}

/** The share of the drain bound after which an honest path answers with an error by itself. */
const giveUpShare = 0.9;
const wireMsMax = 0.5;

export class DevicePath {
  readonly #options: DevicePathOptions;
  /** By device: held while the way to it does not get through. */
  readonly #stuck = new Map<string, Set<Queued>>();
  isHonest = true;
  /** Submitted and not answered. */
  inFlight = 0;
  #isDropped = false;

  constructor(options: DevicePathOptions) {
    this.#options = options;
  }

  submit(device: Device, request: DeviceRequest, answer: (answer: DeviceAnswer) => void): void {
    const { timers, random, drainMs, slowOdds } = this.#options;
    // Now and then one request takes long for no reason that anybody sees.
    const isSlow = random.below(slowOdds) === 0;
    const latencyMs = isSlow ? random.fraction() * drainMs * 0.5 : 0.02 + random.fraction() * 0.3;
    this.inFlight++;
    const settle = (reply: DeviceAnswer): void => {
      this.inFlight--;
      answer(reply);
    };
    timers.after(latencyMs, () => this.#leave({ device, request, answer: settle, latencyMs, giveUp: null }));
  }

  #leave(queued: Queued): void {
    if (this.#isDropped) return;
    const { timers, drainMs } = this.#options;
    const stuck = this.#stuck.get(queued.device.name);
    if (stuck === undefined) {
      this.#send(queued);
      return;
    }
    const giveUp = this.isHonest
      ? timers.after(drainMs * giveUpShare - queued.latencyMs, () => {
          stuck.delete(held);
          queued.answer({ error: 'path' });
        })
      : null;
    const held: Queued = { ...queued, giveUp };
    stuck.add(held);
  }

  #send({ device, request, answer }: Queued): void {
    const { time, random } = this.#options;
    time.after(random.fraction() * wireMsMax, () => {
      device.arrive(request, (reply) => {
        if (!this.#isDropped) answer(reply);
      });
    });
  }

  /** Nothing gets to the device until `mend`. */
  hold(device: string): void {
    if (!this.#stuck.has(device)) this.#stuck.set(device, new Set());
  }

  mend(device: string): void {
    const stuck = this.#stuck.get(device) ?? new Set<Queued>();
    this.#stuck.delete(device);
    for (const queued of stuck) {
      queued.giveUp?.cancel();
      this.#send(queued);
    }
  }

  isHeld(device: string): boolean {
    return this.#stuck.has(device);
  }

  /** The machine is gone; whoever waits for an answer is, too. */
  drop(): void {
    this.#isDropped = true;
    for (const stuck of this.#stuck.values()) for (const { giveUp } of stuck) giveUp?.cancel();
    this.#stuck.clear();
  }
}
