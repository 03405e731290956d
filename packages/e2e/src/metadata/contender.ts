// What both sides of a comparison are asked, as functions: a value of 256 bytes is written under one of a few names, one is read through
// the leader, and on our side a volume is made.
import { loadMetadataServices, type Channel, type MetadataClient } from '@holdfast/rpc';
import { invariant } from '@holdfast/base';
import { etcdKv } from './etcd-api.ts';
import { pool } from './pool.ts';

export interface Contender {
  readonly put: () => Promise<unknown>;
  readonly read: () => Promise<unknown>;
  readonly create: () => Promise<unknown>;
}

const valueBytes = 256;
const names = 200;
const timeoutMs = 30_000;
const value = 'v'.repeat(valueBytes);

export async function holdfastContender(client: MetadataClient): Promise<Contender> {
  const { poolsService, settingsService, volumesService } = await loadMetadataServices();
  await client.change(poolsService, 'create', { pool }, { timeoutMs });
  const common = { tenant: '', pool: pool.name, extents: 4n, isShared: false };
  const make = async (name: string, attributes: string): Promise<string> => {
    const { volume } = await client.change(volumesService, 'create', { ...common, name, attributes }, { timeoutMs });
    return volume;
  };
  const ids = await Promise.all(Array.from({ length: names }, async (_, at) => make(`read-${at}`, value)));
  let [puts, reads, creates] = [0, 0, 0];
  return {
    put: async () => client.change(settingsService, 'set', { name: `bench-${puts++ % names}`, value }, { timeoutMs }),
    read: async () => {
      const by = { kind: 'volume', value: ids[reads++ % names] ?? '' } as const;
      const { volume } = await client.ask(volumesService, 'get', { by, isLocal: false }, { timeoutMs });
      invariant(volume?.attributes.length === valueBytes, 'what was read is what was written');
    },
    create: async () => make(`pvc-${creates++}`, ''),
  };
}

export async function etcdContender(channel: Channel): Promise<Contender> {
  const kv = channel.calls(etcdKv);
  const keys = Array.from({ length: names }, (_, at) => Buffer.from(`bench-${at}`));
  const keyOf = (at: number): Uint8Array => keys[at % names] ?? Buffer.alloc(0);
  const bytes = Buffer.from(value);
  for (const key of keys) await kv.put({ key, value: bytes }, { timeoutMs });
  let [puts, reads] = [0, 0];
  const put = async (): Promise<unknown> => kv.put({ key: keyOf(puts++), value: bytes }, { timeoutMs });
  return {
    put,
    read: async () => {
      const found = await kv.range({ key: keyOf(reads++) }, { timeoutMs });
      invariant(found.value?.length === valueBytes, 'what was read is what was written');
    },
    create: put,
  };
}
