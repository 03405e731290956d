// What a person meets today: a driver on every node that says who it is, and claims that stay Pending with the reason.
import { beforeAll, expect } from '@jest/globals';
import { errorTable } from '@holdfast/base';
import { kubeCase, type KubeCase } from '../../kube-case.ts';
import { busyboxPod, claim } from '../../kube/objects.ts';
import { driverName, driverOn, identityAt, immediateClass, socketOn, volumesLimit } from './release.ts';
import { ensureRelease, releaseOf } from './suite-release.ts';

const isConcurrent = true;

beforeAll(ensureRelease, 120_000);

/** The one line that a person reads in the claim's Events. */
async function refusalOf({ kube, say }: KubeCase, name: string): Promise<string> {
  const event = await kube.waitForEvent(name, 'says why', ({ reason }) => reason === 'ProvisioningFailed');
  const [stored] = await kube.list('PersistentVolumeClaim', { name });
  expect(stored?.status.phase).toBe('Pending');
  expect(event.type).toBe('Warning');
  say(event.message);
  return event.message;
}

const refusal = new RegExp(
  '^rpc error: code = FailedPrecondition desc = the volume pvc-[0-9a-f-]{36} has no place: there is no pool yet ' +
    `\\[NO_POOL\\]\\. ${errorTable.NO_POOL.hint.replaceAll('.', '\\.')}$`,
);

kubeCase(
  'a claim of an Immediate class stays Pending, and its Event says why in one line',
  async (parts) => {
    await parts.kube.apply(claim({ name: 'data', storageClassName: immediateClass }));
    expect(await refusalOf(parts, 'data')).toMatch(refusal);
  },
  { isConcurrent },
);

kubeCase(
  'a claim that waits for its first consumer says why once there is a pod',
  async (parts) => {
    const { kube } = parts;
    await kube.apply(claim({ name: 'data', storageClassName: 'holdfast' }));
    await kube.waitForEvent('data', 'waits for a pod', ({ reason }) => reason === 'WaitForFirstConsumer');
    await kube.apply(
      busyboxPod({ name: 'web', volumes: { '/data': { persistentVolumeClaim: { claimName: 'data' } } } }),
    );
    expect(await refusalOf(parts, 'data')).toMatch(refusal);
    expect((await kube.get('Pod', 'web'))?.status.phase).toBe('Pending');
  },
  { isConcurrent },
);

kubeCase(
  'every node lists the driver under its own name, with room for as many volumes as were set',
  async ({ kube, cluster }) => {
    const nodes = await releaseOf({ kube, cluster }).registered();
    const listed = nodes.map((node) => [node.metadata.name, driverOn(node)] as const);
    const expected = cluster.nodes.map(
      ({ name }) => [name, { nodeID: name, allocatable: { count: volumesLimit } }] as const,
    );
    expect(Object.fromEntries(listed)).toMatchObject(Object.fromEntries(expected));
  },
  { isConcurrent },
);

kubeCase('Identity answers at the socket that the kubelet calls', async ({ cluster, measure }) => {
  for (const node of cluster.nodes) {
    const answer = await measure(`Identity on ${node.name}`, () => identityAt(socketOn(node)));
    expect(answer).toEqual({ name: driverName, version: expect.stringMatching(/^\d+\.\d+\.\d+/), isReady: true });
  }
});
