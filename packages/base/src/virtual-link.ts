// One direction between two nodes of a virtual network: how long things take, what gets lost, and whether anything passes
// at all. What is under way when a direction is cut waits, as TCP would repeat it, until the cut is mended.
import type { SeededRandom } from './seeded-random.ts';

export interface LinkBehaviour {
  /** A frame takes at least this long... */
  readonly delayMinMs: number;
  /** ...this long on average, with the tail of an exponential distribution... */
  readonly delayMeanMs: number;
  /** ...and never longer. */
  readonly delayMaxMs: number;
  /** Probability, for each frame, that the connection breaks under it. */
  readonly breakRate: number;
  /**
   * The next three make a connection carry frames as datagrams would travel, which no TCP does: for protocols that must bear
   * it. Probabilities for each frame.
   */
  readonly lossRate: number;
  readonly duplicateRate: number;
  /** The frame may be overtaken by those behind it. */
  readonly reorderRate: number;
}

export const calmLink: LinkBehaviour = {
  delayMinMs: 0.2,
  delayMeanMs: 0.5,
  delayMaxMs: 20,
  breakRate: 0,
  lossRate: 0,
  duplicateRate: 0,
  reorderRate: 0,
};

export class VirtualLink {
  readonly random: SeededRandom;
  #behaviour: LinkBehaviour;
  #isCut = false;
  #cloggedUntilMs = 0;
  readonly #waiting = new Set<() => void>();

  constructor(random: SeededRandom, behaviour: LinkBehaviour) {
    this.random = random;
    this.#behaviour = behaviour;
  }

  get isCut(): boolean {
    return this.#isCut;
  }
  get behaviour(): LinkBehaviour {
    return this.#behaviour;
  }
  /** Nothing arrives before this. */
  get cloggedUntilMs(): number {
    return this.#cloggedUntilMs;
  }

  behave(behaviour: Partial<LinkBehaviour>): void {
    this.#behaviour = { ...this.#behaviour, ...behaviour };
  }

  cut(): void {
    this.#isCut = true;
  }

  mend(): void {
    this.#isCut = false;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const callback of waiting) callback();
  }

  clog(untilMs: number): void {
    this.#cloggedUntilMs = Math.max(this.#cloggedUntilMs, untilMs);
  }

  /** Calls back when the cut is mended; the function that it returns takes that back. */
  whenMended(callback: () => void): () => void {
    this.#waiting.add(callback);
    return () => this.#waiting.delete(callback);
  }

  happens(rate: 'breakRate' | 'lossRate' | 'duplicateRate' | 'reorderRate'): boolean {
    const probability = this.#behaviour[rate];
    return probability > 0 && this.random.fraction() < probability;
  }

  delayMs(): number {
    const { delayMinMs, delayMeanMs, delayMaxMs } = this.#behaviour;
    const tailMs = -Math.log(1 - this.random.fraction()) * (delayMeanMs - delayMinMs);
    return Math.min(delayMaxMs, delayMinMs + tailMs);
  }
}
