// The CSI roles as real processes, with the kubelet's side of the registration over real sockets.
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { RealClock, RealRandom } from '@holdfast/base';
import { KubeletWatcher } from '@holdfast/csi-driver/internal';
import { createChannel, loadCsiServices, type Channel } from '@holdfast/rpc';
import { createLog, type Log } from '@holdfast/telemetry';
import { LineSink } from '@holdfast/telemetry/internal';
import { RoleProcess, runHoldfast } from './testing.ts';

const timeoutMs = 5_000;
let folder: string;
let log: Log;
let started: RoleProcess[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-csi-'));
  await mkdir(join(folder, 'csi'));
  await mkdir(join(folder, 'registration'));
  log = await createLog({ role: 'test', node: null, level: 'info', clock: new RealClock(), sink: new LineSink() });
  started = [];
});
afterEach(async () => {
  await Promise.all(started.map(async (role) => role.stop('SIGKILL')));
  await rm(folder, { recursive: true });
});

const socket = (): string => join(folder, 'csi/csi.sock');
const nodeWords = (): string[] => [
  ...['csi', 'node', '--node-name', 'worker-1', '--endpoint', socket(), '--kubelet-endpoint', socket()],
  ...['--registration-dir', join(folder, 'registration')],
];
const controllerWords = (): string[] => ['csi', 'controller', '--endpoint', socket()];

function start(words: readonly string[], healthListen = 'off'): RoleProcess {
  const role = RoleProcess.start([...words, '--health-listen', healthListen]);
  started.push(role);
  return role;
}

async function connect(): Promise<Channel> {
  const parts = { clock: new RealClock(), random: new RealRandom(), log, metrics: null, keeper: null };
  return createChannel({ ...parts, address: `unix:${socket()}` });
}

test('a node registers, says so in its readiness, and takes the registration with it at SIGTERM', async () => {
  const kubelet = new KubeletWatcher({ directory: join(folder, 'registration'), log });
  const node = start(nodeWords(), '127.0.0.1:0');
  await node.line('registered');
  expect(kubelet.drivers.get('csi.holdfast.dev')?.node).toEqual({
    nodeId: 'worker-1',
    maxVolumesPerNode: 200n,
    accessibleTopology: null,
  });
  const address = String((await node.line('health served'))['address']);
  const ready = await fetch(`http://${address}/readyz`);
  expect(await ready.json()).toEqual({ ready: true, checks: { started: 'ok', socket: 'ok', registration: 'ok' } });
  const metrics = await (await fetch(`http://${address}/metrics`)).text();
  expect(metrics).toMatch(/^holdfast_csi_registrations_total\{outcome="registered"\} 1$/m);
  expect(metrics).toMatch(/^holdfast_log_dropped_lines_total 0$/m);

  expect(await node.stop()).toMatchObject({ code: 0, stderr: '' });
  expect(new Set(node.lines.map((line) => line['node']))).toEqual(new Set(['worker-1']));
  await kubelet.stop();
  expect(await readdir(join(folder, 'registration'))).toEqual([]);
  expect(await readdir(join(folder, 'csi'))).toEqual([]);
});

test('a node that was killed is followed by one that registers in its place', async () => {
  const kubelet = new KubeletWatcher({ directory: join(folder, 'registration'), log });
  const first = start(nodeWords());
  await first.line('registered');
  await first.stop('SIGKILL');
  expect(await readdir(join(folder, 'registration'))).toEqual(['csi.holdfast.dev-reg.sock']);
  const second = start(nodeWords());
  await second.line('registered');
  expect(kubelet.drivers.size).toBe(1);
  await second.stop();
  await kubelet.stop();
});

test('a node that the kubelet does not know is not ready, and says why', async () => {
  const kubelet = new KubeletWatcher({ directory: join(folder, 'registration'), log, refuse: () => 'not today' });
  const node = start(nodeWords(), '127.0.0.1:0');
  await node.line('registration refused');
  const address = String((await node.line('health served'))['address']);
  await node.line('ready');
  const ready = await fetch(`http://${address}/readyz`);
  expect(ready.status).toBe(503);
  expect(await ready.text()).toContain('the kubelet refused the registration: not today [REGISTRATION_REFUSED]');
  await kubelet.stop();
});

test('a controller answers CreateVolume for want of a pool, and ends at SIGTERM', async () => {
  const controller = start(controllerWords());
  expect(await controller.ready()).toBe(`unix:${socket()}`);
  const channel = await connect();
  const calls = channel.calls((await loadCsiServices()).controllerService);
  const created = calls.createVolume(
    {
      name: 'pvc-1',
      capacityRange: null,
      volumeCapabilities: [{ accessMode: { mode: 'SINGLE_NODE_WRITER' }, accessType: { kind: 'block', value: {} } }],
      parameters: {},
      secrets: {},
      volumeContentSource: null,
      accessibilityRequirements: null,
      mutableParameters: {},
    },
    { timeoutMs },
  );
  await expect(created).rejects.toMatchObject({ code: 'NO_POOL' });
  // Its line may be read after its answer.
  const told = await controller.line('call', ({ method }) => method === 'CreateVolume');
  expect(told).toMatchObject({ code: 'NO_POOL' });
  channel.close();
  expect(await controller.stop()).toMatchObject({ code: 0, stderr: '' });
});

test('a role whose folder is taken away from under it ends, so that its container starts again and sees the next one', async () => {
  // /proc/PID/cwd leads to the folder itself, as a mount in a container does.
  const controller = RoleProcess.start(
    ['csi', 'controller', '--endpoint', '/proc/self/cwd/csi.sock', '--health-listen', 'off'],
    { cwd: join(folder, 'csi') },
  );
  started.push(controller);
  await controller.line('ready');
  await rm(join(folder, 'csi'), { recursive: true });
  const ended = await controller.ended;
  expect(ended.code).toBe(69);
  expect(ended.stderr).toMatch(/^holdfast: the folder \/proc\/self\/cwd was removed .+ \[SOCKET_FOLDER_LOST\]\. .+\n$/);
  expect(controller.lines.map(({ msg }) => msg)).toContain('failed');
});

test('a node that cannot start says why in one line', async () => {
  const none = join(folder, 'none');
  const [unnamed, unmounted] = await Promise.all([
    runHoldfast(['csi', 'node']),
    runHoldfast([...nodeWords(), '--registration-dir', none, '--health-listen', 'off']),
  ]);
  expect(unnamed.stderr).toMatch(
    /^holdfast: the configuration of csi node needs a value for nodeName \[[A-Z_]+\]\. .+\n$/,
  );
  expect(unnamed.code).toBe(64);
  expect(unmounted.stderr).toMatch(
    /^holdfast: no socket can be made in the folder \S+none: it is not there \[SOCKET_FOLDER_UNUSABLE\]\. .+\n$/,
  );
  expect(unmounted.code).toBe(75);
  expect(await readdir(join(folder, 'csi'))).toEqual([]);
});
