// The chart in a Kubernetes by each Helm: a release lives and goes without a trace, survives a change from Helm 3 to Helm 4,
// is alone in its cluster, and its sidecars have the rights that they ask for.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { helmNames, type HelmName } from '../../chart/helms.ts';
import { kubeCase, type KubeCase } from '../../kube-case.ts';
import { run } from '../../kube/command.ts';
import { helm } from '../../kube/helm.ts';
import { claim, type Lease } from '../../kube/objects.ts';
import { driverOn, immediateClass, installWords, namespace, Release } from '../skeleton/release.ts';

const leaseName = 'csi-holdfast-dev';
const releaseLabels = { 'app.kubernetes.io/instance': 'holdfast' };

const releaseBy = ({ kube, cluster }: KubeCase, program: HelmName): Release =>
  new Release({ kube, program, nodeNames: cluster.nodes.map(({ name }) => name) });

async function start(parts: KubeCase, program: HelmName): Promise<Release> {
  const release = releaseBy(parts, program);
  if (await release.isInstalled()) await remove(parts, release);
  await parts.measure(`${program} install`, () => release.install());
  await release.whole();
  return release;
}

async function remove({ kube }: KubeCase, release: Release): Promise<void> {
  await release.uninstall();
  await release.kube.waitForNone('Pod', { labels: releaseLabels });
  await kube.waitFor({
    kind: 'CSINode',
    selection: {},
    condition: 'lists the driver no more',
    holds: (nodes) => nodes.every((node) => driverOn(node) === null),
  });
}

/** Of the kinds that the chart has, and of those that the sidecars and the collector could leave. */
async function remains(release: Release): Promise<string> {
  const labelled = ['get', 'all,csidrivers,storageclasses,clusterroles,clusterrolebindings,roles,rolebindings'];
  const others = ['leases,networkpolicies,poddisruptionbudgets,serviceaccounts,csistoragecapacities,secrets'];
  const [ours, inNamespace] = await Promise.all([
    release.kube.kubectl([...labelled, '--selector=app.kubernetes.io/instance=holdfast', '--output=name']),
    release.kube.kubectl(['get', ...others, '--output=name']),
  ]);
  return `${ours}${inNamespace}`.replace('serviceaccount/default\n', '').trim();
}

function leaderOf(release: Release, condition: string, holds: (lease: Lease) => boolean): Promise<Lease> {
  return release.kube.waitForOne('Lease', leaseName, {
    condition,
    holds: (lease) => (lease.spec.holderIdentity ?? '') !== '' && holds(lease),
  });
}

async function refused({ kube }: KubeCase, name: string): Promise<void> {
  await kube.apply(claim({ name, storageClassName: immediateClass }));
  await kube.waitForEvent(name, 'says why', ({ reason }) => reason === 'ProvisioningFailed');
}

for (const program of helmNames) {
  kubeCase(`${program} installs it, upgrades it and takes everything away`, async (parts) => {
    const release = await start(parts, program);
    await refused(parts, 'before');
    const { metadata } = await leaderOf(release, 'has a holder', () => true);
    await release.upgrade('logLevel=debug');
    await release.whole();
    const lease = await leaderOf(release, 'has a holder after the upgrade', () => true);
    expect(lease.metadata.uid).toBe(metadata.uid);
    await refused(parts, 'after');
    expect(await remains(release)).toContain(`lease.coordination.k8s.io/${leaseName}`);
    await remove(parts, release);
    expect(await remains(release)).toBe('');
  });
}

kubeCase('the commands that the notes name show every node with the driver', async (parts) => {
  const release = releaseBy(parts, 'helm');
  await release.ensure();
  const notes = await helm(['get', 'notes', 'holdfast', '--namespace', namespace]);
  const commands = [...notes.matchAll(/^ {2}(kubectl .*)$/gm)].map(([, command]) => command ?? '');
  expect(commands.at(-1)).toBe('kubectl describe persistentvolumeclaim NAME');
  const shown: string[] = [];
  for (const command of commands.slice(0, -1)) shown.push(await run(['sh', '-c', command]));
  for (const { name } of parts.cluster.nodes)
    expect(shown.join('')).toMatch(new RegExp(`^${name} +csi\\.holdfast\\.dev$`, 'm'));
});

kubeCase('what Helm 3 installed, Helm 4 upgrades and takes away', async (parts) => {
  await start(parts, 'helm3');
  const release = releaseBy(parts, 'helm');
  await release.upgrade('controller.replicas=1');
  await release.whole();
  await remove(parts, release);
  expect(await remains(release)).toBe('');
});

kubeCase('a second release in the cluster is refused, because the first has its driver', async (parts) => {
  await start(parts, 'helm');
  const words = installWords().map((word) => (word === 'holdfast' ? 'second' : word));
  for (const program of helmNames) {
    await expect(helm(words, { program })).rejects.toThrow(
      /exists and cannot be imported into the current release.*current value is "holdfast"/s,
    );
  }
  expect((await helm(['list', '--namespace', namespace, '--short'])).trim()).toBe('holdfast');
});

for (const program of helmNames) {
  kubeCase(`a Lease that somebody deleted is made again, and ${program} owns it after an upgrade`, async (parts) => {
    const release = await start(parts, program);
    const { metadata } = await leaderOf(release, 'has a holder', () => true);
    await release.kube.delete('Lease', leaseName);
    await leaderOf(release, 'is another one, and has a holder', (lease) => lease.metadata.uid !== metadata.uid);
    await release.upgrade('controller.replicas=1');
    await release.whole();
    await remove(parts, release);
    expect(await remains(release)).toBe('');
  });
}

interface AuditLine {
  readonly verb: string;
  readonly requestURI: string;
  readonly user: { readonly username: string };
  readonly objectRef?: { readonly resource?: string };
  readonly responseStatus?: { readonly code?: number };
}

/** What the sidecars asked the API server for so far. */
async function requestsOf({ cluster }: KubeCase): Promise<readonly AuditLine[]> {
  const text = await readFile(join(cluster.stateFolder, 'log/audit.log'), 'utf8');
  // The API server may be writing the last line.
  const lines = text.split('\n').slice(0, -1);
  return lines
    .map((line) => JSON.parse(line) as AuditLine)
    .filter(({ user }) => user.username === `system:serviceaccount:${namespace}:holdfast-controller`);
}

kubeCase('no request of the sidecars is refused for want of a right', async (parts) => {
  const release = releaseBy(parts, 'helm');
  // While a release goes, its rights go first.
  if (await release.isInstalled()) await remove(parts, release);
  const { length } = await requestsOf(parts);
  await start(parts, 'helm');
  await refused(parts, 'data');
  const requests = (await requestsOf(parts)).slice(length);
  const used = requests.map(({ verb, objectRef }) => `${verb} ${objectRef?.resource ?? ''}`);
  expect(used).toEqual(expect.arrayContaining(['update leases', 'watch persistentvolumeclaims', 'create events']));
  const wanted = requests.filter(({ responseStatus }) => responseStatus?.code === 403);
  expect(wanted.map(({ verb, requestURI }) => `${verb} ${requestURI}`)).toEqual([]);
});
