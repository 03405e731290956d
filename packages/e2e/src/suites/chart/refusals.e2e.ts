// What the chart refuses: every wrong value is answered with the key that it stands under, by Helm 3 and by Helm 4.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { chartFolder, helmNames, Helms, renderWords } from '../../chart/helms.ts';

const buildLimitMs = 16 * 60_000;

/** Words of helm, and what its message must name. */
const wrong: readonly (readonly [words: string, key: string, reason: string])[] = [
  // Keys that do not exist, at every level.
  ['--set=replicas=3', '', "'replicas' not allowed"],
  ['--set=image.name=x', '/image', "'name' not allowed"],
  ['--set=controller.replica=3', '/controller', "'replica' not allowed"],
  ['--set=node.hostNetwork=true', '/node', "'hostNetwork' not allowed"],
  ['--set=node.resources.limit.memory=1Gi', '/node/resources', "'limit' not allowed"],
  ['--set=node.resources.limits.disk=1Gi', '/node/resources/limits', "'disk' not allowed"],
  ['--set=sidecars.attacher.enable=true', '/sidecars/attacher', "'enable' not allowed"],
  ['--set=sidecars.provisioner.image.digest=x', '/sidecars/provisioner/image', "'digest' not allowed"],
  ['--set=sidecars.registrar.enabled=true', '/sidecars', "'registrar' not allowed"],
  ['--set=storageClasses.fast.pool=p1', '/storageClasses/fast', "'pool' not allowed"],
  ['--set=storageClasses.Fast.isDefault=true', '/storageClasses', "'Fast' not allowed"],
  ['--set=networkPolicy.enable=true', '/networkPolicy', "'enable' not allowed"],
  ['--set=controller.tolerations[0].operater=Exists', '/controller/tolerations/0', "'operater' not allowed"],
  ['--set=imagePullSecrets[0].secret=x', '/imagePullSecrets/0', "'secret' not allowed"],
  // Keys that are taken away.
  ['--set=node=null', '', "missing property 'node'"],
  ['--set=image.repository=null', '/image', "missing property 'repository'"],
  ['--set=sidecars.resizer.image=null', '/sidecars/resizer', "missing property 'image'"],
  // Values of another kind, or out of bounds.
  ['--set=image=holdfast:1', '/image', 'want object'],
  ['--set=image.repository=Holdfast', '/image/repository', 'does not match pattern'],
  ['--set=image.repository=holdfast:1', '/image/repository', 'does not match pattern'],
  ['--set=image.tag=1', '/image/tag', 'want string'],
  ['--set=imagePullPolicy=Sometimes', '/imagePullPolicy', 'must be one of'],
  ['--set=imagePullSecrets=registry', '/imagePullSecrets', 'want array'],
  ['--set=logLevel=trace', '/logLevel', 'must be one of'],
  ['--set=controller.replicas=0', '/controller/replicas', 'got 0, want 1'],
  ['--set-string=controller.replicas=2', '/controller/replicas', 'want integer'],
  ['--set=controller.priorityClassName=', '/controller/priorityClassName', 'does not match pattern'],
  ['--set=controller.nodeSelector.san=true', '/controller/nodeSelector/san', 'want string'],
  ['--set=controller.tolerations[0].effect=Never', '/controller/tolerations/0/effect', 'must be one of'],
  ['--set=node.kubeletDir=var/lib/kubelet', '/node/kubeletDir', 'does not match pattern'],
  ['--set=node.kubeletDir=/var/lib/kubelet/', '/node/kubeletDir', 'does not match pattern'],
  ['--set=node.bootIdFile=boot_id', '/node/bootIdFile', 'does not match pattern'],
  ['--set=node.maxVolumesPerNode=5000', '/node/maxVolumesPerNode', 'want 4,096'],
  ['--set=node.resources.requests.memory=lots', '/node/resources/requests/memory', 'does not match pattern'],
  ['--set=sidecars.apiQps=0', '/sidecars/apiQps', 'got 0, want 1'],
  ['--set=sidecars.provisioner.topology=1', '/sidecars/provisioner/topology', 'want boolean'],
  ['--set-string=sidecars.attacher.enabled=true', '/sidecars/attacher/enabled', 'want boolean'],
  ['--set=sidecars.snapshotter.image.tag=', '/sidecars/snapshotter/image/tag', 'does not match pattern'],
  ['--set=storageClasses.fast=Immediate', '/storageClasses/fast', 'want null or object'],
  ['--set=storageClasses.fast.volumeBindingMode=Later', '/storageClasses/fast/volumeBindingMode', 'must be one of'],
  ['--set=storageClasses.fast.reclaimPolicy=Recycle', '/storageClasses/fast/reclaimPolicy', 'must be one of'],
  ['--set=networkPolicy.apiServerPorts[0]=70000', '/networkPolicy/apiServerPorts/0', 'want 65,535'],
  ['--set-json=networkPolicy.apiServerPorts=[]', '/networkPolicy/apiServerPorts', 'want 1'],
];

let helms: Helms;
beforeAll(async () => {
  helms = await Helms.build();
}, buildLimitMs);
afterAll(async () => helms.close());

describe.each(helmNames)('by %s', (helm) => {
  test.each(wrong)('%s is refused', async (words, key, reason) => {
    const { code, stderr } = await helms.run(helm, renderWords([words]));
    expect(code).not.toBe(0);
    const lines = stderr.split('\n').filter((line) => line.includes(`at '${key}'`));
    expect({ stderr, names: lines.some((line) => line.includes(reason)) }).toEqual({ stderr, names: true });
  });

  test('a Kubernetes that is too old is refused', async () => {
    const { code, stderr } = await helms.run(helm, ['template', 'holdfast', chartFolder, '--kube-version=1.29.0']);
    expect(code).not.toBe(0);
    expect(stderr).toContain('requires kubeVersion: >=1.30.0-0');
  });
});
