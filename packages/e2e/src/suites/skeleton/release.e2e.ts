// The life of the release: installed, upgraded, led by another, removed without residue, installed again.
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeAll, expect } from '@jest/globals';
import { RealClock, RealRandom, RealTimers, retry } from '@holdfast/base';
import { caseLabel, kubeCase, type KubeCase } from '../../kube-case.ts';
import type { DevNode } from '../../kube/dev-cluster.ts';
import type { Kube } from '../../kube/kube.ts';
import { claim, type Metadata } from '../../kube/objects.ts';
import { Presence } from './presence.ts';
import {
  driverName,
  driverOn,
  immediateClass,
  installWords,
  labels,
  namespace,
  registrationOn,
  socketOn,
} from './release.ts';
import { ensureRelease, releaseOf } from './suite-release.ts';

const clock = new RealClock();
const leaseName = 'csi-holdfast-dev';
/** A Lease that nobody renews runs out after 8 s; the other looks every 2 s, and lists what there is before it works. */
const takeoverLimitMs = 20_000;

beforeAll(ensureRelease, 120_000);

async function refused({ kube }: KubeCase, name: string, limitMs?: number): Promise<void> {
  await kube.apply(claim({ name, storageClassName: immediateClass }));
  await kube.waitForEvent(name, 'says why', ({ reason }) => reason === 'ProvisioningFailed', limitMs);
}

interface Found {
  readonly kind: string;
  readonly metadata: Metadata & { readonly managedFields?: unknown };
  readonly status?: { readonly images?: unknown };
}

/** What helm's --create-namespace makes and an uninstall leaves, as helm says. */
const isOfNamespace = ({ kind, metadata }: Found): boolean =>
  (kind === 'Namespace' && metadata.name === namespace) ||
  (metadata.namespace === namespace && ['default', 'kube-root-ca.crt'].includes(metadata.name));

/** Of all kinds that the API server can list, but for Events, which tell the past, and the images that a node keeps. */
async function objectsThatMentionUs(kube: Kube): Promise<readonly string[]> {
  const kinds = (await kube.kubectl(['api-resources', '--verbs=list', '--output=name'])).trim().split('\n');
  const listed = kinds.filter((kind) => !kind.startsWith('events') && kind !== 'componentstatuses').join(',');
  const text = await kube.kubectl(['get', listed, '--all-namespaces', '--output=json', '--ignore-not-found']);
  const { items } = JSON.parse(text) as { readonly items: readonly Found[] };
  const cases = new Set(
    items.filter(({ metadata }) => metadata.labels?.[caseLabel] !== undefined).map((it) => it.metadata.name),
  );
  return items
    .filter((object) => !isOfNamespace(object) && !cases.has(object.metadata.namespace ?? object.metadata.name))
    .filter((object) => {
      const status = { ...object.status, images: null };
      // dev-env's own images are named holdfast.test/.
      return /holdfast(?!\.test\/)/.test(JSON.stringify({ ...object, status }));
    })
    .map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ''} ${metadata.name}`);
}

/** Sockets, other files and mounts; the empty folder of a hostPath volume is the kubelet's, which never removes one. */
async function filesOn(node: DevNode): Promise<readonly string[]> {
  const folders = [dirname(socketOn(node)), dirname(registrationOn(node))];
  const files = await Promise.all(
    folders.map(async (folder) => (await readdir(folder)).map((name) => join(folder, name))),
  );
  const mounts = (await node.exec(['cat', '/proc/self/mountinfo']))
    .split('\n')
    .filter((line) => line.includes(driverName));
  return [...files.flat(), ...mounts];
}

kubeCase('an upgrade replaces pod after pod, and controllers answer all the while', async (parts) => {
  const { kube, say } = parts;
  const release = releaseOf(parts);
  let leastAvailable = Infinity;
  const deployment = await release.kube.watch('Deployment', { name: 'holdfast-controller' }, ([first]) => {
    leastAvailable = Math.min(leastAvailable, first?.status.availableReplicas ?? 0);
  });
  const presence = await Presence.follow(kube, clock);
  await release.upgrade('logLevel=debug');
  await Promise.all([refused(parts, 'meanwhile'), release.whole()]);
  await presence.stop();
  await deployment.stop();
  say(presence.describe());
  say(`at least ${leastAvailable} controllers were available`);
  expect(leastAvailable).toBe(2);
  // A node's successor starts when its pod has ended; the kubelet repeats what it asks for meanwhile.
  expect(presence.absentAtOnce).toBeLessThanOrEqual(1);
  for (const { tookMs } of presence.gaps) expect(tookMs).toBeLessThan(30_000);
});

kubeCase('when the leading controller is killed, another answers within the life of its Lease', async (parts) => {
  const { measure } = parts;
  const release = releaseOf(parts);
  const pods = await release.kube.list('Pod', { labels: labels('controller') });
  // A pod that is ending may still hold the Lease of a moment ago.
  const names = pods
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map(({ metadata }) => metadata.name);
  const { spec } = await release.kube.waitForOne('Lease', leaseName, {
    condition: 'is held by a pod that stays',
    holds: (lease) => names.includes(lease.spec.holderIdentity ?? ''),
  });
  const holder = spec.holderIdentity ?? '';
  await release.kube.kubectl(['delete', 'pod', holder, '--force', '--grace-period=0', '--wait=false']);
  await measure('from the kill to the Event of a claim', () => refused(parts, 'after', takeoverLimitMs));
  await release.kube.waitForOne('Lease', leaseName, {
    condition: 'has another holder',
    holds: (lease) => !['', holder].includes(lease.spec.holderIdentity ?? ''),
    limitMs: takeoverLimitMs,
  });
  await release.whole();
});

kubeCase('an uninstall leaves nothing: no object, no registration, no file', async (parts) => {
  const { kube, cluster } = parts;
  const release = releaseOf(parts);
  // Whoever finds nothing afterwards must find it while it is there.
  expect((await objectsThatMentionUs(kube)).length).toBeGreaterThan(cluster.nodes.length);
  for (const node of cluster.nodes) expect(await filesOn(node)).toEqual([socketOn(node), registrationOn(node)]);
  await release.uninstall();
  await Promise.all([
    release.kube.waitForNone('Pod', { labels: { 'app.kubernetes.io/instance': 'holdfast' } }),
    kube.waitFor({
      kind: 'CSINode',
      selection: {},
      condition: 'lists the driver no more',
      holds: (nodes) => nodes.every((node) => driverOn(node) === null),
    }),
  ]);
  const limits = { timers: new RealTimers(), random: new RealRandom(), attemptsLimit: 20, isRetriable: () => true };
  // The collector of what the pods' owners owned comes a moment later.
  await retry(async () => expect(await objectsThatMentionUs(kube)).toEqual([]), {
    ...limits,
    backoff: { baseMs: 100, ceilingMs: 1000 },
  });
  for (const node of cluster.nodes) expect(await filesOn(node)).toEqual([]);
});

kubeCase("the README's line installs it again, and every node registers", async (parts) => {
  const release = releaseOf(parts);
  expect(await release.isInstalled()).toBe(false);
  parts.say(`helm ${installWords().join(' ')}`);
  await parts.measure('helm install', () => release.install());
  await release.whole();
  await refused(parts, 'data');
});
