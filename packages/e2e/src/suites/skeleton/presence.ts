// Whether each node lists the driver, over a time: CSINode is followed from a list on, so that also a gap of milliseconds that
// nobody would meet is seen and can be told.
import type { Clock } from '@holdfast/base';
import type { Kube } from '../../kube/kube.ts';
import type { CsiNode } from '../../kube/objects.ts';
import type { Watch } from '../../kube/watch.ts';
import { driverOn } from './release.ts';

export interface Gap {
  readonly node: string;
  readonly tookMs: number;
}

export class Presence {
  readonly gaps: Gap[] = [];
  /** The most nodes that lacked the driver at one time. */
  absentAtOnce = 0;
  readonly #clock: Clock;
  /** When the driver of a node went. */
  readonly #absent = new Map<string, number>();
  #watch: Watch<'CSINode'> | null = null;

  private constructor(clock: Clock) {
    this.#clock = clock;
  }

  static async follow(kube: Kube, clock: Clock): Promise<Presence> {
    const presence = new Presence(clock);
    presence.#watch = await kube.watch('CSINode', {}, (nodes) => {
      for (const node of nodes) presence.#see(node);
    });
    return presence;
  }

  /** Ends it; nothing may have gone unseen. */
  async stop(): Promise<void> {
    await this.#watch?.stop();
    if (this.#watch?.breaks !== 0)
      throw new Error('the watch of CSINode broke; what came and went meanwhile was not seen');
  }

  describe(): string {
    if (this.gaps.length === 0) return 'the driver stayed registered on every node';
    return this.gaps.map(({ node, tookMs }) => `${node} without the driver for ${Math.round(tookMs)} ms`).join(', ');
  }

  #see(node: CsiNode): void {
    const { name } = node.metadata;
    const sinceMs = this.#absent.get(name);
    const isThere = driverOn(node) !== null;
    if (!isThere && sinceMs === undefined) this.#absent.set(name, this.#clock.monotonicMs());
    if (isThere && sinceMs !== undefined) {
      this.gaps.push({ node: name, tookMs: this.#clock.monotonicMs() - sinceMs });
      this.#absent.delete(name);
    }
    this.absentAtOnce = Math.max(this.absentAtOnce, this.#absent.size);
  }
}
