// What the helpers promise, on a bare cluster: a wait tells what it saw and why it was in vain, nothing between two looks is
// missed, pods run and speak, and each verb does to a node what it says.
import { expect } from '@jest/globals';
import { kubeCase } from '../../kube-case.ts';
import { busyboxPod, claim, hasCondition, type Node, type Pod } from '../../kube/objects.ts';

const isReady = (object: Pod | Node): boolean => hasCondition(object, 'Ready');
const ready = { condition: 'is Ready', holds: isReady };
const isConcurrent = true;

kubeCase(
  'a pod is applied, awaited, spoken to and read',
  async ({ kube }) => {
    await kube.apply(busyboxPod({ name: 'web', script: 'echo said; exec sleep 1000' }));
    const pod = await kube.waitForOne('Pod', 'web', ready);
    expect(pod.spec.containers.map(({ name }) => name)).toEqual(['main']);
    expect(await kube.exec({ pod: 'web' }, ['sh', '-c', 'echo "$0"', 'a word'])).toBe('a word\n');
    expect(await kube.logs('web', 'main')).toMatch(/^\S+Z said\n$/);
    expect(await kube.logs('web', 'main', { previous: true })).toBeNull();
    await kube.delete('Pod', 'web', ['--force']);
    await kube.waitForNone('Pod', { name: 'web' });
    await expect(kube.exec({ pod: 'web' }, ['true'])).rejects.toThrow(/exec web -- true failed \(1\): .*not found/);
  },
  { isConcurrent },
);

kubeCase(
  'a wait in vain tells the last status and the last Events of what it waited for',
  async ({ kube }) => {
    await kube.apply(
      claim({ name: 'nowhere', storageClassName: 'missing' }),
      busyboxPod({ name: 'web', volumes: { '/data': { persistentVolumeClaim: { claimName: 'nowhere' } } } }),
    );
    await kube.waitForEvent('web', 'says why it is not scheduled', ({ reason }) => reason === 'FailedScheduling');
    const wait = kube.waitForOne('Pod', 'web', { ...ready, limitMs: 500 });
    await expect(wait).rejects.toThrow(
      /^in vain for 500ms: Pod web is Ready\nlast seen: web \{"phase":"Pending",.*\nlast Events:\n.* Pod web FailedScheduling: /,
    );
    const absent = kube.waitForOne('Pod', 'absent', { ...ready, limitMs: 100 });
    await expect(absent).rejects.toThrow('in vain for 100ms: Pod absent is Ready\nlast seen: none\nno Events');
  },
  { isConcurrent },
);

kubeCase(
  'a watch sees every state, also one that is over before anybody looks',
  async ({ kube }) => {
    const phases = new Set<string>();
    const watch = await kube.watch('Pod', {}, (pods) => pods.forEach(({ status }) => phases.add(status.phase)));
    await kube.apply(busyboxPod({ name: 'short', script: 'true' }));
    await kube.waitForOne('Pod', 'short', {
      condition: 'has restarted',
      holds: ({ status }) => (status.containerStatuses?.[0]?.restartCount ?? 0) > 0,
    });
    await kube.delete('Pod', 'short');
    expect(await watch.until((pods) => pods.length === 0, 40_000)).toBe(true);
    await watch.stop();
    expect([...phases]).toEqual(expect.arrayContaining(['Pending', 'Running']));
    expect(watch.breaks).toBe(0);
  },
  { isConcurrent },
);

kubeCase('a killed kubelet comes back and its pods have run on', async ({ kube, cluster }) => {
  const node = cluster.node(2);
  const script = 'trap "exit 0" TERM; echo alive; while :; do sleep 0.2; done';
  await kube.apply(busyboxPod({ name: 'web', nodeName: node.name, script }));
  const before = await kube.waitForOne('Pod', 'web', ready);
  const pid = await node.exec(['pidof', 'kubelet']);
  await node.restartKubelet();
  // Through the kubelet, which is there again once it answers.
  await kube.waitForLine({ pod: 'web', container: 'main' }, 'alive', 1);
  expect(await node.exec(['pidof', 'kubelet'])).not.toBe(pid);
  expect((await kube.get('Pod', 'web'))?.status.containerStatuses).toEqual(before.status.containerStatuses);
});

kubeCase('nodes are paused, unplugged, powered off, shut down, and come back', async ({ kube, cluster }) => {
  const [first, second] = [cluster.node(1), cluster.node(2)];
  const notReady = { condition: 'is not Ready', holds: (node: Node) => !isReady(node), limitMs: 40_000 };
  await Promise.all([first.freeze(), second.cut()]);
  await Promise.all([first, second].map(({ name }) => kube.waitForOne('Node', name, notReady)));
  await Promise.all([first.thaw(), second.mend()]);
  const nodes = await Promise.all([first, second].map(({ name }) => kube.waitForOne('Node', name, ready)));
  await first.kill();
  await second.shutdown();
  await expect(first.exec(['true'])).rejects.toThrow(`${first.name} is off`);
  await Promise.all([first.start(), second.start()]);
  const rebooted = await Promise.all(
    nodes.map(({ metadata, status }) =>
      kube.waitForOne('Node', metadata.name, {
        condition: 'is Ready after another boot',
        holds: (node) => isReady(node) && node.status.nodeInfo.bootID !== status.nodeInfo.bootID,
      }),
    ),
  );
  expect(rebooted).toHaveLength(2);
});
