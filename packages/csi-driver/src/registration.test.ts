import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OpError, RealClock, RealRandom, RealTimers } from '@holdfast/base';
import { createLog, createMetrics, type RootLog } from '@holdfast/telemetry';
import { LineSink } from '@holdfast/telemetry/internal';
import { identityHandlers } from './identity.ts';
import { nodeHandlers } from './node.ts';
import { offer } from './offer.ts';
import { Registration, registrationPath, type RegistrationOptions } from './registration.ts';
import { StandingServer } from './standing-server.ts';
import { KubeletWatcher, until } from './testing.ts';

// A node service with its registration, and the kubelet's side of it, over real sockets in a folder of the test's own.

const driver = 'csi.holdfast.dev';
const clock = new RealClock();
const timers = new RealTimers();
let folder: string;
let directory: string;
let endpoint: string;
let log: RootLog;
let sink: LineSink;
let closers: (() => Promise<unknown>)[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-reg-'));
  [directory, endpoint] = [join(folder, 'plugins_registry'), join(folder, 'csi.sock')];
  await mkdir(directory);
  sink = new LineSink();
  log = await createLog({ role: 'test', node: null, level: 'info', clock, sink });
  closers = [];
});
afterEach(async () => {
  for (const close of closers.reverse()) await close();
  await rm(folder, { recursive: true });
});

const common = () => ({ clock, timers, random: new RealRandom(), log, metrics: null });

async function serveNode(): Promise<void> {
  const identityService = identityHandlers({ version: '1' });
  const nodeService = nodeHandlers({ nodeName: 'n1', maxVolumesPerNode: 7 });
  const services = await offer({ identityService, nodeService });
  const server = await StandingServer.start({ ...common(), path: endpoint, services });
  closers.push(async () => server.stop(0));
}

async function register(options: Partial<RegistrationOptions> = {}): Promise<Registration> {
  const registration = await Registration.start({ ...common(), directory, endpoint, ...options });
  closers.push(async () => registration.stop(0));
  return registration;
}

function startKubelet(refuse: () => string | null = () => null): KubeletWatcher {
  const kubelet = new KubeletWatcher({ directory, log, refuse });
  closers.push(async () => kubelet.stop());
  return kubelet;
}

const isRegistered = (kubelet: KubeletWatcher) => (): boolean => kubelet.drivers.has(driver);

function problemOf(registration: Registration): OpError | null {
  try {
    registration.check();
    return null;
  } catch (error) {
    if (error instanceof OpError) return error;
    throw error;
  }
}

const logged = (message: string): Record<string, unknown>[] => sink.records.filter(({ msg }) => msg === message);

describe('a node registers', () => {
  test('with a kubelet that runs, and says so in its readiness', async () => {
    const kubelet = startKubelet();
    await serveNode();
    const metrics = await createMetrics();
    const registration = await register({ metrics });
    await until(() => problemOf(registration) === null);
    expect(kubelet.drivers.get(driver)).toEqual({
      info: { type: 'CSIPlugin', name: driver, endpoint, supportedVersions: ['1.0.0'] },
      node: { nodeId: 'n1', maxVolumesPerNode: 7n, accessibleTopology: null },
    });
    expect(await metrics.scrape()).toContain('holdfast_csi_registrations_total{outcome="registered"} 1');
    expect((await stat(registrationPath(directory))).mode & 0o777).toBe(0o600);
  });

  test('with a kubelet that starts later, and is not ready until then', async () => {
    await serveNode();
    const registration = await register();
    expect(problemOf(registration)?.code).toBe('REGISTRATION_PENDING');
    startKubelet();
    await until(() => problemOf(registration) === null);
  });

  test('again after the kubelet restarted', async () => {
    await serveNode();
    await register();
    const first = startKubelet();
    await until(isRegistered(first));
    await first.stop();
    const second = startKubelet();
    await until(isRegistered(second));
  });

  test('again after a restart of the kubelet that wiped its folder', async () => {
    await serveNode();
    await register();
    const first = startKubelet();
    await until(isRegistered(first));
    await first.stop();
    await rm(registrationPath(directory));
    const second = startKubelet();
    await until(isRegistered(second));
  });

  test('again after its socket vanished under a kubelet that runs', async () => {
    const kubelet = startKubelet();
    await serveNode();
    const registration = await register({ lookIntervalMs: 60_000 });
    await until(() => problemOf(registration) === null);
    await rm(registrationPath(directory));
    await until(() => kubelet.history.length === 3 && problemOf(registration) === null);
    expect(kubelet.history).toEqual([`registered ${driver}`, `unregistered ${driver}`, `registered ${driver}`]);
    expect(logged('socket vanished')).toHaveLength(1);
  });

  test('again after its socket vanished without an event, by looking now and then', async () => {
    const kubelet = startKubelet();
    await serveNode();
    await register({ lookIntervalMs: 20 });
    await until(isRegistered(kubelet));
    // Events of a folder that took the place of the watched one never come.
    await rename(directory, `${directory}-gone`);
    await mkdir(directory);
    const second = startKubelet();
    await until(isRegistered(second));
    await rm(registrationPath(directory));
    await until(() => second.history.length === 3);
  });

  test('again after its process was killed and left the socket behind', async () => {
    const kubelet = startKubelet();
    await serveNode();
    const dead = createServer();
    await new Promise<void>((resolve) => dead.listen(join(folder, 'dead'), resolve));
    await rename(join(folder, 'dead'), registrationPath(directory));
    await new Promise((resolve) => dead.close(resolve));
    await register();
    await until(isRegistered(kubelet));
    expect(await readdir(directory)).toEqual(['csi.holdfast.dev-reg.sock']);
  });
});

describe('a registration that the kubelet refuses', () => {
  // After a millisecond, the refusal is there before the start is done: the kubelet waits for nothing but the file.
  test.each([1, 40])('is told with its reason, and offered again after %d ms until it is taken', async (baseMs) => {
    let refusals = 0;
    const kubelet = startKubelet(() => (refusals++ < 3 ? 'no such\n  handler' : null));
    await serveNode();
    const metrics = await createMetrics();
    const registration = await register({ metrics, refusalBackoff: { baseMs, ceilingMs: 5 * baseMs } });
    await until(() => problemOf(registration) === null);
    expect(kubelet.history).toEqual([...Array<string>(3).fill(`refused ${driver}`), `registered ${driver}`]);
    expect(logged('registration refused')).toHaveLength(3);
    expect(logged('registration refused')[0]).toMatchObject({
      level: 'error',
      error: { code: 'REGISTRATION_REFUSED', message: 'the kubelet refused the registration: no such handler' },
    });
    expect(await metrics.scrape()).toContain('holdfast_csi_registrations_total{outcome="refused"} 3');
  });

  test('keeps the node from being ready, with the reason', async () => {
    startKubelet(() => 'no such\n  handler');
    await serveNode();
    const registration = await register();
    await until(() => problemOf(registration)?.code === 'REGISTRATION_REFUSED');
    expect(problemOf(registration)?.message).toBe('the kubelet refused the registration: no such handler');
  });

  test('is not what a kubelet means that says nothing: it is offered again all the same', async () => {
    await serveNode();
    const registration = await register({ answerLimitMs: 30 });
    await until(() => logged('socket made again').length >= 2);
    startKubelet();
    await until(() => problemOf(registration) === null);
  });
});

describe('a node that ends', () => {
  test('takes its registration with it, and leaves nothing behind', async () => {
    const kubelet = startKubelet();
    await serveNode();
    const registration = await register();
    await until(() => problemOf(registration) === null);
    await registration.stop(1_000);
    await until(() => kubelet.drivers.size === 0);
    expect(await readdir(directory)).toEqual([]);
  });

  test('does not take away the registration of its successor', async () => {
    const kubelet = startKubelet();
    await serveNode();
    const first = await register({ lookIntervalMs: 60_000 });
    await until(() => problemOf(first) === null);
    const second = register();
    await until(() => logged('waiting for the process that serves the socket').length > 0);
    await first.stop(1_000);
    const successor = await second;
    await until(() => problemOf(successor) === null);
    expect(kubelet.drivers.has(driver)).toBe(true);
    expect(await readdir(directory)).toEqual(['csi.holdfast.dev-reg.sock']);
  });
});

test('a folder whose path is too long for a socket is refused before anything is served', async () => {
  const long = register({ directory: join(folder, 'x'.repeat(90)) });
  await expect(long).rejects.toMatchObject({ code: 'SOCKET_PATH_TOO_LONG' });
});

describe('a socket that cannot be made again', () => {
  test('is told by its reason and made as soon as it can be', async () => {
    await serveNode();
    const registration = await register({ lookIntervalMs: 10 });
    startKubelet();
    await until(() => problemOf(registration) === null);
    const foreign = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => foreign.listen(join(folder, 'foreign'), resolve));
    await rename(join(folder, 'foreign'), registrationPath(directory));
    await until(() => problemOf(registration)?.code === 'LISTEN_ADDRESS_IN_USE');
    await new Promise((resolve) => foreign.close(resolve));
    await until(() => problemOf(registration) === null);
  });

  test('because its folder is gone comes back with the folder', async () => {
    await serveNode();
    const registration = await register({ lookIntervalMs: 10 });
    await rename(directory, `${directory}-gone`);
    await until(() => problemOf(registration)?.code === 'SOCKET_FOLDER_UNUSABLE');
    await mkdir(directory);
    startKubelet();
    await until(() => problemOf(registration) === null);
  });
});
