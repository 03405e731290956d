// A cluster that a case of dev-env's own suite or bench starts and ends by itself, under a name of its own, so that it meets
// nobody else's. Everything goes through dev-env/cluster.sh, as a person's would.
import { dirname, join } from 'node:path';
import { invariant, RealClock, RealTimers } from '@holdfast/base';
import { run } from '../kube/command.ts';
import { Kube } from '../kube/kube.ts';
import { attempt, type Attempt } from './attempt.ts';

export const devEnvFolder = join(import.meta.dirname, '../../../../dev-env');
export const script = (name: string): string => join(devEnvFolder, name);
/** Where clusters keep what they are made of, unless HOLDFAST_DEV_ENV names another folder. */
export const stateRoot = process.env['HOLDFAST_DEV_ENV'] ?? '/var/tmp/holdfast-dev-env';

export class OwnCluster {
  readonly name: string;
  readonly stateFolder: string;
  readonly #environment: Readonly<Record<string, string>>;
  #programs: Readonly<Record<string, string>> | null = null;

  constructor(name: string, environment: Readonly<Record<string, string>> = {}) {
    this.name = name;
    this.stateFolder = join(stateRoot, name, 'cluster');
    this.#environment = { ...environment, CLUSTER: name };
  }

  /** With two disks, unless `environment` of the constructor says something else. */
  async up(nodeCount: number): Promise<void> {
    await run([script('cluster.sh'), 'up', String(nodeCount)], { environment: this.#environment, limitMs: 300_000 });
  }

  async down(): Promise<void> {
    await run([script('cluster.sh'), 'down'], { environment: this.#environment });
    this.#programs = null;
  }

  status(): Promise<string> {
    return run([script('cluster.sh'), 'status'], { environment: this.#environment });
  }

  /** A verb of `cluster.sh node`, such as kill, or exec with a command. */
  node(verb: string, number: number, ...command: readonly string[]): Promise<string> {
    return run([script('cluster.sh'), 'node', verb, String(number), ...command], { environment: this.#environment });
  }

  /** A script of dev-env about this cluster, which may refuse. */
  try(name: string, ...words: readonly string[]): Promise<Attempt> {
    return attempt([script(name), ...words], { environment: this.#environment });
  }

  disks(verb: 'create' | 'remove' | 'list', ...words: readonly string[]): Promise<string> {
    return run([script('disks.sh'), verb, ...words], { environment: this.#environment });
  }

  /** Its API server, in the namespace `default`, whose account it waits for. */
  async kube(): Promise<Kube> {
    const [clock, timers, environment] = [new RealClock(), new RealTimers(), await this.environment()];
    const kube = new Kube({ namespace: 'default', clock, timers, environment, onFigure: () => undefined });
    await kube.waitForOne('ServiceAccount', 'default', { condition: 'is there', holds: () => true });
    return kube;
  }

  /** What lets kubectl and helm speak to it. */
  async environment(): Promise<Readonly<Record<string, string>>> {
    this.#programs ??= await this.#readEnvironment();
    return this.#programs;
  }

  async #readEnvironment(): Promise<Readonly<Record<string, string>>> {
    const text = await run([script('cluster.sh'), 'env'], { environment: this.#environment });
    const [, kubeconfig, programs] = /^export KUBECONFIG=(\S+) PATH="([^:]+):/.exec(text) ?? [];
    invariant(kubeconfig !== undefined && programs !== undefined, `cluster.sh env said something else: ${text}`);
    invariant(dirname(dirname(kubeconfig)) === this.stateFolder, `the state is not in ${this.stateFolder}`);
    return { KUBECONFIG: kubeconfig, PATH: `${programs}:${process.env['PATH'] ?? ''}` };
  }
}
