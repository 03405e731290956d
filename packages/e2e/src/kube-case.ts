// A case of a suite that has a Kubernetes: a namespace of its own, made for the case and gone after it, so that cases may run
// side by side. What came true, and after how long, is printed when the case ends; what a failed one left is kept.
import { test } from '@jest/globals';
import { RealClock, RealRandom, RealTimers, withTimeout } from '@holdfast/base';
import { openArtefacts, slug } from './artefacts.ts';
import { DevCluster } from './kube/dev-cluster.ts';
import { keepKubeArtefacts } from './kube/kube-artefacts.ts';
import { Kube, type Figure } from './kube/kube.ts';

export interface KubeCase {
  /** In the case's namespace. */
  readonly kube: Kube;
  readonly cluster: DevCluster;
  /** Runs `work` and prints how long it took beside the conditions that were waited for. */
  readonly measure: <Value>(what: string, work: () => Promise<Value>) => Promise<Value>;
  /** Prints a line beside the figures. */
  readonly say: (line: string) => void;
}

/** On the namespace of every case. */
export const caseLabel = 'e2e-case';

export interface KubeCaseOptions {
  /**
   * It looks only at what it made itself, so it may run while others of its file that say so do. It must not load a module
   * while it runs, as the first use of rpc does: jest refuses that from the moment when one of its neighbours has ended.
   */
  readonly isConcurrent?: boolean;
  readonly limitMs?: number;
}

type Body = (parts: KubeCase) => Promise<void>;

const clock = new RealClock();
const timers = new RealTimers();
const caseLimitMs = 120_000;
const accountLimitMs = 20_000;
/** After a case's limit, to keep what it left. */
const artefactsLimitMs = 60_000;

export function kubeCase(name: string, body: Body, options: KubeCaseOptions = {}): void {
  const { isConcurrent = false, limitMs = caseLimitMs } = options;
  const runTest = isConcurrent ? test.concurrent : test;
  runTest(name, () => runCase(name, limitMs, body), limitMs + artefactsLimitMs);
}

async function runCase(name: string, limitMs: number, body: Body): Promise<void> {
  const startMs = clock.monotonicMs();
  const lines: string[] = [];
  const onFigure = ({ what, tookMs }: Figure): void => void lines.push(`     ${seconds(tookMs)}  ${what}`);
  const namespace = `${slug(name, 40)}-${new RealRandom().uuid().slice(0, 4)}`;
  const cluster = DevCluster.fromEnvironment();
  const kube = new Kube({ namespace, clock, timers, onFigure });
  const measure: KubeCase['measure'] = async (what, work) => {
    const fromMs = clock.monotonicMs();
    const value = await work();
    onFigure({ what, tookMs: clock.monotonicMs() - fromMs });
    return value;
  };
  const say = (line: string): void => void lines.push(`              ${line}`);
  let verdict = 'FAILED';
  try {
    await withTimeout({ timers, what: name, limitMs }, async () => {
      await openNamespace(kube);
      await body({ kube, cluster, measure, say });
    });
    verdict = 'ok';
    await kube.delete('Namespace', namespace);
  } catch (error) {
    const folder = await openArtefacts(name, error);
    if (folder !== null) await keepKubeArtefacts({ folder, stateFolder: cluster.stateFolder });
    throw error;
  } finally {
    const tookMs = clock.monotonicMs() - startMs;
    process.stderr.write([`${verdict.padEnd(6)} ${seconds(tookMs)}  ${name}`, ...lines, ''].join('\n'));
  }
}

/** With the account that its pods run as, which the controller manager makes a moment later. */
async function openNamespace(kube: Kube): Promise<void> {
  const labels = { [caseLabel]: '' };
  await kube.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: kube.namespace, labels } });
  const watch = await kube.watch('ServiceAccount', { name: 'default' });
  try {
    if (!(await watch.until((accounts) => accounts.length === 1, accountLimitMs)))
      throw new Error(`the namespace ${kube.namespace} has no default account`);
  } finally {
    await watch.stop();
  }
}

const seconds = (durationMs: number): string => `${(durationMs / 1000).toFixed(1).padStart(6)} s`;
