// A cluster of dev-env that a suite runs in: its nodes, and what can be done to them, all through dev-env/cluster.sh. The
// process of a case finds it by its environment (`fromEnvironment`), which `suite-cluster.ts` told.
import { join } from 'node:path';
import { invariant } from '@holdfast/base';
import { run } from './command.ts';

const clusterScript = join(import.meta.dirname, '../../../../dev-env/cluster.sh');

/** One machine of the cluster. Power, cable and pause are verbs of cluster.sh; all but `exec` return when they are done. */
export class DevNode {
  readonly name: string;
  /** Its /var/lib/kubelet, as this machine sees it. */
  readonly kubeletFolder: string;
  readonly #cluster: string;
  readonly #number: number;

  constructor(cluster: string, number: number, stateFolder: string) {
    this.name = `${cluster}-${number}`;
    this.kubeletFolder = join(stateFolder, 'nodes', this.name, 'kubelet');
    this.#cluster = cluster;
    this.#number = number;
  }

  start(): Promise<void> {
    return this.#do('start');
  }
  /** Power off, at once. */
  kill(): Promise<void> {
    return this.#do('kill');
  }
  /** The kubelet's graceful end, then power off. */
  shutdown(): Promise<void> {
    return this.#do('shutdown');
  }
  freeze(): Promise<void> {
    return this.#do('freeze');
  }
  thaw(): Promise<void> {
    return this.#do('thaw');
  }
  /** Takes the network cable out; the shared disks stay. */
  cut(): Promise<void> {
    return this.#do('cut');
  }
  mend(): Promise<void> {
    return this.#do('mend');
  }
  /** The kubelet is killed and started with the same words; pods run on. */
  restartKubelet(): Promise<void> {
    return this.#do('restart-kubelet');
  }
  /** Runs a command as a process of the node; its stdout. */
  exec(command: readonly string[]): Promise<string> {
    return this.#run(['exec', String(this.#number), ...command]);
  }

  async #do(verb: string): Promise<void> {
    await this.#run([verb, String(this.#number)]);
  }
  #run(words: readonly string[]): Promise<string> {
    return run([clusterScript, 'node', ...words], { environment: { CLUSTER: this.#cluster } });
  }
}

export class DevCluster {
  readonly name: string;
  readonly nodes: readonly DevNode[];
  /** Where dev-env keeps it: logs, nodes, certificates. */
  readonly stateFolder: string;

  constructor({ name, nodeCount, stateFolder }: ClusterPlace) {
    this.name = name;
    this.stateFolder = stateFolder;
    this.nodes = Array.from({ length: nodeCount }, (_, index) => new DevNode(name, index + 1, stateFolder));
  }

  static fromEnvironment(): DevCluster {
    const place = process.env[clusterVariable];
    invariant(place !== undefined, `${clusterVariable} is set by the runner of the suites`);
    return new DevCluster(JSON.parse(place) as ClusterPlace);
  }

  /** Counted from 1, as dev-env does. */
  node(number: number): DevNode {
    const node = this.nodes[number - 1];
    invariant(node !== undefined, `a node ${number} of ${this.nodes.length}`);
    return node;
  }
}

/** The cluster that a case may start beside the suite's; the runner ends both. */
export const neighbourOf = (name: string): string => `${name.slice(0, 7)}b`;

export interface ClusterPlace {
  readonly name: string;
  readonly nodeCount: number;
  readonly stateFolder: string;
}

/** Holds a ClusterPlace as JSON, from the runner to the process of the cases. */
export const clusterVariable = 'HOLDFAST_E2E_CLUSTER';
