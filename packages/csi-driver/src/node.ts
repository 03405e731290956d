// The node service, as far as it exists: which node this is. Volumes are staged and published by what is yet to come.
import type { csi } from '@holdfast/rpc';
import { nodeCapabilities } from './capabilities.ts';
import type { Answers, CsiServices } from './offer.ts';

export interface NodeFacts {
  /** The node's name in Kubernetes. CSINode keeps it and the attacher detaches by it, so it is the same after every boot. */
  readonly nodeName: string;
  readonly maxVolumesPerNode: number;
}

export function nodeHandlers({ nodeName, maxVolumesPerNode }: NodeFacts): Answers<CsiServices['nodeService']> {
  return {
    nodeGetCapabilities: async () => ({ capabilities: nodeCapabilities() }),
    nodeGetInfo: async (): Promise<csi.NodeGetInfoResponse> => ({
      nodeId: nodeName,
      maxVolumesPerNode: BigInt(maxVolumesPerNode),
      // One label for every pool that the node sees; without a pool any node is as good as another.
      accessibleTopology: null,
    }),
  };
}
