// The release in the suite's own cluster, for the cases of every file: each file starts from a whole one.
import { RealClock, RealTimers } from '@holdfast/base';
import { DevCluster } from '../../kube/dev-cluster.ts';
import { Kube } from '../../kube/kube.ts';
import { namespace, Release } from './release.ts';

export const releaseOf = ({ kube, cluster }: { readonly kube: Kube; readonly cluster: DevCluster }): Release =>
  new Release({ kube, nodeNames: cluster.nodes.map(({ name }) => name) });

export async function ensureRelease(): Promise<void> {
  const parts = { clock: new RealClock(), timers: new RealTimers(), onFigure: () => undefined };
  await releaseOf({ kube: new Kube({ ...parts, namespace }), cluster: DevCluster.fromEnvironment() }).ensure();
}
