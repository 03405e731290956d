// What can happen to a node, and that it happens at once, to that node only, and as it would to a machine: what is powered off
// or paused does nothing any more, what comes back has its disks and another boot.
import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from '@jest/globals';
import { ownCase } from '../../dev-env/own-case.ts';
import { OwnCluster, script } from '../../dev-env/own-cluster.ts';
import { expectRefusal } from '../../dev-env/refusal.ts';
import type { Kube } from '../../kube/kube.ts';
import { busyboxPod, hasCondition, type Node, type Pod } from '../../kube/objects.ts';

const cluster = new OwnCluster('denodes');
const clusters = [cluster];
let kube: Kube;

const nameOf = (number: number): string => `denodes-${number}`;
const powers = async (): Promise<readonly (string | undefined)[]> =>
  [...(await cluster.status()).matchAll(/denodes-\d +(\w+)/g)].map(([, power]) => power);
const bootOf = (number: number): Promise<string> =>
  cluster.node('exec', number, 'cat', '/proc/sys/kernel/random/boot_id');
const sees = (number: number, isReady: boolean): Promise<Node> =>
  kube.waitForOne('Node', nameOf(number), {
    condition: isReady ? 'is Ready' : 'is not Ready',
    holds: (node) => hasCondition(node, 'Ready') === isReady,
  });
const readyPod = async (name: string, number: number): Promise<Pod> => {
  await kube.apply(busyboxPod({ name, nodeName: nameOf(number) }));
  return kube.waitForOne('Pod', name, { condition: 'is Ready', holds: (pod) => hasCondition(pod, 'Ready') });
};

beforeAll(async () => {
  await cluster.down();
  await cluster.up(3);
  kube = await cluster.kube();
}, 240_000);
afterAll(() => cluster.down(), 60_000);

ownCase(
  'nodes that are killed, paused and unplugged are seen as not Ready, told apart, and come back',
  clusters,
  async () => {
    const boots = await Promise.all([1, 2, 3].map(bootOf));
    expect(new Set(boots).size).toBe(3);
    await cluster.node('exec', 1, 'sh', '-c', 'echo kept >/var/lib/kubelet/kept');
    await cluster.node('kill', 1);
    await cluster.node('freeze', 2);
    await cluster.node('cut', 3);
    expect(await powers()).toEqual(['off', 'frozen', 'cut']);
    await Promise.all([1, 2, 3].map((number) => sees(number, false)));
    await cluster.node('start', 1);
    await cluster.node('thaw', 2);
    await cluster.node('mend', 3);
    expect(await powers()).toEqual(['on', 'on', 'on']);
    await Promise.all([1, 2, 3].map((number) => sees(number, true)));
    const again = await Promise.all([1, 2, 3].map(bootOf));
    expect(again.map((boot, index) => boot === boots[index])).toEqual([false, true, true]);
    expect(await cluster.node('exec', 1, 'cat', '/var/lib/kubelet/kept')).toBe('kept\n');
  },
);

ownCase('a paused node that is powered off does nothing more, not even once', clusters, async () => {
  const file = join(cluster.stateFolder, 'written');
  await writeFile(file, '');
  await cluster.node('exec', 2, 'sh', '-c', 'while :; do echo >>"$0"; done >/dev/null 2>&1 &', file);
  const size = async (): Promise<number> => (await stat(file)).size;
  const grown = await size();
  await cluster.node(
    'exec',
    1,
    'sh',
    '-c',
    'until [ "$(stat --format=%s "$0")" -gt "$1" ]; do sleep 0.05; done',
    file,
    String(grown),
  );
  await cluster.node('freeze', 2);
  const frozen = await size();
  expect(frozen).toBeGreaterThan(grown);
  await cluster.node('kill', 2);
  expect(await size()).toBe(frozen);
  expect(await powers()).toEqual(['on', 'off', 'on']);
  await cluster.node('start', 2);
  await sees(2, true);
});

ownCase('a graceful shutdown ends the pods first, and the node says that it goes', clusters, async () => {
  await readyPod('graceful', 3);
  await cluster.node('shutdown', 3);
  expect(await powers()).toEqual(['on', 'on', 'off']);
  const pod = await kube.get('Pod', 'graceful');
  expect(pod?.status.phase).toBe('Succeeded');
  const node = await kube.get('Node', nameOf(3));
  expect(JSON.stringify(node?.status.conditions)).toContain('node is shutting down');
  await cluster.node('start', 3);
  await sees(3, true);
});

ownCase('pods run on while the kubelet and the containerd under them are killed', clusters, async () => {
  const before = await readyPod('steady', 1);
  const tasks = (): Promise<string> => cluster.node('exec', 1, 'ctr', '--namespace=k8s.io', 'tasks', 'list');
  const running = await tasks();
  for (const daemon of ['kubelet', 'containerd']) {
    const pid = await cluster.node('exec', 1, 'pidof', daemon);
    await cluster.node(`restart-${daemon}`, 1);
    expect(await cluster.node('exec', 1, 'sh', '-c', `until pidof ${daemon}; do sleep 0.05; done`)).not.toBe(pid);
  }
  // The kubelet knows its pods again once it starts another.
  await readyPod('later', 1);
  const later = await tasks();
  for (const line of running.split('\n')) expect(later).toContain(line);
  expect(await kube.exec({ pod: 'steady' }, ['echo', 'alive'])).toBe('alive\n');
  expect((await kube.get('Pod', 'steady'))?.status.containerStatuses).toEqual(before.status.containerStatuses);
});

ownCase('a verb that a node cannot do in its state is refused in one line', clusters, async () => {
  const environment = { CLUSTER: cluster.name };
  const refused = (words: string, verb: string, number: string): Promise<void> =>
    expectRefusal([script('cluster.sh'), 'node', verb, number], words, { environment });
  await cluster.node('kill', 1);
  await cluster.node('freeze', 2);
  for (const verb of ['freeze', 'thaw', 'cut', 'mend', 'shutdown', 'restart-kubelet'])
    await refused('denodes-1 is off; start it first (DO=start)', verb, '1');
  for (const verb of ['shutdown', 'restart-kubelet', 'restart-containerd'])
    await refused('denodes-2 is frozen and does nothing; let it go on first (DO=thaw)', verb, '2');
  for (const number of ['0', '4', 'two'])
    await refused(`there is no node '${number}'; denodes has 1 to 3`, 'kill', number);
  expect(await powers()).toEqual(['off', 'frozen', 'on']);
});
