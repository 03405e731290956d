// The development cluster by kind: dev-env/kind/cluster.sh as a person uses it, against a dockerd of the suite's own in a network
// of its own. Node images cannot be pulled there, so node-image.sh makes one; everything else is what people with Docker have.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { DockerDaemon, install } from '../../docker/docker-daemon.ts';
import { run } from '../../kube/command.ts';

const minuteMs = 60_000;
const cluster = 'kinde2e';
const nodeImage = 'holdfast.test/kind-node:1';
const workers = ['kinde2e-worker', 'kinde2e-worker2', 'kinde2e-worker3'] as const;
const root = join(import.meta.dirname, '../../../../..');
const devEnv = join(root, 'dev-env');
let daemon: DockerDaemon | null = null;
let build = '';

function docker(): DockerDaemon {
  if (daemon === null) throw new Error('there is no dockerd');
  return daemon;
}

/** A command of dev-env/kind/cluster.sh. */
function kind(...words: readonly string[]): Promise<string> {
  const images = ['csi-provisioner', 'csi-attacher', 'csi-resizer', 'csi-snapshotter', 'busybox'];
  return run([...docker().inNetwork(), join(devEnv, 'kind/cluster.sh'), ...words], {
    limitMs: 8 * minuteMs,
    environment: {
      ...docker().environment(),
      CLUSTER: cluster,
      KIND_NODE_IMAGE: nodeImage,
      KIND_IMAGES: images.map((name) => join(build, 'images', `${name}.tar`)).join(' '),
      KIND_VALUES: join(root, 'charts/holdfast/ci/dev-values.yaml'),
    },
  });
}

const kubectl = (...words: readonly string[]): Promise<string> =>
  docker().run(['exec', `${cluster}-control-plane`, 'kubectl', '--kubeconfig=/etc/kubernetes/admin.conf', ...words], {
    limitMs: 3 * minuteMs,
  });

/** Unknown is what the controller manager says of a node that it has not heard of for its grace. */
const becomes = (name: string, ready: 'True' | 'Unknown'): Promise<string> =>
  kubectl('wait', `node/${name}`, `--for=condition=Ready=${ready}`, '--timeout=150s');

beforeAll(async () => {
  await install('debootstrap', '/usr/sbin/debootstrap');
  const said = await run([join(devEnv, 'build.sh')], { limitMs: 40 * minuteMs });
  build = /^dev-env: (?:built: |built in \d+ s: )(.*)$/m.exec(said)?.[1] ?? '';
  await run(['make', 'image'], { cwd: root, limitMs: 10 * minuteMs });
  // Both reach for Go modules, which the network of the daemon does not.
  await run([join(devEnv, 'kind/cluster.sh'), 'build'], { limitMs: 10 * minuteMs });
  const made = await run([join(devEnv, 'kind/node-image.sh')], { limitMs: 20 * minuteMs });
  const tree = /^dev-env: made: (.*)$/m.exec(made)?.[1] ?? '';
  daemon = await DockerDaemon.start({ hasOwnNetwork: true });
  const entryPoint = 'ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]';
  const path = 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  const changes = [entryPoint, path, 'ENV container=docker'].flatMap((line) => ['--change', line]);
  await docker().run(['import', ...changes, tree, nodeImage], { limitMs: 5 * minuteMs });
  await kind('up');
}, 60 * minuteMs);

afterAll(async () => {
  await daemon?.close();
}, 5 * minuteMs);

test('the driver is registered on every node, each with proxies at work and a boot id of its own', async () => {
  const drivers = await kubectl(
    'get',
    'csinodes',
    '-o',
    'jsonpath={range .items[*]}{.metadata.name}={.spec.drivers[*].name} {end}',
  );
  const registered = [`${cluster}-control-plane`, ...workers].map((name) => `${name}=csi.holdfast.dev`);
  expect(drivers.trim().split(' ').toSorted()).toEqual(registered.toSorted());
  for (const name of workers) {
    await kubectl(
      'wait',
      'pods',
      '-n',
      'kube-system',
      '-l',
      'k8s-app=kube-proxy',
      `--field-selector=spec.nodeName=${name}`,
      '--for=condition=Ready',
      '--timeout=60s',
    );
  }
  const bootIds = await Promise.all(
    ['1', '2', '3'].map((number) => kind('node', 'exec', number, 'cat', '/run/boot_id')),
  );
  expect(new Set(bootIds).size).toBe(3);
});

test('what one node writes to a disk, another reads', async () => {
  const disk = `/dev/holdfast/${cluster}/disk0`;
  await kind('node', 'exec', '1', 'sh', '-c', `echo from-one | dd of=${disk} conv=fsync status=none`);
  expect(await kind('node', 'exec', '2', 'head', '-c', '8', disk)).toBe('from-one');
});

test(
  'a killed, a paused and an unplugged node are given up, and come back',
  async () => {
    const before = await kind('node', 'exec', '1', 'cat', '/run/boot_id');
    await kind('node', 'kill', '1');
    await kind('node', 'freeze', '2');
    await kind('node', 'cut', '3');
    for (const name of workers) await becomes(name, 'Unknown');
    expect(await kind('status')).toMatch(/worker {2}exited\n.*worker2 {2}paused\n.*worker3 {2}running\n/);
    await kind('node', 'start', '1');
    await kind('node', 'thaw', '2');
    await kind('node', 'mend', '3');
    for (const name of workers) await becomes(name, 'True');
    expect(await kind('node', 'exec', '1', 'cat', '/run/boot_id')).not.toBe(before);
  },
  8 * minuteMs,
);

test(
  'a shutdown ends the pods of its node before it goes',
  async () => {
    const pod = {
      nodeName: workers[2],
      containers: [
        {
          name: 'main',
          image: 'holdfast.test/busybox:1',
          imagePullPolicy: 'Never',
          command: ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.2; done'],
        },
      ],
    };
    await kubectl('run', 'witness', '--image=unused', '--overrides', JSON.stringify({ spec: pod }));
    await kubectl('wait', 'pod/witness', '--for=condition=Ready', '--timeout=60s');
    await kind('node', 'shutdown', '3');
    expect(await kubectl('get', 'pods', '--no-headers', '--ignore-not-found', 'witness')).toBe('');
    expect(await kind('status')).toMatch(/worker3 {2}exited\n/);
    await kind('node', 'start', '3');
    await becomes(workers[2], 'True');
  },
  8 * minuteMs,
);

test(
  'down leaves neither a container, nor a disk, nor a file',
  async () => {
    await kind('down');
    expect(await docker().run(['ps', '--all', '--quiet'])).toBe('');
    const stateRoot = process.env['HOLDFAST_DEV_ENV'] ?? '/var/tmp/holdfast-dev-env';
    expect([`/dev/holdfast/${cluster}`, join(stateRoot, cluster)].filter((path) => existsSync(path))).toEqual([]);
  },
  3 * minuteMs,
);
