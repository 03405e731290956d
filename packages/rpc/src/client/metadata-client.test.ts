import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { OpError, RealClock, type Clock } from '@holdfast/base';
import type { CommandId } from '../generated/metadata-types.ts';
import { loadMetadataServices } from '../generated/services.ts';
import { serve, type ServedService } from '../server/handlers.ts';
import { random, TestCluster, timers, until } from '../testing.ts';
import { MetadataClient } from './metadata-client.ts';
import { commandsUnderWayMax } from './session-numbers.ts';

type Services = Awaited<ReturnType<typeof loadMetadataServices>>;
type Create = (id: CommandId) => Promise<void>;

const options = { timeoutMs: 20_000 };
const request = { name: 'web', tenant: '', pool: 'fast', extents: 1n, isShared: false, attributes: '' };
let cluster: TestCluster;
let services: Services;
let sessions = 0n;
const clients: MetadataClient[] = [];

beforeEach(async () => {
  sessions = 0n;
  services = await loadMetadataServices();
  cluster = await TestCluster.create();
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await cluster.close();
});

/** A stand-in for a server: it gives out sessions, and does what the test says with a command. */
function servicesOf(create: Create): ServedService[] {
  const others = {
    ...{ backup: null, describe: null, finalize: null, hash: null },
    ...{ invite: null, join: null, promote: null, remove: null, transfer: null },
  };
  const openClient = async (): Promise<{ client: bigint }> => ({ client: ++sessions });
  return [
    serve(services.clusterService, { openClient, ...others }),
    serve(services.volumesService, {
      ...{ clone: null, modify: null, expand: null, delete: null, get: null, list: null },
      create: async ({ id }) => {
        if (id === null) throw new OpError('FIELD_MISSING', { field: 'id' });
        await create(id);
        return { volume: `of ${id.sequence}` };
      },
    }),
  ];
}

class HurriedClock extends RealClock {
  aheadMs = 0;
  override monotonicMs(): number {
    return super.monotonicMs() + this.aheadMs;
  }
}

async function clientOf(
  servers: readonly string[],
  { attemptLimitMs = 10_000, clock = cluster.clock }: { attemptLimitMs?: number; clock?: Clock } = {},
): Promise<MetadataClient> {
  const keeper = await cluster.keeperFor('csi');
  const client = new MetadataClient({
    servers,
    keeper,
    attemptLimitMs,
    log: cluster.log,
    metrics: null,
    clock,
    timers,
    random,
  });
  clients.push(client);
  return client;
}

test('commands are numbered, and none goes further ahead of the oldest than the state keeps answers', async () => {
  const first = Promise.withResolvers<null>();
  const seen: bigint[] = [];
  const { address } = await cluster.serve({
    services: servicesOf(async ({ sequence }) => {
      seen.push(sequence);
      if (sequence === 1n) await first.promise;
    }),
  });
  const client = await clientOf([address]);
  const count = commandsUnderWayMax + 50;
  const all = Array.from({ length: count }, async () =>
    client.change(services.volumesService, 'create', request, options),
  );
  await until(() => seen.length === commandsUnderWayMax);
  first.resolve(null);
  await Promise.all(all);
  expect(seen.map(Number).toSorted((left, right) => left - right)).toEqual(
    Array.from({ length: count }, (_, at) => at + 1),
  );
  expect(sessions).toBe(1n);
});

test('a server that leads no more says who does, and the command goes there with the same number', async () => {
  const seen: string[] = [];
  const leader = await cluster.serve({ services: servicesOf(async (id) => void seen.push(`leader ${id.sequence}`)) });
  const follower = await cluster.serve({
    services: servicesOf(async (id) => {
      seen.push(`follower ${id.sequence}`);
      throw new OpError('METADATA_LEADER_ELSEWHERE', { leader: 'm2', address: leader.address });
    }),
  });
  const client = await clientOf([follower.address]);
  const create = async (): Promise<unknown> => client.change(services.volumesService, 'create', request, options);
  expect([await create(), await create()]).toEqual([{ volume: 'of 1' }, { volume: 'of 2' }]);
  expect(seen).toEqual(['follower 1', 'leader 1', 'leader 2']);
});

test('a server that does not answer is left for the next one, before the call is late', async () => {
  const stuck = Promise.withResolvers<null>();
  const silent = await cluster.serve({
    services: servicesOf(async () => {
      await stuck.promise;
    }),
  });
  const other = await cluster.serve({ services: servicesOf(async () => undefined) });
  const client = await clientOf([silent.address, '127.0.0.1:1', other.address], { attemptLimitMs: 300 });
  expect(await client.change(services.volumesService, 'create', request, options)).toEqual({ volume: 'of 1' });
  stuck.resolve(null);
});

test('behind a command that was given up so many numbers are left out that it is over, and its session is kept until then', async () => {
  const stuck = Promise.withResolvers<null>();
  const seen: string[] = [];
  const { address } = await cluster.serve({
    services: servicesOf(async ({ client: session, sequence }) => {
      seen.push(`${session}/${sequence}`);
      if (sequence === 2n) await stuck.promise;
    }),
  });
  const clock = new HurriedClock();
  const client = await clientOf([address], { clock });
  const create = async (signal: AbortSignal | null = null): Promise<unknown> =>
    client.change(services.volumesService, 'create', request, { ...options, signal });
  await create();
  const impatience = new AbortController();
  const givenUp = create(impatience.signal);
  await until(() => seen.length === 2);
  impatience.abort();
  await expect(givenUp).rejects.toMatchObject({ code: 'CANCELLED' });
  clock.aheadMs = 40 * 60_000;
  await create();
  await create();
  stuck.resolve(null);
  expect(seen).toEqual(['1/1', '1/2', `1/${2 + commandsUnderWayMax}`, '2/1']);
});

test('what the state answers is an answer, and is not asked for again', async () => {
  let asked = 0;
  const { address } = await cluster.serve({
    services: servicesOf(async () => {
      asked++;
      throw new OpError('VOLUME_BUSY', { volume: 'web', reason: 'the test says so' });
    }),
  });
  const client = await clientOf([address]);
  const change = client.change(services.volumesService, 'create', request, options);
  await expect(change).rejects.toMatchObject({ code: 'VOLUME_BUSY' });
  expect(asked).toBe(1);
});

test('a session that the servers have forgotten is an error once, and the next command has another one', async () => {
  const { address } = await cluster.serve({
    services: servicesOf(async ({ client: number }) => {
      if (number === 1n) throw new OpError('CLIENT_UNKNOWN', { client: 1 });
    }),
  });
  const client = await clientOf([address]);
  const create = async (): Promise<unknown> => client.change(services.volumesService, 'create', request, options);
  await expect(create()).rejects.toMatchObject({ code: 'CLIENT_UNKNOWN' });
  expect(await create()).toEqual({ volume: 'of 1' });
});

test('without any server the call ends at its deadline with what was wrong', async () => {
  const client = await clientOf(['127.0.0.1:1']);
  const change = client.change(services.volumesService, 'create', request, { timeoutMs: 500 });
  await expect(change).rejects.toMatchObject({
    code: expect.stringMatching(/^(SERVER_UNREACHABLE|DEADLINE_EXCEEDED)$/),
  });
});
