// Holdfast in a cluster as the README installs it: the release, what it makes, and the registration of its driver on each node.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { invariant, RealClock, RealRandom } from '@holdfast/base';
import { createChannel, loadCsiServices, quietLog } from '@holdfast/rpc';
import { helm, root, type HelmOptions } from '../../kube/helm.ts';
import type { Kube } from '../../kube/kube.ts';
import type { DevNode } from '../../kube/dev-cluster.ts';
import { hasCondition, type CsiNode, type Pod } from '../../kube/objects.ts';

export const driverName = 'csi.holdfast.dev';
export const namespace = 'holdfast-system';
export const immediateClass = 'holdfast-immediate';
/** As CSINode shows it. */
export const volumesLimit = 200;
/** What the nodes of dev-env need beside the README's line: images that are loaded, and a boot id for each. */
const devValues = ['--values', 'charts/holdfast/ci/dev-values.yaml'];

/** helm's words in the line that the README tells a person to type. */
export function installWords(): readonly string[] {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const [, words] = /^helm (install holdfast charts\/holdfast .*)$/m.exec(readme) ?? [];
  invariant(words !== undefined, 'the README has a line that installs the chart');
  return words.trim().split(/\s+/);
}

export interface ReleaseOptions extends HelmOptions {
  /** Of the cluster that it is in. */
  readonly kube: Kube;
  readonly nodeNames: readonly string[];
}

export const labels = (component: 'node' | 'controller'): Readonly<Record<string, string>> => ({
  'app.kubernetes.io/instance': 'holdfast',
  'app.kubernetes.io/component': component,
});

export const driverOn = (
  node: CsiNode,
): { readonly nodeID: string; readonly allocatable?: { readonly count?: number } } | null =>
  node.spec.drivers?.find(({ name }) => name === driverName) ?? null;

export class Release {
  /** In the release's namespace. */
  readonly kube: Kube;
  readonly #options: ReleaseOptions;

  constructor(options: ReleaseOptions) {
    this.kube = options.kube.in(namespace);
    this.#options = options;
  }

  async isInstalled(): Promise<boolean> {
    const names = await this.#helm(['list', '--namespace', namespace, '--short']);
    return names.split('\n').includes('holdfast');
  }

  install(): Promise<string> {
    return this.#helm([...installWords(), ...devValues]);
  }

  /** With one setting changed, so that every pod is replaced. */
  upgrade(setting: string): Promise<string> {
    return this.#helm([
      ...['upgrade', 'holdfast', 'charts/holdfast', '--namespace', namespace, ...devValues, '--set', setting],
    ]);
  }

  uninstall(): Promise<string> {
    return this.#helm(['uninstall', 'holdfast', '--namespace', namespace]);
  }

  /** Installed, whole and registered, whatever a case before left behind. */
  async ensure(): Promise<void> {
    if (!(await this.isInstalled())) await this.install();
    await this.whole();
  }

  /** Every pod of the newest kind is Ready, and every node lists the driver. */
  async whole(): Promise<void> {
    await Promise.all([this.#nodePods(), this.#controllers(), this.registered()]);
  }

  /** By the name of the node, as CSINode shows it. */
  async registered(): Promise<readonly CsiNode[]> {
    const { nodeNames } = this.#options;
    return this.kube.waitFor({
      kind: 'CSINode',
      selection: {},
      condition: 'all list the driver',
      holds: (nodes) => nodes.filter((node) => driverOn(node) !== null).length === nodeNames.length,
    });
  }

  /** The pod on a node once it is Ready and `holds`. */
  async nodePod(nodeName: string, condition = 'is Ready', holds: (pod: Pod) => boolean = () => true): Promise<Pod> {
    const [pod] = await this.kube.waitFor({
      kind: 'Pod',
      selection: { labels: labels('node'), fields: { 'spec.nodeName': nodeName } },
      condition,
      holds: ([first, ...others]) =>
        first !== undefined && others.length === 0 && hasCondition(first, 'Ready') && holds(first),
    });
    invariant(pod !== undefined, 'a pod that was found');
    return pod;
  }

  async #nodePods(): Promise<void> {
    await this.kube.waitForOne('DaemonSet', 'holdfast-node', {
      condition: 'has a Ready pod of the newest kind on every node',
      holds: ({ metadata, status }) =>
        status.observedGeneration === metadata.generation &&
        status.desiredNumberScheduled === this.#options.nodeNames.length &&
        status.updatedNumberScheduled === status.desiredNumberScheduled &&
        status.numberAvailable === status.desiredNumberScheduled,
    });
  }

  async #controllers(): Promise<void> {
    await this.kube.waitForOne('Deployment', 'holdfast-controller', {
      condition: 'has all pods Ready and of the newest kind',
      holds: ({ metadata, spec, status }) =>
        status.observedGeneration === metadata.generation &&
        status.updatedReplicas === spec.replicas &&
        status.availableReplicas === spec.replicas &&
        status.replicas === spec.replicas,
    });
  }

  #helm(words: readonly string[]): Promise<string> {
    return helm(words, this.#options);
  }
}

/** The socket that the kubelet calls, as this machine sees it. */
export const socketOn = (node: DevNode): string => join(node.kubeletFolder, 'plugins', driverName, 'csi.sock');
export const registrationOn = (node: DevNode): string =>
  join(node.kubeletFolder, 'plugins_registry', `${driverName}-reg.sock`);

/** What Identity answers at a socket, as a caller with a connection of its own. */
export async function identityAt(path: string): Promise<{ name: string; version: string; isReady: boolean | null }> {
  const parts = { clock: new RealClock(), random: new RealRandom(), log: quietLog, metrics: null };
  const channel = await createChannel({ ...parts, address: `unix:${path}`, keeper: null });
  try {
    const { identityService } = await loadCsiServices();
    const calls = channel.calls(identityService);
    const [info, probe] = await Promise.all([
      calls.getPluginInfo({}, { timeoutMs: 5000 }),
      calls.probe({}, { timeoutMs: 5000 }),
    ]);
    return { name: info.name, version: info.vendorVersion, isReady: probe.ready };
  } finally {
    channel.close();
  }
}
