// The registration with the kubelet comes back whatever ends: the kubelet, the process, the pod, the sockets, the node.
import { existsSync, watch } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { beforeAll, expect } from '@jest/globals';
import { RealClock } from '@holdfast/base';
import { kubeCase, type KubeCase } from '../../kube-case.ts';
import type { DevNode } from '../../kube/dev-cluster.ts';
import { hasCondition, type Pod } from '../../kube/objects.ts';
import { Presence } from './presence.ts';
import { driverName, identityAt, registrationOn, socketOn, type Release } from './release.ts';
import { ensureRelease, releaseOf } from './suite-release.ts';

const clock = new RealClock();
const registered = '"msg":"registered"';

beforeAll(ensureRelease, 120_000);

const restartsOf = (pod: Pod): number => pod.status.containerStatuses?.[0]?.restartCount ?? 0;

/** How often the process of a pod was registered so far, by its own log. */
async function registrationsOf(release: Release, pod: Pod): Promise<number> {
  const log = (await release.kube.logs(pod.metadata.name, 'node')) ?? '';
  return log.split('\n').filter((line) => line.includes(registered)).length;
}

async function signalDriver(node: DevNode, signal: 'KILL' | 'STOP' | 'CONT'): Promise<void> {
  await node.exec(['pkill', '--signal', signal, '--full', 'csi node --endpoint']);
}

const nodeLog = (pod: Pod): { pod: string; container: string } => ({ pod: pod.metadata.name, container: 'node' });

/** What `act` costs: the driver's absence, seen from before it until it is back on every node. */
async function follow({ kube, say }: KubeCase, release: Release, act: () => Promise<void>): Promise<Presence> {
  const presence = await Presence.follow(kube, clock);
  try {
    await act();
    await release.registered();
  } finally {
    await presence.stop();
  }
  say(presence.describe());
  return presence;
}

kubeCase('a killed kubelet finds the driver again', async (parts) => {
  const [release, node] = [releaseOf(parts), parts.cluster.node(2)];
  const pod = await release.nodePod(node.name);
  const before = await registrationsOf(release, pod);
  const presence = await follow(parts, release, async () => {
    await node.restartKubelet();
    await release.kube.waitForLine(nodeLog(pod), registered, before + 1);
  });
  expect(presence.gaps).toEqual([]);
  expect((await release.nodePod(node.name)).metadata.uid).toBe(pod.metadata.uid);
});

kubeCase('a killed process is started again, and registered again', async (parts) => {
  const [release, node] = [releaseOf(parts), parts.cluster.node(2)];
  const pod = await release.nodePod(node.name);
  await follow(parts, release, async () => {
    await signalDriver(node, 'KILL');
    const again = await release.nodePod(node.name, 'is Ready once more', (next) => restartsOf(next) > restartsOf(pod));
    expect(again.metadata.uid).toBe(pod.metadata.uid);
    await release.kube.waitForLine(nodeLog(pod), registered);
  });
  expect((await identityAt(socketOn(node))).name).toBe(driverName);
});

kubeCase('a deleted pod has a successor, which is registered', async (parts) => {
  const [release, node] = [releaseOf(parts), parts.cluster.node(2)];
  const pod = await release.nodePod(node.name);
  await follow(parts, release, async () => {
    await release.kube.delete('Pod', pod.metadata.name);
    const next = await release.nodePod(
      node.name,
      'is Ready in its place',
      ({ metadata }) => metadata.uid !== pod.metadata.uid,
    );
    await release.kube.waitForLine(nodeLog(next), registered);
  });
  expect((await identityAt(socketOn(node))).name).toBe(driverName);
});

/** Resolves when the file is there. */
function appears(path: string): Promise<void> {
  return new Promise((resolve) => {
    const watcher = watch(dirname(path), () => look());
    const look = (): void => {
      if (!existsSync(path)) return;
      watcher.close();
      resolve();
    };
    look();
  });
}

async function takeAway({ measure }: KubeCase, path: string, what: string): Promise<void> {
  await measure(`${what} is there again`, async () => {
    await rm(path);
    await appears(path);
  });
}

kubeCase('sockets that somebody removed are made again, and the driver with them', async (parts) => {
  const [release, node] = [releaseOf(parts), parts.cluster.node(2)];
  const pod = await release.nodePod(node.name);
  const before = await registrationsOf(release, pod);
  await follow(parts, release, async () => {
    await takeAway(parts, registrationOn(node), 'the registration socket');
    await release.kube.waitForLine(nodeLog(pod), registered, before + 1);
  });
  await takeAway(parts, socketOn(node), "the driver's socket");
  expect((await identityAt(socketOn(node))).name).toBe(driverName);
  expect(restartsOf(await release.nodePod(node.name))).toBe(restartsOf(pod));
});

kubeCase('after its folder was removed the driver starts again, and is registered again', async (parts) => {
  const [release, node] = [releaseOf(parts), parts.cluster.node(1)];
  const pod = await release.nodePod(node.name);
  await follow(parts, release, async () => {
    // Paused, since it would make its socket anew in a folder that is being emptied.
    await signalDriver(node, 'STOP');
    await rm(dirname(socketOn(node)), { recursive: true });
    await signalDriver(node, 'CONT');
    await release.nodePod(node.name, 'is Ready once more', (next) => restartsOf(next) > restartsOf(pod));
    await release.kube.waitForLine(nodeLog(pod), registered);
  });
  expect((await identityAt(socketOn(node))).name).toBe(driverName);
});

async function boot(parts: KubeCase, node: DevNode): Promise<void> {
  const bootId = (await parts.kube.get('Node', node.name))?.status.nodeInfo.bootID;
  await node.kill();
  await node.start();
  await parts.kube.waitForOne('Node', node.name, {
    condition: 'is Ready after another boot',
    holds: (next) => hasCondition(next, 'Ready') && next.status.nodeInfo.bootID !== bootId,
  });
}

kubeCase('a node that lost its power has the driver again, over the sockets of the boot before', async (parts) => {
  const [release, node] = [releaseOf(parts), parts.cluster.node(2)];
  const pod = await release.nodePod(node.name);
  await boot(parts, node);
  const again = await release.nodePod(
    node.name,
    'is Ready after the boot',
    (next) => restartsOf(next) > restartsOf(pod),
  );
  await release.kube.waitForLine(nodeLog(again), registered);
  await release.registered();
  expect((await identityAt(socketOn(node))).name).toBe(driverName);
});
