// Callers that send what they should not, and callers of another cluster: each hears in one line what is wrong, and the servers do not mind.
import { expect } from '@jest/globals';
import { isOpError } from '@holdfast/base';
import { ProcessCluster } from '@holdfast/holdfast/internal';
import { createChannel, createMetadataClient, loadMetadataServices, type Role } from '@holdfast/rpc';
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
