// Two clusters on one machine: each is whole, neither is of the other, and what they share of the machine is told apart.
import { mkdtemp, readlink, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect } from '@jest/globals';
import { attempt } from '../../dev-env/attempt.ts';
import { ownCase } from '../../dev-env/own-case.ts';
import { OwnCluster, script } from '../../dev-env/own-cluster.ts';
import { expectRefusal } from '../../dev-env/refusal.ts';
import { run } from '../../kube/command.ts';
import type { Kube } from '../../kube/kube.ts';
import { busyboxPod, hasCondition, type Pod } from '../../kube/objects.ts';

const [left, right] = [new OwnCluster('deleft'), new OwnCluster('deright')];
const both = [left, right];
let kube: Kube;
let pods: readonly Pod[] = [];

beforeAll(async () => {
  await Promise.all(both.map((cluster) => cluster.down()));
  await Promise.all([left.up(3), right.up(2)]);
  kube = await left.kube();
}, 240_000);
afterAll(async () => {
  await Promise.all(both.map((cluster) => cluster.down()));
}, 60_000);

const ready = { condition: 'is Ready', holds: (pod: Pod): boolean => hasCondition(pod, 'Ready') };
async function readyPod(on: Kube, name: string, nodeName: string): Promise<Pod> {
  await on.apply(busyboxPod({ name, nodeName }));
  return on.waitForOne('Pod', name, ready);
}

ownCase('a pod becomes Ready on each node of both, and status shows the nodes', both, async () => {
  pods = await Promise.all([1, 2, 3].map((number) => readyPod(kube, `pod${number}`, `deleft-${number}`)));
  await readyPod(await right.kube(), 'pod1', 'deright-2');
  const status = await left.status();
  expect(status.match(/deleft-\d +on +Ready/g)).toEqual([1, 2, 3].map((n) => expect.stringContaining(`deleft-${n} `)));
  expect(status).not.toContain('deright');
});

ownCase('pods reach services by name and each other across nodes, and the machine reaches pods', both, async () => {
  await kube.exec({ pod: 'pod1' }, ['nslookup', 'kubernetes.default.svc.cluster.local']);
  const [, second, third] = pods.map(({ status }) => status.podIP ?? '');
  await kube.exec({ pod: 'pod1' }, ['ping', '-c', '1', '-W', '2', second ?? '']);
  await run(['busybox', 'ping', '-c', '1', '-W', '2', third ?? '']);
});

ownCase('up again changes nothing, two at once become one, and another number of nodes is refused', both, async () => {
  const init = await run(['cat', join(left.stateFolder, 'made/init')]);
  const [first, second] = await Promise.all([left.try('cluster.sh', 'up', '3'), left.try('cluster.sh', 'up', '3')]);
  for (const { exitCode, stdout } of [first, second]) {
    expect(exitCode).toBe(0);
    expect(stdout).toContain('deleft is up already');
  }
  expect(await run(['cat', join(left.stateFolder, 'made/init')])).toBe(init);
  await expectRefusal([script('cluster.sh'), 'up', '2'], 'deleft is up with 3 nodes, not 2; run dev-down first', {
    environment: { CLUSTER: 'deleft' },
  });
});

ownCase('an image is given to every node of one cluster', both, async () => {
  const work = await mkdtemp(join(tmpdir(), 'holdfast-image-'));
  try {
    await symlink('/nowhere', join(work, 'true'));
    const file = join(work, 'mine.tar');
    await run([script('image.sh'), 'holdfast.test/mine:1', work, file, '/true']);
    await left.try('cluster.sh', 'load', file);
    for (const number of [1, 2, 3])
      expect(await left.node('exec', number, 'ctr', '--namespace=k8s.io', 'images', 'list', '--quiet')).toContain(
        'mine:1\n',
      );
    expect(await right.node('exec', 1, 'ctr', '--namespace=k8s.io', 'images', 'list', '--quiet')).not.toContain(
      'mine:1',
    );
  } finally {
    await rm(work, { recursive: true });
  }
});

ownCase('the nodes of a cluster share its disks, which do direct I/O and are of no other cluster', both, async () => {
  const disk = '/dev/holdfast/deleft/disk0';
  await left.node('exec', 1, 'sh', '-c', `printf from-one | dd of=${disk} conv=fsync status=none`);
  expect(await left.node('exec', 2, 'head', '--bytes=8', disk)).toBe('from-one');
  const device = await readlink(disk);
  expect(device).not.toBe(await readlink('/dev/holdfast/deright/disk0'));
  expect(await run(['cat', `/sys/block/${basename(device)}/loop/dio`])).toBe('1\n');
  expect((await left.disks('list')).match(/\/dev\/loop\d+/g)).toHaveLength(2);
});

ownCase('the build that a cluster runs from is held for as long as it runs', both, async () => {
  const built = (await run(['cat', join(left.stateFolder, 'build')])).trim();
  expect((await attempt(['flock', '--nonblock', built, 'true'])).exitCode).toBe(1);
});

ownCase('the end of one is not noticed by the other', both, async () => {
  const other = await right.kube();
  const restarts = async (): Promise<unknown> =>
    (await other.in('kube-system').list('Pod')).map(({ status }) => status.containerStatuses);
  const before = await restarts();
  await left.down();
  expect(await right.status()).toMatch(/deright-1 +on +Ready\n +deright-2 +on +Ready\n/);
  expect(await restarts()).toEqual(before);
  await readyPod(other, 'later', 'deright-1');
});
