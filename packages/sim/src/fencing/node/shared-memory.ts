// What agent and engine of one boot hold together, so that either may be replaced: the session with its secret, the number of the
// agent that counts, the volumes with what is under way. It is gone when both are gone at once, and when the machine is.
import type { Tag } from '../block.ts';
import type { OpenVolume } from './open-volume.ts';

export class SharedMemory {
  session = '';
  secret = '';
  /** An agent with a lower number is nobody (F4). */
  agent = 0;
  readonly volumes = new Map<string, OpenVolume>();
  #nextOpening = Promise.withResolvers<null>();
  /** Epochs (`volume/epoch`) that an agent of this boot has said to be over, whether or not it was heard: never opened again. */
  readonly over = new Set<string>();
  /** Kernel caches of block devices, which stand longer than a role is held. */
  readonly #caches = new Map<string, Map<number, Tag | null>>();

  /** Settles when the next volume is opened. */
  get nextOpening(): Promise<null> {
    return this.#nextOpening.promise;
  }
  open(name: string, volume: OpenVolume): void {
    this.volumes.set(name, volume);
    this.#nextOpening.resolve(null);
    this.#nextOpening = Promise.withResolvers<null>();
  }

  cacheOf(volume: string): Map<number, Tag | null> {
    const known = this.#caches.get(volume) ?? new Map<number, Tag | null>();
    this.#caches.set(volume, known);
    return known;
  }
}
