import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdir, mkdtemp, open, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type OpError, RealClock, RealRandom, RealTimers, systemErrorCode } from '@holdfast/base';
import { createChannel, loadCsiServices, type Channel, type ServedService } from '@holdfast/rpc';
import { createLog, type RootLog } from '@holdfast/telemetry';
import { LineSink } from '@holdfast/telemetry/internal';
import { identityHandlers } from './identity.ts';
import { offer } from './offer.ts';
import { StandingServer, type StandingServerOptions } from './standing-server.ts';
import { until } from './testing.ts';

// The socket of a service whose file and folder are taken away; that it is made again under a watching kubelet,
// registration.test.ts tries.

const timeoutMs = 5_000;
const clock = new RealClock();
const timers = new RealTimers();
const parts = { clock, timers, random: new RealRandom(), metrics: null };
const code = (expected: string): object => expect.objectContaining({ code: expected });
let folder: string;
let log: RootLog;
let services: readonly ServedService[];
let closers: (() => unknown)[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-standing-'));
  log = await createLog({ role: 'test', node: null, level: 'info', clock, sink: new LineSink() });
  services = await offer({ identityService: identityHandlers({ version: '1' }) });
  closers = [];
});
afterEach(async () => {
  for (const close of closers.reverse()) await close();
  await rm(folder, { recursive: true });
});

async function start(path: string, options: Partial<StandingServerOptions> = {}): Promise<StandingServer> {
  const server = await StandingServer.start({ ...parts, log, path, services, ...options });
  closers.push(async () => server.stop(0));
  return server;
}

async function connect(path: string): Promise<Channel> {
  const channel = await createChannel({ ...parts, log, address: `unix:${path}`, keeper: null });
  closers.push(() => channel.close());
  return channel;
}

async function probe(channel: Channel): Promise<unknown> {
  return channel.calls((await loadCsiServices()).identityService).probe({}, { timeoutMs });
}

test('whoever is connected stays connected when the file is made again, and others come in', async () => {
  const path = join(folder, 'csi.sock');
  await start(path, { lookIntervalMs: 60_000 });
  const before = await connect(path);
  expect(await probe(before)).toEqual({ ready: true });
  await rm(path);
  await until(async () => (await readdir(folder)).includes('csi.sock'));
  expect(await probe(await connect(path))).toEqual({ ready: true });
  expect(await probe(before)).toEqual({ ready: true });
});

test.each([
  ['that is not there', async () => undefined, 'it is not there'],
  ['that is a file', async () => writeFile(join(folder, 'plugins'), ''), 'it is no folder'],
  ['whose parent is a file', async () => writeFile(join(folder, 'plugins'), ''), 'a part of its path is no folder'],
])('a folder %s is one line that names it', async (what, prepare, reason) => {
  await prepare();
  const plugins = join(folder, 'plugins');
  const directory = what.startsWith('whose parent') ? join(plugins, 'csi') : plugins;
  await expect(start(join(directory, 'csi.sock'))).rejects.toThrow(code('SOCKET_FOLDER_UNUSABLE'));
  await expect(start(join(directory, 'csi.sock'))).rejects.toThrow(`in the folder ${directory}: ${reason}`);
});

test('a file that is no socket keeps its place', async () => {
  const path = join(folder, 'csi.sock');
  await writeFile(path, 'data');
  await expect(start(path)).rejects.toThrow(code('LISTEN_ADDRESS_UNUSABLE'));
});

test('a folder that was moved away is told until it is back, with the socket in it', async () => {
  const directory = join(folder, 'plugins');
  await mkdir(directory);
  const path = join(directory, 'csi.sock');
  const server = await start(path, { lookIntervalMs: 5 });
  const problem = (): string => {
    try {
      server.check();
      return '';
    } catch (error) {
      return (error as OpError).code;
    }
  };
  await rename(directory, `${directory}-moved`);
  await until(() => problem() === 'SOCKET_FOLDER_UNUSABLE');
  await rename(`${directory}-moved`, directory);
  await until(() => problem() === '');
  expect(await probe(await connect(path))).toEqual({ ready: true });
});

test('a folder that was removed from under the process is told once, as what this process cannot mend', async () => {
  const directory = join(folder, 'plugins');
  await mkdir(directory);
  // Like a mount in a container: a name that leads to the folder itself, whatever becomes of its place.
  const held = await open(directory);
  closers.push(async () => held.close());
  const path = `/proc/self/fd/${held.fd}/csi.sock`;
  const losses: OpError[] = [];
  const server = await start(path, { lookIntervalMs: 5, onLost: (error) => losses.push(error) });
  await until(async () => {
    // The server makes its socket again at once: it may come between the two, and then both are asked for again.
    await rm(path, { force: true });
    await rmdir(directory).catch((error: unknown) => expect(['ENOTEMPTY', 'ENOENT']).toContain(systemErrorCode(error)));
    return losses.length > 0;
  });
  expect(losses).toEqual([code('SOCKET_FOLDER_LOST')]);
  expect(() => server.check()).toThrow('was removed from under this process');
});
