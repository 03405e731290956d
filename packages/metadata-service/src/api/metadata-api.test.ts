// The API as its callers find it: real servers and a real client over mutual TLS.
import { afterEach, beforeEach, expect } from '@jest/globals';
import { loadMetadataServices, type MetadataClient, type Pool } from '@holdfast/rpc';
import { groupTest, TestGroup, until } from '../service-testing.ts';
import { nodeCommand } from '../state/state-testing.ts';

type Services = Awaited<ReturnType<typeof loadMetadataServices>>;
const options = { timeoutMs: 20_000 };
const pool: Pool = {
  ...{ name: 'fast', fencing: 'LEASE', tier: 'KERNEL', isBestEffortTakeover: false, drainBoundMs: null },
  ...{ fencesPerHour: 3n, oversubscriptionPercent: 0n, extentBytes: 1_048_576n },
  ...{ totalExtents: 0n, freeExtents: 0n, leasedExtents: 0n, mappedExtents: 0n, quarantinedExtents: 0n },
  ...{ promisedExtents: 0n, isOpen: false, isOpening: false, devices: [] },
};
const volume = (name: string) => ({ name, tenant: '', pool: 'fast', extents: 8n, isShared: false, attributes: 'mine' });

let group: TestGroup;
let client: MetadataClient;
let services: Services;

beforeEach(async () => {
  services = await loadMetadataServices();
});
afterEach(async () => group.close());

async function begin(members: 1 | 3): Promise<void> {
  group = members === 1 ? await TestGroup.create() : await TestGroup.ofThree();
  client = await group.client();
  await client.change(services.poolsService, 'create', { pool }, options);
}

groupTest('a pool, its device, and a volume live: made, found, listed, grown, deleted', async () => {
  await begin(1);
  const { poolsService: pools, volumesService: volumes } = services;
  const device = { pool: 'fast', device: 'd1', extents: 100n };
  expect(await client.change(pools, 'addDevice', device, options)).toEqual({ number: 1n });
  const { volume: id } = await client.change(volumes, 'create', volume('web'), options);
  // The same name with the same properties is the same volume, for who has forgotten that it asked.
  expect(await client.change(volumes, 'create', volume('web'), options)).toEqual({ volume: id });
  expect(await client.change(volumes, 'expand', { volume: id, extents: 9n }, options)).toEqual({ extents: 9n });

  const found = await client.ask(volumes, 'get', { by: { kind: 'name', value: 'web' }, isLocal: false }, options);
  expect(found.volume).toMatchObject({ id, extents: 9n, attributes: 'mine', nodes: [] });
  const byId = await client.ask(volumes, 'get', { by: { kind: 'volume', value: id }, isLocal: true }, options);
  expect(byId.volume).toEqual(found.volume);
  const { pools: listed } = await client.ask(pools, 'list', { isLocal: false }, options);
  expect(listed).toMatchObject([{ name: 'fast', totalExtents: 100n, promisedExtents: 9n, isOpen: true }]);
  expect(listed[0]?.devices).toEqual([{ number: 1n, id: 'd1', extents: 100n, freeExtents: 100n }]);

  await client.change(volumes, 'delete', { volume: id }, options);
  await client.change(volumes, 'delete', { volume: id }, options);
  await expect(
    client.ask(volumes, 'get', { by: { kind: 'volume', value: id }, isLocal: false }, options),
  ).rejects.toMatchObject({ code: 'VOLUME_NOT_FOUND' });
});

groupTest('what a pool may promise is changed while it lives, and says how large a volume may be', async () => {
  await begin(1);
  const { poolsService: pools, volumesService: volumes } = services;
  const largest = async (): Promise<bigint> =>
    (await client.ask(pools, 'get', { name: 'fast', isLocal: false }, options)).largestVolumeExtents;
  const limit = async (oversubscriptionPercent: bigint | null, fencesPerHour: bigint | null): Promise<unknown> =>
    client.change(pools, 'setLimits', { pool: 'fast', oversubscriptionPercent, fencesPerHour }, options);
  expect(await largest()).toBe(0n);
  await client.change(pools, 'addDevice', { pool: 'fast', device: 'd1', extents: 10n }, options);
  expect(await largest()).toBe(2n ** 40n);
  await limit(150n, null);
  expect(await largest()).toBe(15n);
  const { volume: id } = await client.change(volumes, 'create', volume('web'), options);
  expect(await largest()).toBe(7n);
  await expect(client.change(volumes, 'create', volume('shop'), options)).rejects.toMatchObject({
    ...{ code: 'POOL_OVERSUBSCRIBED', details: { limit: '15', promised: '16' } },
  });
  await expect(client.change(volumes, 'expand', { volume: id, extents: 16n }, options)).rejects.toMatchObject({
    code: 'POOL_OVERSUBSCRIBED',
  });
  // What is promised stays, and nothing is added.
  await limit(50n, 9n);
  expect(await largest()).toBe(0n);
  const { pool: found } = await client.ask(pools, 'get', { name: 'fast', isLocal: false }, options);
  expect(found).toMatchObject({ oversubscriptionPercent: 50n, fencesPerHour: 9n, promisedExtents: 8n });
  await expect(limit(2_000_000n, null)).rejects.toMatchObject({ code: 'STATE_COMMAND_MALFORMED' });
});

groupTest('a volume is modified by who knows what it has, and stays the one that its name means', async () => {
  await begin(1);
  const { volumesService: volumes } = services;
  const { volume: id } = await client.change(volumes, 'create', volume('web'), options);
  const modify = async (expectedAttributes: string, mutableAttributes: string): Promise<unknown> =>
    client.change(volumes, 'modify', { volume: id, expectedAttributes, mutableAttributes }, options);
  await modify('', 'slow');
  await modify('', 'slow');
  await expect(modify('', 'fast')).rejects.toMatchObject({ code: 'VOLUME_ATTRIBUTES_CHANGED' });
  await modify('slow', 'fast');
  expect(await client.change(volumes, 'create', volume('web'), options)).toEqual({ volume: id });
  const found = await client.ask(volumes, 'get', { by: { kind: 'volume', value: id }, isLocal: false }, options);
  expect(found.volume).toMatchObject({ attributes: 'mine', mutableAttributes: 'fast' });
  await expect(modify('fast', 'x'.repeat(5_000))).rejects.toMatchObject({ code: 'STATE_COMMAND_MALFORMED' });
});

groupTest('volumes are listed by the node that they are at, and snapshots by their volume', async () => {
  await begin(1);
  const { volumesService: volumes, snapshotsService: snapshots, attachmentsService: attachments } = services;
  const { service } = await group.atLeader();
  const ids: string[] = [];
  for (const name of ['a', 'b', 'c']) ids.push((await client.change(volumes, 'create', volume(name), options)).volume);
  for (const [at, node] of ['n1', 'n2', 'n1'].entries()) {
    const of = { volume: ids[at] ?? '', node };
    await service.sessions.carryOut<'registerNode'>(nodeCommand(node));
    await client.change(attachments, 'publish', { ...of, mode: 'WRITE' }, options);
    const what = { what: 'share', snapshot: `s${at}`, name: `of ${at}`, start: 0, stop: 0, expected: null } as const;
    const narrowed = service.sessions.narrow({ kind: 'intend', volume: of.volume, intent: 'i', ...what });
    const by = { session: `1.${node}.1`, agent: at === 2 ? 2 : 1 };
    await service.sessions.carryOut<'acknowledge'>({
      kind: 'acknowledge',
      ...by,
      volume: of.volume,
      intent: 'i',
      revision: 1,
    });
    await narrowed;
  }
  const page = { pageSize: 1n, isLocal: false };
  const listed: string[] = [];
  for (let pageToken = '', isFirst = true; isFirst || pageToken !== ''; isFirst = false) {
    const found = await client.ask(volumes, 'list', { ...page, pageToken, node: 'n1' }, options);
    listed.push(...found.volumes.map(({ id }) => id));
    pageToken = found.nextPageToken;
  }
  expect(new Set(listed)).toEqual(new Set([ids[0], ids[2]]));
  expect(listed).toHaveLength(2);
  const ofVolume = { ...page, pageToken: '', volume: ids[1] ?? '' };
  const { snapshots: found, nextPageToken } = await client.ask(snapshots, 'list', ofVolume, options);
  expect([found.map(({ id }) => id), nextPageToken]).toEqual([['s1'], '']);
});

groupTest('volumes are cut together, and the group is found, and deleted, by who knows it', async () => {
  await begin(1);
  const { volumesService: volumes, snapshotsService: snapshots } = services;
  const { sessions } = (await group.atLeader()).service;
  await sessions.carryOut<'registerNode'>(nodeCommand('n1'));
  const ids: string[] = [];
  for (const name of ['a', 'b']) ids.push((await client.change(volumes, 'create', volume(name), options)).volume);
  const create = async (name: string, of: readonly string[]) =>
    client.ask(snapshots, 'createGroup', { name, volumes: of }, options);
  const making = create('nightly', ids);
  for (const id of ids) {
    const of = { volume: id, intent: 'nightly', revision: 1 };
    const acknowledge = { kind: 'acknowledge', session: '1.n1.1', agent: 1, ...of } as const;
    await until(async () =>
      sessions.carryOut<'acknowledge'>(acknowledge).then(
        () => true,
        () => false,
      ),
    );
  }
  const { group: made } = await making;
  expect(made?.snapshots.map((each) => [each.volume, each.name]).toSorted(byFirst)).toEqual(
    ids.map((id) => [id, `nightly/${id}`]).toSorted(byFirst),
  );
  expect(made?.snapshots.map((each) => each.group)).toEqual([made?.id, made?.id]);
  expect(await create('nightly', ids.toReversed())).toEqual({ group: made });
  const get = async () =>
    client.ask(snapshots, 'getGroup', { by: { kind: 'name', value: 'nightly' }, isLocal: false }, options);
  expect((await get()).group).toEqual(made);
  const cases: readonly [string, () => Promise<unknown>][] = [
    ['SNAPSHOT_EXISTS', async () => create('nightly', ids.slice(1))],
    ['FIELD_MISSING', async () => create('', ids)],
    ['STATE_COMMAND_MALFORMED', async () => create('other', [])],
    [
      'STATE_COMMAND_MALFORMED',
      async () =>
        create(
          'other',
          Array.from({ length: 33 }, (_, at) => `v${at}`),
        ),
    ],
    ['VOLUME_NOT_FOUND', async () => create('other', ['none'])],
    ['FIELD_MISSING', async () => client.ask(snapshots, 'getGroup', { by: null, isLocal: true }, options)],
  ];
  for (const [code, call] of cases) await expect(call()).rejects.toMatchObject({ code });
  for (let times = 0; times < 2; times++)
    await client.change(snapshots, 'deleteGroup', { group: made?.id ?? '' }, options);
  await expect(get()).rejects.toMatchObject({ code: 'SNAPSHOT_GROUP_NOT_FOUND' });
});

const byFirst = ([one = '']: readonly string[], [other = '']: readonly string[]): number => one.localeCompare(other);

groupTest('a list comes page by page, each volume once, whatever the pages end for', async () => {
  await begin(1);
  const { volumesService: volumes } = services;
  const made = await Promise.all(
    Array.from({ length: 25 }, async (_, at) => client.change(volumes, 'create', volume(`v${at}`), options)),
  );
  const ids = made.map(({ volume: id }) => id).toSorted();
  const list = async (pageSize: bigint): Promise<string[][]> => {
    const pages: string[][] = [];
    for (let pageToken = ''; pages.length === 0 || pageToken !== '';) {
      const page = await client.ask(volumes, 'list', { pageSize, pageToken, isLocal: true, node: '' }, options);
      pages.push(page.volumes.map(({ id }) => id));
      pageToken = page.nextPageToken;
    }
    return pages;
  };
  expect((await list(10n)).map(({ length }) => length)).toEqual([10, 10, 5]);
  expect((await list(25n)).flat()).toEqual(ids);
  expect(await list(0n)).toHaveLength(1);
  await expect(list(1_001n)).rejects.toMatchObject({ code: 'PAGE_TOO_LARGE' });
  const [member] = group.members;
  if (member === undefined) throw new Error('one member');
  await group.stop(member);
  group.limits = { pageBytesMax: 1_000 };
  await group.start(member);
  await group.ready(member);
  const small = await list(0n);
  expect(small.length).toBeGreaterThan(5);
  expect(small.flat()).toEqual(ids);
});

groupTest('who knows only a follower finds the leader, and a read of its own state needs none', async () => {
  await begin(3);
  const { volumesService: volumes, clusterService: cluster } = services;
  const { service } = await group.atLeader();
  const follower = group.members.find((member) => member.service !== service);
  if (follower === undefined) throw new Error('somebody follows');
  const narrow = await group.client('csi', [follower.apiAddress]);
  const { volume: id } = await narrow.change(volumes, 'create', volume('web'), options);
  const direct = group.certificates.connect(follower.apiAddress, await group.certificates.keeperFor('csi'));
  const calls = direct.calls(volumes);
  const refused = calls.get({ by: { kind: 'volume', value: id }, isLocal: false }, options);
  await expect(refused).rejects.toMatchObject({ code: 'METADATA_LEADER_ELSEWHERE' });
  await until(async () =>
    calls.get({ by: { kind: 'volume', value: id }, isLocal: true }, options).then(
      () => true,
      () => false,
    ),
  );
  const { member, role, members } = await direct.calls(cluster).describe({}, options);
  expect([Number(member), role]).toEqual([follower.service?.self, 'FOLLOWER']);
  expect(members.map(({ kind, name }) => [kind, name])).toEqual([
    ['VOTER', 'm1'],
    ['VOTER', 'm2'],
    ['VOTER', 'm3'],
  ]);
});

groupTest('what is asked while leaders change is done once, and all of it', async () => {
  await begin(3);
  const { volumesService: volumes, clusterService: cluster } = services;
  const names = Array.from({ length: 300 }, (_, at) => `v${at}`);
  const creating = Promise.all(names.map(async (name) => client.change(volumes, 'create', volume(name), options)));
  for (const { service } of group.members) {
    if (service === null || service.isLeader) continue;
    await client.ask(cluster, 'transfer', { member: BigInt(service.self) }, options);
  }
  const made = await creating;
  expect(new Set(made.map(({ volume: id }) => id)).size).toBe(names.length);
  const { volumes: listed } = await client.ask(
    volumes,
    'list',
    { pageSize: 1_000n, pageToken: '', isLocal: false, node: '' },
    options,
  );
  expect(listed.map(({ name }) => name).toSorted()).toEqual(names.toSorted());
});

groupTest('a command that comes twice with its number takes effect once, and gets its first answer', async () => {
  await begin(1);
  const [member] = group.members;
  if (member === undefined) throw new Error('one member');
  const direct = group.certificates.connect(member.apiAddress, await group.certificates.keeperFor('admin'));
  const { client: number } = await direct.calls(services.clusterService).openClient({}, options);
  const calls = direct.calls(services.volumesService);
  const id = { client: number, sequence: 1n };
  const first = await calls.create({ id, ...volume('web') }, options);
  await calls.delete({ id: { client: number, sequence: 2n }, volume: first.volume }, options);
  expect(await calls.create({ id, ...volume('web') }, options)).toEqual(first);
  const { volumes: left } = await calls.list({ pageSize: 0n, pageToken: '', isLocal: false, node: '' }, options);
  expect(left).toEqual([]);
});

groupTest('bad requests are answered with a row of the table, and change nothing', async () => {
  await begin(1);
  const [member] = group.members;
  if (member === undefined) throw new Error('one member');
  const direct = group.certificates.connect(member.apiAddress, await group.certificates.keeperFor('admin'));
  const { auditService, clusterService, nodesService, poolsService, settingsService, volumesService } = services;
  const { client: number } = await direct.calls(clusterService).openClient({}, options);
  const volumes = direct.calls(volumesService);
  const pools = direct.calls(poolsService);
  const cluster = direct.calls(clusterService);
  const settings = direct.calls(settingsService);
  const nodes = direct.calls(nodesService);
  const audit = direct.calls(auditService);
  let sequence = 0n;
  const id = () => ({ client: number, sequence: ++sequence });
  const cases: readonly [code: string, call: () => Promise<unknown>][] = [
    ['FIELD_MISSING', async () => volumes.create({ id: null, ...volume('a') }, options)],
    ['FIELD_MISSING', async () => volumes.create({ id: { client: number, sequence: 0n }, ...volume('a') }, options)],
    ['FIELD_MISSING', async () => volumes.create({ id: id(), ...volume('') }, options)],
    ['FIELD_OUT_OF_RANGE', async () => volumes.create({ id: id(), ...volume('a'), extents: 2n ** 63n }, options)],
    ['STATE_COMMAND_MALFORMED', async () => volumes.create({ id: id(), ...volume('a'), extents: 0n }, options)],
    ['STATE_COMMAND_MALFORMED', async () => volumes.create({ id: id(), ...volume('a'.repeat(254)) }, options)],
    ['FIELD_MISSING', async () => volumes.get({ by: null, isLocal: true }, options)],
    ['FIELD_MISSING', async () => pools.create({ id: id(), pool: null }, options)],
    ['FIELD_MISSING', async () => pools.create({ id: id(), pool: { ...pool, fencing: 'UNKNOWN' } }, options)],
    ['POOL_NOT_FOUND', async () => pools.get({ name: 'slow', isLocal: true }, options)],
    ['FIELD_MISSING', async () => settings.set({ id: id(), name: '', value: 'x' }, options)],
    ['POOL_NOT_FOUND', async () => pools.open({ id: id(), pool: 'slow' }, options)],
    ['NODE_NOT_FOUND', async () => nodes.stateOff({ id: id(), node: 'n1' }, options)],
    ['FIELD_MISSING', async () => nodes.overrideSession({ session: '' }, options)],
    ['SESSION_NOT_FOUND', async () => nodes.overrideSession({ session: '1.n1.1' }, options)],
    ['FIELD_OUT_OF_RANGE', async () => audit.list({ pageSize: 0n, pageToken: 'x', isLocal: true }, options)],
    ['FIELD_MISSING', async () => cluster.promote({ member: 0n }, options)],
    ['MEMBER_NOT_FOUND', async () => cluster.promote({ member: 9n }, options)],
    ['MEMBER_EXISTS', async () => cluster.invite({ name: 'm1' }, options)],
    [
      'CALLER_NOT_ALLOWED',
      async () => cluster.join({ id: id(), token: 'x', peerAddress: 'a:1', apiAddress: 'a:2' }, options),
    ],
  ];
  for (const [code, call] of cases) await expect(call()).rejects.toMatchObject({ code });
  const { volumes: left } = await volumes.list({ pageSize: 0n, pageToken: '', isLocal: false, node: '' }, options);
  expect(left).toEqual([]);
});
