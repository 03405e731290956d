// Callers that send what they should not, and callers of another cluster: each hears in one line what is wrong, and the servers do not mind.
import { expect } from '@jest/globals';
import { isOpError } from '@holdfast/base';
import { ProcessCluster } from '@holdfast/holdfast/internal';
import { createChannel, createMetadataClient, loadMetadataServices, type Role } from '@holdfast/rpc';
import { registerNode, type NodeAgent } from '../../metadata/node-agent.ts';
import { pool } from '../../metadata/pool.ts';
import { openKeeper, parts } from './fault-case.ts';
import { groupCase } from './group-case.ts';

const timeoutMs = 20_000;

/** `Settings/Set` and `Volumes/Get`, whose requests are bytes. */
const raw = {
  name: 'raw',
  methods: { set: rawMethod('Settings', 'Set'), get: rawMethod('Volumes', 'Get'), list: rawMethod('Settings', 'List') },
} as const;

function rawMethod(service: string, method: string) {
  const full = `holdfast.metadata.v1.${service}`;
  return {
    ...{ service: full, method, path: `/${full}/${method}`, requestStream: false, responseStream: false },
    ...{
      requestMessage: `holdfast.metadata.v1.${method}Request`,
      responseMessage: `holdfast.metadata.v1.${method}Response`,
    },
    encodeRequest: (bytes: Uint8Array): Uint8Array => bytes,
    decodeRequest: (bytes: Uint8Array): Uint8Array => bytes,
    encodeResponse: (bytes: Uint8Array): Uint8Array => bytes,
    decodeResponse: (bytes: Uint8Array): Uint8Array => bytes,
  } as const;
}

async function codeOf(answer: Promise<unknown>): Promise<string> {
  return answer.then(
    () => 'answered',
    (error: unknown) => (isOpError(error) ? error.code : String(error)),
  );
}

/** A field that no message has: number 15,000, a text. */
const unknownField = Buffer.from([...[0xc2, 0xa9, 0x07], 3, ...Buffer.from('new')]);

groupCase(
  'what cannot be read is refused, what is not known is passed over, and the servers go on',
  async (group, cluster) => {
    const keeper = await openKeeper(cluster.identity('admin', 'ada'));
    const { apiAddress } = await group.leader();
    const channel = await createChannel({
      ...parts,
      keeper,
      address: apiAddress,
      limits: { messageLimitBytes: 2 ** 30 },
    });
    const { set, get, list } = channel.calls(raw);
    const options = { timeoutMs };
    const cases: readonly [what: string, answer: Promise<unknown>, code: string][] = [
      ['bytes that are no message', set(Buffer.alloc(64, 0xff), options), 'MESSAGE_MALFORMED'],
      ['a message that is cut', set(Buffer.from([0x12, 40, 1, 2]), options), 'MESSAGE_MALFORMED'],
      ['a field that is missing', set(Buffer.alloc(0), options), 'FIELD_MISSING'],
      ['a choice that was not made', get(Buffer.alloc(0), options), 'FIELD_MISSING'],
      ['more than a message may have', set(Buffer.alloc(5 * 1024 * 1024, 1), options), 'MESSAGE_TOO_LARGE'],
      ['a field of a later release', list(unknownField, options), 'answered'],
    ];
    for (const [what, answer, code] of cases) expect([what, await codeOf(answer)]).toEqual([what, code]);
    expect((await group.status()).map(({ error }) => error)).toEqual([undefined, undefined, undefined]);
    channel.close();
    await keeper.stop();
  },
);

groupCase(
  'an engine of an earlier epoch, and an agent that another one has replaced, change nothing',
  async (group, cluster) => {
    const { poolsService, volumesService, attachmentsService } = await loadMetadataServices();
    const client = await group.client();
    const options = { timeoutMs };
    await client.change(poolsService, 'create', { pool }, options);
    await client.change(poolsService, 'addDevice', { pool: pool.name, device: 'disk', extents: 64n }, options);
    const asked = { name: 'data', tenant: '', pool: pool.name, extents: 8n, isShared: false, attributes: '' };
    const { volume } = await client.change(volumesService, 'create', asked, options);
    const node = { machine: 'machine', boot: 'boot-1', ttlMs: 60_000n, drainBoundMs: 100n, after: '' };
    const keeper = await openKeeper(await cluster.issue('agent', 'n1', ['--node', 'n1']));
    const at = { ...parts, keeper, address: (await group.leader()).apiAddress };
    const agent = await registerNode(at, node);
    const publish = { volume, node: 'n1', mode: 'WRITE' } as const;
    await client.change(attachmentsService, 'publish', publish, options);
    const allocate = async (by: NodeAgent, epoch: bigint) =>
      by.ask({ kind: 'allocate', value: { volume, epoch, extents: 1n } });
    expect(await allocate(agent, 1n)).toMatchObject({ kind: 'leases', value: { runs: [{ length: 1n }] } });
    expect(await agent.ask({ kind: 'release', value: { volume, epoch: 1n, isClean: true } })).toMatchObject({
      kind: 'done',
    });
    await client.change(attachmentsService, 'publish', publish, options);
    const stale = { kind: 'refused', value: { code: 'GRANT_FENCED', isRetriable: false } };
    expect(await allocate(agent, 1n)).toMatchObject(stale);
    const physical = { device: 1n, start: 0n, length: 1n };
    const entries = [{ logical: 0n, extents: physical, expected: null }];
    const convert = { kind: 'convert', value: { volume, epoch: 1n, revision: 0n, entries } } as const;
    expect(await agent.ask(convert)).toMatchObject(stale);
    expect(await allocate(agent, 2n)).toMatchObject({ kind: 'leases' });
    const rebooted = await registerNode(at, { ...node, boot: 'boot-2', after: agent.session });
    expect(await allocate(rebooted, 2n)).toMatchObject(stale);
    expect(await allocate(agent, 2n)).toMatchObject({ kind: 'refused', value: { code: 'SESSION_ENDED' } });
    for (const each of [agent, rebooted]) each.close();
    await keeper.stop();
  },
);

groupCase('whoever is of another cluster, or has another role, gets nothing', async (group, cluster) => {
  const other = await ProcessCluster.create();
  const { settingsService } = await loadMetadataServices();
  const ask = async (from: ProcessCluster, role: Role): Promise<string> => {
    const keeper = await openKeeper(await from.issue(role, 'stranger'));
    const client = await createMetadataClient({ ...parts, keeper, servers: group.servers });
    const code = await codeOf(client.change(settingsService, 'set', { name: 'a', value: 'b' }, { timeoutMs }));
    client.close();
    await keeper.stop();
    return code;
  };
  try {
    expect(await ask(other, 'admin')).toBe('CERTIFICATE_OF_OTHER_CLUSTER');
    expect(await ask(cluster, 'csi')).toBe('CALLER_NOT_ALLOWED');
    expect(await ask(cluster, 'agent')).toBe('CALLER_NOT_ALLOWED');
    await other.issue('metadata', 'm4');
    const words = [
      '--certificates',
      other.identity('metadata', 'm4'),
      '--data',
      `${other.folder}/data`,
      '--token',
      'x',
    ];
    const places = ['--peer-address', '127.0.0.1:7', '--api-address', '127.0.0.1:8'];
    expect((await group.tryJoin([...words, ...places])).stderr).toContain('[CERTIFICATE_OF_OTHER_CLUSTER]');
  } finally {
    await other.close();
  }
  const status = await group.status();
  expect(status.map(({ error }) => error)).toEqual([undefined, undefined, undefined]);
});
