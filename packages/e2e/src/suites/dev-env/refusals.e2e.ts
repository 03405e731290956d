// What dev-env says on a machine that lacks something: one line, before anything was made. Each lack is real: the tool is not
// in PATH, the right was dropped, the file system, hierarchy or device is not there.
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { run } from '../../kube/command.ts';
import { expectNoTraces } from '../../dev-env/own-case.ts';
import { devEnvFolder, OwnCluster, script } from '../../dev-env/own-cluster.ts';
import {
  asNobody,
  expectRefusal,
  inMounts,
  inNetwork,
  pathWith,
  pathWithout,
  withoutCapability,
} from '../../dev-env/refusal.ts';
import { loopDevices, tracesOf } from '../../dev-env/traces.ts';

const name = 'derefuse';
const cluster = new OwnCluster(name);
const up = script('cluster.sh');
let work = '';

beforeAll(async () => {
  process.env['CLUSTER'] = name;
  work = await mkdtemp(join(tmpdir(), 'holdfast-refusals-'));
});
afterEach(() => expectNoTraces(name));
afterAll(async () => {
  delete process.env['CLUSTER'];
  await rm(work, { recursive: true, force: true });
});

test('each tool that a cluster needs is named when it is not there', async () => {
  const [, list = ''] = /^tools=\((.*)\)$/m.exec(await readFile(script('lib/preflight.sh'), 'utf8')) ?? [];
  const tools = list.split(' ');
  expect(tools.length).toBeGreaterThanOrEqual(13);
  for (const tool of tools) {
    const environment = { PATH: await pathWithout(tool, join(work, `without-${tool}`)) };
    await expectRefusal([up, 'up'], `${tool} is not installed; run 'make dev-build'`, { environment });
  }
  await expectRefusal(
    inMounts('mount -t tmpfs tmpfs /usr/lib/cni; exec "$0" up', up),
    "/usr/lib/cni/bridge is not installed; run 'make dev-build'",
  );
});

test('each right that a cluster needs is named when it was not given', async () => {
  for (const verb of ['up', 'down', 'status'])
    await expectRefusal(
      asNobody('bash', up, verb),
      'needs root (namespaces, interfaces, loop devices); run it with sudo',
    );
  await expectRefusal(asNobody('bash', script('disks.sh'), 'create'), 'a loop device needs root');
  await expectRefusal(withoutCapability('sys_admin', up, 'up'), 'may not make namespaces (CAP_SYS_ADMIN)');
  await expectRefusal(withoutCapability('net_admin', up, 'up'), 'CONFIG_VETH and this process CAP_NET_ADMIN');
});

const kernelCases: readonly (readonly [lack: string, words: string, script: string])[] = [
  [
    'of a machine with cgroup v2 is said what to do',
    'has cgroup v2, a node here is frozen by v1: use kind, or boot with',
    'mount -t cgroup2 cgroup2 /sys/fs/cgroup; exec "$0" up',
  ],
  [
    'a hierarchy of cgroup v1 that is not mounted is named',
    "no cgroup v1 hierarchy for 'freezer'",
    'mount -t tmpfs tmpfs /sys/fs/cgroup/freezer; exec "$0" up',
  ],
  [
    'a file system that overlay refuses as its upper layer is refused',
    'the kernel needs CONFIG_OVERLAY_FS',
    `mkdir "$1/o"; mount -t tmpfs -o size=4g tmpfs "$1/o"; mkdir "$1"/o/{l,u,w,m}
     mount -t overlay overlay -o "lowerdir=$1/o/l,upperdir=$1/o/u,workdir=$1/o/w" "$1/o/m"
     HOLDFAST_DEV_ENV=$1/o/m exec "$0" up`,
  ],
  [
    'a disk that is nearly full is refused with what is missing',
    'MiB free; a cluster needs 2048',
    'mkdir "$1/full"; mount -t tmpfs -o size=16m tmpfs "$1/full"; HOLDFAST_DEV_ENV=$1/full exec "$0" up',
  ],
];
test.each(kernelCases)('%s', async (_, words, commands) => {
  await expectRefusal(inMounts(commands, up, work), words);
});

test('a machine that has no inotify instances left for the nodes is told how to give more', async () => {
  // In a user namespace the limit is its own; the machine's clusters keep theirs.
  const words = 'echo 20 >/proc/sys/user/max_inotify_instances; exec "$0" up 3';
  await expectRefusal(
    ['unshare', '--user', '--map-root-user', 'bash', '-ec', words, up],
    "fewer than 32 are left for 3 nodes; run 'sysctl -w fs.inotify.max_user_instances=1024' or end another cluster",
  );
});

test('a kind of interface that the kernel does not have is named', async () => {
  const real = (await run(['bash', '-c', 'command -v ip'])).trim();
  const shim = `case "$*" in *'type bridge'*) exit 2 ;; esac; exec ${real} "$@"`;
  const withoutBridge = { PATH: await pathWith('ip', join(work, 'no-bridge'), shim) };
  await expectRefusal([up, 'up'], 'the kernel needs CONFIG_BRIDGE', { environment: withoutBridge });
  const withoutNat = { PATH: await pathWith('iptables', join(work, 'no-nat'), 'exit 3') };
  await expectRefusal([up, 'up'], 'kube-proxy needs CONFIG_NF_NAT', { environment: withoutNat });
});

const diskCases: readonly (readonly [lack: string, words: string, script: string])[] = [
  [
    'without loop devices, disks says what a kernel and a container need for them',
    'the kernel needs CONFIG_BLK_DEV_LOOP',
    `mkdir "$1/dev"; mount -t tmpfs tmpfs "$1/dev"; mknod -m 666 "$1/dev/null" c 1 3; mount --move "$1/dev" /dev
     HOLDFAST_DEV_ENV=$1/disks exec "$0" create`,
  ],
  [
    'a size that the file system does not take is refused',
    'no sparse file of 9000000T could be made',
    'HOLDFAST_DEV_ENV=$1/disks exec "$0" create 1 9000000T',
  ],
  [
    'a file system without room for disks is refused with what is missing',
    'MiB free; disks need 1024',
    'mkdir -p "$1/tight"; mount -t tmpfs -o size=16m tmpfs "$1/tight"; HOLDFAST_DEV_ENV=$1/tight exec "$0" create',
  ],
  ['a number of disks that cannot be is refused', '0 disks: 1 to 99', 'exec "$0" create 0'],
];
test.each(diskCases)('%s', async (_, words, commands) => {
  await expectRefusal(inMounts(commands, script('disks.sh'), work), words);
  await rm(join(work, 'disks'), { recursive: true, force: true });
});

test('a loop device that does no direct I/O is refused, and the half-made disk goes', async () => {
  const real = (await run(['bash', '-c', 'command -v losetup'])).trim();
  const shim = `for word in "$@"; do shift; [ "$word" = --direct-io=on ] || set -- "$@" "$word"; done; exec ${real} "$@"`;
  const environment = { PATH: await pathWith('losetup', join(work, 'no-direct'), shim) };
  await expectRefusal([script('disks.sh'), 'create', '2', '1G'], 'does no direct I/O; HOLDFAST_DEV_ENV', {
    environment,
  });
});

test('disks that are there are not made again', async () => {
  await cluster.disks('create', '1', '1G');
  await expectRefusal([script('disks.sh'), 'create'], `/dev/holdfast/${name} exists; remove the disks first`);
  await cluster.disks('remove');
});

test('loop devices that the kernel had to make for disks go with them', async () => {
  const before = new Set(loopDevices());
  await cluster.disks('create', String(before.size + 2), '64M');
  const made = tracesOf(name)['loop-devices'].filter((device) => !before.has(device));
  expect(made.length).toBeGreaterThanOrEqual(2);
  await cluster.disks('remove');
  expect(loopDevices().filter((device) => made.includes(device))).toEqual([]);
});

test('what has the name or the addresses of a cluster already is refused and left alone', async () => {
  const stands = 'exists and is not of';
  const link = `ip link add "hf-$1" type bridge; "$0" up || { code=$?; ip link show "hf-$1" >/dev/null && exit $code; }`;
  await expectRefusal(inNetwork(link, up, name), `interface hf-${name} ${stands}`);
  const net = (await run(['bash', '-c', '. "$0/lib/common.sh"; echo "$net"', devEnvFolder])).trim();
  const route = 'ip link add x type bridge; ip addr add "$1.3.1/24" dev x; ip link set x up; exec "$0" up';
  await expectRefusal(inNetwork(route, up, net), `(route '${net}.3.0/24`);
  const folder = `/sys/fs/cgroup/pids/holdfast-${name}`;
  await run(['mkdir', folder]);
  await expectRefusal([up, 'up'], `cgroup ${folder} ${stands}`);
  await run(['rmdir', folder]);
});

test.each(['/run/x', '/var/run/x', '/var/lib/x', '/var/log/x', '/dev/x'])(
  'the state folder %s, which a node would hide, is refused',
  async (folder) => {
    await expectRefusal([up, 'up'], 'choose a folder elsewhere', { environment: { HOLDFAST_DEV_ENV: folder } });
  },
);

test('words that make no sense are refused with those that do', async () => {
  await expectRefusal([up, 'up'], 'up to seven letters or digits', { environment: { CLUSTER: 'much-too-long' } });
  for (const count of ['0', '91', 'three', '-1'])
    await expectRefusal([up, 'up', count], `${count} nodes: 1 to 90 can be made`);
  for (const words of [['node', 'kill', '1'], ['env'], ['load', 'x.tar']])
    await expectRefusal([up, ...words], `${name} is not up; run 'make dev-up' (CLUSTER=${name})`);
  await expectRefusal([script('build.sh'), 'etdc'], "there is no module 'etdc'; there are kubernetes ");
});

test('without a build, up names the command that makes one', async () => {
  const environment = { HOLDFAST_CACHE: join(work, 'empty') };
  await expectRefusal([up, 'up'], "nothing is built for these versions; run 'make dev-build'", { environment });
});

test('a version that the lock of its module does not have is refused with the command that brings them together', async () => {
  const other = join(work, 'other');
  await cp(devEnvFolder, other, { recursive: true });
  const file = join(other, 'versions.env');
  await writeFile(file, (await readFile(file, 'utf8')).replace(/^ETCD_VERSION=.*/m, 'ETCD_VERSION=9.9.9'));
  await expectRefusal([join(other, 'build.sh')], "run 'go get go.etcd.io/etcd/server/v3@v9.9.9' there");
});
