import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RealClock, RealRandom, RealTimers } from '@holdfast/base';
import {
  createChannel,
  createServer,
  loadCsiServices,
  methodList,
  type Channel,
  type RpcServer,
  type ServiceDescriptor,
} from '@holdfast/rpc';
import { outcomeOfEmptyCall } from '@holdfast/rpc/internal';
import { createLog, type Log } from '@holdfast/telemetry';
import { LineSink } from '@holdfast/telemetry/internal';
import { capabilityTable, offeredMethods, undeclaredMethods } from './capabilities.ts';
import { controllerHandlers } from './controller.ts';
import { identityHandlers } from './identity.ts';
import { nodeHandlers } from './node.ts';
import { offer, type SocketAnswers } from './offer.ts';

// Both sockets as the roles serve them, called as Kubernetes does: over a unix socket, without a certificate.

const timeoutMs = 5_000;
const parts = { clock: new RealClock(), timers: new RealTimers(), random: new RealRandom(), metrics: null };
const identityService = identityHandlers({ version: '9.9.9' });
const sockets = {
  node: { identityService, nodeService: nodeHandlers({ nodeName: 'n1', maxVolumesPerNode: 7 }) },
  controller: { identityService, controllerService: controllerHandlers() },
} as const satisfies Record<string, SocketAnswers>;
type SocketName = keyof typeof sockets;
const ownServices: Record<SocketName, readonly string[]> = {
  node: ['Identity', 'Node'],
  controller: ['Identity', 'Controller'],
};

let directory: string;
let log: Log;
const servers: RpcServer[] = [];
const channels = new Map<SocketName, Channel>();
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-csi-'));
  log = await createLog({ role: 'test', node: null, level: 'info', clock: parts.clock, sink: new LineSink() });
  for (const name of ['node', 'controller'] as const) {
    const address = `unix:${join(directory, `${name}.sock`)}`;
    servers.push(await createServer({ ...parts, log, address, keeper: null, services: await offer(sockets[name]) }));
    channels.set(name, await createChannel({ ...parts, log, address, keeper: null }));
  }
});
afterAll(async () => {
  for (const channel of channels.values()) channel.close();
  for (const server of servers) await server.stop(0);
  await rm(directory, { recursive: true });
});

function channelTo(name: SocketName): Channel {
  const channel = channels.get(name);
  if (channel === undefined) throw new Error(`there is no channel to ${name}`);
  return channel;
}

async function outcomeOf(socket: SocketName, path: string): Promise<string> {
  const services: readonly ServiceDescriptor[] = (await loadCsiServices()).csiServices;
  for (const service of services) {
    const name = Object.entries(service.methods).find(([, method]) => method.path === path)?.[0];
    if (name !== undefined) return outcomeOfEmptyCall(channelTo(socket), { service, name, timeoutMs });
  }
  throw new Error(`there is no method ${path}`);
}

const csiMethods = methodList.filter(({ service }) => service.startsWith('csi.v1.'));

describe.each(['node', 'controller'] as const)('the socket of the %s service', (socket) => {
  test('answers what the table offers, and refuses every other method of CSI in a line of the error table', async () => {
    const outcomes: string[] = [];
    const expected: string[] = [];
    for (const { service, method, path } of csiMethods) {
      const short = service.slice('csi.v1.'.length);
      const isOffered = ownServices[socket].includes(short) && offeredMethods.has(`${short}/${method}` as never);
      const outcome = await outcomeOf(socket, path);
      outcomes.push(`${path} ${outcome === 'METHOD_NOT_OFFERED' ? 'refused' : 'handled'}`);
      expected.push(`${path} ${isOffered ? 'handled' : 'refused'}`);
      if (isOffered) expect(['answered', 'VOLUME_REQUEST_WRONG']).toContain(outcome);
    }
    expect(outcomes).toEqual(expected);
  });

  test('says who it is, is ready, and declares the plugin capabilities of the table', async () => {
    const calls = channelTo(socket).calls((await loadCsiServices()).identityService);
    expect(await calls.getPluginInfo({}, { timeoutMs })).toEqual({
      name: 'csi.holdfast.dev',
      vendorVersion: '9.9.9',
      manifest: {},
    });
    expect(await calls.probe({}, { timeoutMs })).toEqual({ ready: true });
    const { capabilities } = await calls.getPluginCapabilities({}, { timeoutMs });
    expect(capabilities).toEqual([{ type: { kind: 'service', value: { type: 'CONTROLLER_SERVICE' } } }]);
  });
});

test('the node says its name, its limit, and no topology', async () => {
  const calls = channelTo('node').calls((await loadCsiServices()).nodeService);
  expect(await calls.nodeGetInfo({}, { timeoutMs })).toEqual({
    nodeId: 'n1',
    maxVolumesPerNode: 7n,
    accessibleTopology: null,
  });
  expect(await calls.nodeGetCapabilities({}, { timeoutMs })).toEqual({ capabilities: [] });
});

test('the controller declares the controller capabilities of the table', async () => {
  const calls = channelTo('controller').calls((await loadCsiServices()).controllerService);
  const { capabilities } = await calls.controllerGetCapabilities({}, { timeoutMs });
  expect(capabilities).toEqual([{ type: { kind: 'rpc', value: { type: 'CREATE_DELETE_VOLUME' } } }]);
});

test('every declared capability has a method, every method one row, and every row is answered by one of the sockets', () => {
  const named = [...undeclaredMethods, ...capabilityTable.flatMap(({ methods }) => methods)];
  expect(new Set(named).size).toBe(named.length);
  for (const { methods } of capabilityTable) expect(methods.length).toBeGreaterThan(0);
  const known = csiMethods.map(({ service, method }) => `${service.slice('csi.v1.'.length)}/${method}`);
  expect(known).toEqual(expect.arrayContaining(named));
  const served = new Set(Object.values(ownServices).flat());
  expect(named.filter((name) => !served.has(name.split('/')[0] ?? ''))).toEqual([]);
});

test('a handler without a row, and a row without a handler, keep a socket from being served', async () => {
  const stray = { identityService, nodeService: { ...sockets.node.nodeService, nodeStageVolume: async () => ({}) } };
  await expect(offer(stray)).rejects.toThrow('/csi.v1.Node/NodeStageVolume has a handler if and only if');
  const missing = { identityService, controllerService: { ...controllerHandlers(), deleteVolume: null } };
  await expect(offer(missing)).rejects.toThrow('/csi.v1.Controller/DeleteVolume has a handler if and only if');
});
