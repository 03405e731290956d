// The ways between a machine that does I/O and everybody who talks to it: the members of the metadata service, and the controller.
// Faults overlap: a way is open again when the last one that cut it has ended.
import { calmLink, type LinkBehaviour, type VirtualNetwork } from '@holdfast/base/internal';

export type Way = 'from' | 'to' | 'both';

export class NodeLinks {
  readonly #network: VirtualNetwork;
  readonly #others: readonly string[];
  readonly #cuts = new Map<string, number>();
  readonly #slow = new Map<string, number>();

  constructor(network: VirtualNetwork, others: readonly string[]) {
    this.#network = network;
    this.#others = others;
  }

  #ways(node: string, way: Way): [from: string, to: string][] {
    return this.#others.flatMap((other): [string, string][] => [
      ...(way === 'to' ? [] : [[node, other] satisfies [string, string]]),
      ...(way === 'from' ? [] : [[other, node] satisfies [string, string]]),
    ]);
  }

  /** Answers how it ends. */
  cut(node: string, way: Way): () => void {
    const ends = this.#ways(node, way).map(([from, to]) => {
      const link = this.#network.link(from, to);
      return counted(this.#cuts, `${from} ${to}`, {
        first: () => link.cut(),
        last: () => link.mend(),
      });
    });
    return () => {
      for (const end of ends) end();
    };
  }

  /** Answers how it ends. Of two that overlap the later one counts. */
  worsen(node: string, behaviour: Partial<LinkBehaviour>): () => void {
    const ends = this.#ways(node, 'both').map(([from, to]) => {
      const link = this.#network.link(from, to);
      link.behave(behaviour);
      return counted(this.#slow, `${from} ${to}`, { first: () => undefined, last: () => link.behave(calmLink) });
    });
    return () => {
      for (const end of ends) end();
    };
  }
}

function counted(counts: Map<string, number>, key: string, on: { first: () => void; last: () => void }): () => void {
  const before = counts.get(key) ?? 0;
  counts.set(key, before + 1);
  if (before === 0) on.first();
  return () => {
    const left = (counts.get(key) ?? 1) - 1;
    counts.set(key, left);
    if (left === 0) on.last();
  };
}
