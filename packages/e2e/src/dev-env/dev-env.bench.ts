// How long a person waits for a cluster, for a pod in it and for its end, what the cluster leaves behind, and how long the
// builds take that both need. Needs root. The cold build of Kubernetes is not repeated: build.sh keeps what it measured.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { invariant, RealClock, RealRandom } from '@holdfast/base';
import { median, type Bench, type Report } from '@holdfast/tooling';
import type { Kube } from '../kube/kube.ts';
import { busyboxPod, hasCondition } from '../kube/objects.ts';
import { OwnCluster, script } from './own-cluster.ts';
import { kinds, tracesOf } from './traces.ts';

const podCount = 9;
const clock = new RealClock();
const name = 'debench';

const bench: Bench = {
  name: 'dev-env',
  async run(report) {
    measureBuilds(report);
    const cluster = new OwnCluster(name);
    await cluster.down();
    report.figure('cluster-up', await seconds(() => cluster.up(3)), 's', { atMost: 30 });
    try {
      const readyS = await podsReady(await cluster.kube());
      report.figure('pod-ready', median(readyS), 's', { atMost: 2 });
      report.figure('pod-ready-slowest', Math.max(...readyS), 's');
      const standing = tracesOf(name);
      // What counts nothing while the cluster stands would count nothing afterwards either.
      for (const kind of kinds)
        invariant(kind === 'mounts' || standing[kind].length > 0, `no ${kind} of a cluster that is up`);
      report.figure('processes-of-a-cluster', standing.processes.length, 'processes');
    } finally {
      report.figure('cluster-down', await seconds(() => cluster.down()), 's', { atMost: 5 });
    }
    const left = tracesOf(name);
    for (const kind of kinds) report.figure(`left-${kind}`, left[kind].length, kind, { atMost: 0 });
  },
};
export default bench;

function measureBuilds(report: Report): void {
  const build = (): string => execFileSync(script('build.sh'), { encoding: 'utf8' });
  build();
  const fromMs = clock.monotonicMs();
  const said = build();
  report.figure('build-unchanged', (clock.monotonicMs() - fromMs) / 1000, 's', { atMost: 2 });
  const [, coldS] = /cold build of Kubernetes took (\d+) s/.exec(said) ?? [];
  if (coldS === undefined) process.stderr.write('no cold build of this Kubernetes was made on this machine\n');
  else report.figure('kubernetes-cold-build', Number(coldS) / 60, 'min', { atMost: 25 });

  const root = join(import.meta.dirname, '../../../..');
  const image = (): Buffer => execFileSync('make', ['image'], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  image();
  const imageFromMs = clock.monotonicMs();
  image();
  report.figure('image-warm', (clock.monotonicMs() - imageFromMs) / 1000, 's', { atMost: 60 });
}

async function seconds(action: () => Promise<void>): Promise<number> {
  const fromMs = clock.monotonicMs();
  await action();
  return (clock.monotonicMs() - fromMs) / 1000;
}

/** One pod after the other, each from its creation to its Ready as the API server's watch shows them. */
async function podsReady(kube: Kube): Promise<number[]> {
  const suffix = new RealRandom().uuid().slice(0, 4);
  const readyS: number[] = [];
  for (let index = 0; index < podCount; index += 1) readyS.push(await podReady(kube, `pod-${index}-${suffix}`));
  return readyS;
}

async function podReady(kube: Kube, pod: string): Promise<number> {
  const created: number[] = [];
  const watch = await kube.watch('Pod', { name: pod }, (pods) => {
    if (pods.length > 0) created.push(clock.monotonicMs());
  });
  try {
    await kube.apply(busyboxPod({ name: pod }));
    const isReady = await watch.until((pods) => pods.some((object) => hasCondition(object, 'Ready')), 60_000);
    const readyMs = clock.monotonicMs();
    const [createdMs] = created;
    invariant(isReady && createdMs !== undefined, `the pod ${pod} is not Ready after a minute`);
    return (readyMs - createdMs) / 1000;
  } finally {
    await watch.stop();
  }
}
