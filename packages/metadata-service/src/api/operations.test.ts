// Operations and taints as their callers find them: a CSI driver, its successor, the operator, over mutual TLS.
import { afterEach, beforeEach, expect } from '@jest/globals';
import { loadMetadataServices, type CommandId, type Role } from '@holdfast/rpc';
import { groupTest, TestGroup } from '../service-testing.ts';
import { nodeCommand } from '../state/state-testing.ts';

type Services = Awaited<ReturnType<typeof loadMetadataServices>>;
const options = { timeoutMs: 60_000 };
const page = { pageSize: 1n, pageToken: '', isLocal: false };

let group: TestGroup;
let services: Services;

beforeEach(async () => {
  services = await loadMetadataServices();
  group = await TestGroup.create();
});
afterEach(async () => group.close());

/** A caller with a certificate of its own, which numbers what it asks for. */
async function callerOf(role: Role) {
  const { apiAddress } = group.members[0] ?? { apiAddress: '' };
  const channel = group.certificates.connect(apiAddress, await group.certificates.keeperFor(role));
  const { client } = await channel.calls(services.clusterService).openClient({}, options);
  let sequence = 0n;
  const id = (): CommandId => ({ client, sequence: ++sequence });
  return { id, operations: channel.calls(services.operationsService), nodes: channel.calls(services.nodesService) };
}

groupTest(
  'a name is held from the beginning of an operation to its end, also across a crash of its owner',
  async () => {
    const [first, second] = [await callerOf('csi'), await callerOf('csi')];
    const begin = { key: 'web', what: 'volume' };
    const id = first.id();
    await first.operations.begin({ id, ...begin }, options);
    await first.operations.begin({ id, ...begin }, options);
    await first.operations.begin({ id: first.id(), ...begin }, options);
    await expect(second.operations.begin({ id: second.id(), ...begin }, options)).rejects.toMatchObject({
      ...{ code: 'OPERATION_PENDING', retriable: true },
      message: 'an operation on the volume web is under way already',
    });
    await second.operations.begin({ id: second.id(), key: 'cache', what: 'volume' }, options);
    const one = await first.operations.list(page, options);
    const two = await first.operations.list({ ...page, pageToken: one.nextPageToken }, options);
    expect([...one.operations, ...two.operations].map(({ key, what, owner }) => [key, what, owner])).toEqual([
      ['cache', 'volume', expect.stringMatching(/^csi\//)],
      ['web', 'volume', expect.stringMatching(/^csi\//)],
    ]);
    const end = { key: 'web', owner: '' };
    await expect(second.operations.end({ id: second.id(), ...end }, options)).rejects.toMatchObject({
      code: 'OPERATION_NOT_OWNED',
    });
    await first.operations.end({ id: first.id(), ...end }, options);
    await first.operations.end({ id: first.id(), ...end }, options);
    await second.operations.begin({ id: second.id(), ...begin }, options);
  },
);

groupTest('whose owner is gone for good is ended by the operator, in its name, and by nobody else', async () => {
  const [gone, other, operator] = [await callerOf('csi'), await callerOf('csi'), await callerOf('operator')];
  await gone.operations.begin({ id: gone.id(), key: 'web', what: 'volume' }, options);
  const { operations } = await operator.operations.list(page, options);
  const end = { key: 'web', owner: operations[0]?.owner ?? '' };
  await expect(other.operations.end({ id: other.id(), ...end }, options)).rejects.toMatchObject({
    code: 'OPERATION_NOT_OWNED',
  });
  await expect(operator.operations.end({ id: operator.id(), ...end, owner: '' }, options)).rejects.toMatchObject({
    code: 'OPERATION_NOT_OWNED',
  });
  await operator.operations.end({ id: operator.id(), ...end }, options);
  expect((await operator.operations.list(page, options)).operations).toEqual([]);
  for (const [code, call] of [
    ['FIELD_MISSING', async () => other.operations.begin({ id: other.id(), key: '', what: 'volume' }, options)],
    ['FIELD_MISSING', async () => other.operations.begin({ id: other.id(), key: 'web', what: '' }, options)],
    ['FIELD_MISSING', async () => other.operations.begin({ id: null, key: 'web', what: 'volume' }, options)],
    ['FIELD_MISSING', async () => other.operations.end({ id: other.id(), key: '', owner: '' }, options)],
  ] as const)
    await expect(call()).rejects.toMatchObject({ code });
});

groupTest("a taint is the operator's, carries its certificate, and keeps its node from being forgotten", async () => {
  const [operator, admin] = [await callerOf('operator'), await callerOf('admin')];
  const service = group.members[0]?.service;
  const taint = async (caller = operator) =>
    caller.nodes.setTaint({ id: caller.id(), node: 'a', isForeignAttached: false }, options);
  await expect(taint()).rejects.toMatchObject({ code: 'NODE_NOT_FOUND' });
  await service?.sessions.carryOut<'registerNode'>(nodeCommand('a'));
  await expect(taint(admin)).rejects.toMatchObject({ code: 'CALLER_NOT_ALLOWED' });
  // It holds nothing, and nothing of it was ever certified.
  await expect(taint()).rejects.toMatchObject({ code: 'TAINT_UNFOUNDED' });
  const { nodes } = await operator.nodes.list(page, options);
  expect(nodes).toMatchObject([{ name: 'a', taintCertificate: null }]);
  await operator.nodes.clearTaint({ id: operator.id(), node: 'a' }, options);
  const forget = async () => admin.nodes.forget({ id: admin.id(), node: 'a' }, options);
  await expect(forget()).rejects.toMatchObject({ code: 'NODE_IN_USE' });
  await admin.nodes.overrideSession({ session: nodes[0]?.sessions[0]?.id ?? '' }, options);
  await forget();
  expect((await operator.nodes.list(page, options)).nodes).toEqual([]);
  await expect(forget()).rejects.toMatchObject({ code: 'NODE_UNKNOWN' });
});
