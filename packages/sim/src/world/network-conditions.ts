// What is wrong with the network at this moment, as a set of conditions that begin and end on their own. Two partitions may
// overlap; a link is cut while any condition says so, and behaves as all of them together make it.
import { calmLink, type LinkBehaviour, type VirtualNetwork } from '@holdfast/base/internal';

export interface LinkState {
  isCut: boolean;
  delayMinMs: number;
  delayMeanMs: number;
  delayMaxMs: number;
  breakRate: number;
  lossRate: number;
  duplicateRate: number;
  reorderRate: number;
}

/** Makes the way from one node to another worse, or leaves it alone. */
export type Condition = (from: string, to: string, link: LinkState) => void;

export class NetworkConditions {
  readonly #network: VirtualNetwork;
  readonly #calm: LinkBehaviour;
  readonly #nodes: string[] = [];
  readonly #conditions = new Set<Condition>();

  constructor(network: VirtualNetwork, link: Partial<LinkBehaviour>) {
    this.#network = network;
    this.#calm = { ...calmLink, ...link };
  }

  addNode(name: string): void {
    this.#nodes.push(name);
    if (this.#conditions.size > 0) this.#refresh();
  }

  /** Answers how it ends; to end it twice does nothing. */
  add(condition: Condition): () => void {
    this.#conditions.add(condition);
    this.#refresh();
    return () => {
      if (this.#conditions.delete(condition)) this.#refresh();
    };
  }

  #refresh(): void {
    for (const from of this.#nodes) for (const to of this.#nodes) if (from !== to) this.#refreshLink(from, to);
  }

  #refreshLink(from: string, to: string): void {
    const state: LinkState = { isCut: false, ...this.#calm };
    for (const condition of this.#conditions) condition(from, to, state);
    const { isCut, ...behaviour } = state;
    const link = this.#network.link(from, to);
    link.behave(behaviour);
    if (isCut && !link.isCut) link.cut();
    if (!isCut && link.isCut) link.mend();
  }
}
