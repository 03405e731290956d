// What Kubernetes does about machines of which it hears nothing: after a while it takes them for dead, and their pods run elsewhere. So
// takeovers happen where something is wrong, while it is wrong, and not only where people ask for one.
import type { StorageNode } from '../node/storage-node.ts';

export interface NodeControllerParts {
  readonly nodes: ReadonlyMap<string, StorageNode>;
  readonly isReachable: (node: string) => boolean;
  readonly graceMs: number | null;
  readonly nowMs: () => number;
}

export class NodeController {
  readonly #parts: NodeControllerParts;
  readonly #heardMs = new Map<string, number>();
  readonly #lost = new Set<string>();

  constructor(parts: NodeControllerParts) {
    this.#parts = parts;
  }

  /** Nodes that nobody has heard for too long, each of them once. */
  lost(): string[] {
    const { nodes, graceMs, nowMs } = this.#parts;
    const lost: string[] = [];
    for (const node of nodes.values()) {
      if (this.#isHeard(node)) {
        this.#heardMs.set(node.name, nowMs());
        this.#lost.delete(node.name);
      }
      const silentMs = nowMs() - (this.#heardMs.get(node.name) ?? nowMs());
      if (graceMs === null || silentMs <= graceMs || this.#lost.has(node.name)) continue;
      this.#lost.add(node.name);
      lost.push(node.name);
    }
    return lost;
  }

  /** The kubelet says that it lives by way of the same network; it is neither the agent nor the engine. */
  #isHeard(node: StorageNode): boolean {
    return node.isUp && !node.isFrozen && this.#parts.isReachable(node.name);
  }
}
