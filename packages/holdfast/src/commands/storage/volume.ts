// `holdfast volume list` and `holdfast volume show`: volumes, where they are attached, and who holds them.
import { isOpError } from '@holdfast/base';
import {
  defineCommand,
  printDocument,
  printListing,
  renderTable,
  type Column,
  type Flag,
  type LeaderConnection,
} from '@holdfast/cli';
import type { GetVolumeResponse, Pool, Volume, VolumeGrant } from '@holdfast/rpc';
import { listFlags, listPages } from '../pages.ts';
import { showFlags, withLeader, type Services } from '../servers.ts';
import { formatSize, printProperties, readPools, sizeOf } from './listing.ts';

const volumeParameter = { name: 'VOLUME', summary: "the volume's name, or its id", required: true } as const;

const nodeFlag = {
  value: 'NODE',
  summary: 'only those that are attached to this node',
  unit: null,
  default: null,
} as const satisfies Flag;

interface Row extends Volume {
  readonly sizeBytes: number;
}

const columns: readonly Column<Row>[] = [
  { header: 'NAME', cell: ({ name }) => name },
  { header: 'POOL', cell: ({ pool }) => pool },
  { header: 'SIZE', cell: ({ sizeBytes }) => formatSize(sizeBytes) },
  { header: 'NODES', cell: ({ nodes }) => nodes.join(', ') },
  { header: 'TENANT', wide: true, cell: ({ tenant }) => tenant },
  { header: 'EPOCH', wide: true, cell: ({ epoch }) => String(epoch) },
  { header: 'ID', wide: true, cell: ({ id }) => id },
];
const grantColumns: readonly Column<VolumeGrant>[] = [
  { header: 'EPOCH', cell: ({ epoch }) => String(epoch) },
  { header: 'NODE', cell: ({ node }) => node },
  { header: 'MODE', cell: ({ mode }) => String(mode).toLowerCase() },
  { header: 'SESSION', cell: ({ session }) => session },
  { header: 'STATE', cell: ({ isEnded }) => (isEnded ? 'ended: its certificate is waited for' : 'lives') },
];

export const volumeList = defineCommand({
  name: 'volume list',
  summary: 'list the volumes, in the order of their ids, and the nodes that each is attached to',
  flags: { ...listFlags, node: nodeFlag },
  async run({ flags, system }) {
    await withLeader(flags, system, async (connection, services) => {
      const { client, timeoutMs } = connection;
      const pools = new Map((await readPools(connection, services)).map((pool) => [pool.name, pool]));
      const found = await listPages(flags, system, async (page) => {
        const asked = { ...page, isLocal: false, node: flags.node ?? '' };
        const { volumes, nextPageToken } = await client.ask(services.volumesService, 'list', asked, { timeoutMs });
        return { rows: volumes, nextPageToken };
      });
      const rows = found.map((volume) => ({ ...volume, sizeBytes: sizeOf(volume.extents, pools.get(volume.pool)) }));
      await printListing(system, { format: flags.output, columns, rows, document: { volumes: rows.map(documentOf) } });
    });
  },
});

export const volumeShow = defineCommand({
  name: 'volume show',
  summary: 'show one volume: where it is attached, who holds it, and what is waited for',
  parameters: [volumeParameter],
  flags: showFlags,
  async run({ flags, parameters, system }) {
    await withLeader(flags, system, async (connection, services) => {
      const { volume, grants, intent } = await findVolume(connection, services, parameters[0] ?? '');
      if (volume === null) return;
      const pool = (await readPools(connection, services)).find(({ name }) => name === volume.pool);
      const row = { ...volume, sizeBytes: sizeOf(volume.extents, pool) };
      const document = { ...documentOf(row), intent: intent === '' ? null : intent, grants: grants.map(grantOf) };
      if (await printDocument(system, flags.output, document)) return;
      printProperties(system, propertiesOf(row, { pool, intent }));
      if (grants.length === 0) return;
      system.print('');
      for (const line of renderTable(grantColumns, grants)) system.print(line);
    });
  },
});

/** By its name, which people know, and else by its id, which errors tell. */
async function findVolume(
  { client, timeoutMs }: LeaderConnection,
  { volumesService }: Services,
  value: string,
): Promise<GetVolumeResponse> {
  const find = async (kind: 'name' | 'volume') =>
    client.ask(volumesService, 'get', { by: { kind, value }, isLocal: false }, { timeoutMs });
  try {
    return await find('name');
  } catch (error) {
    if (!isOpError(error) || error.code !== 'VOLUME_NOT_FOUND') throw error;
    return find('volume');
  }
}

function propertiesOf(
  row: Row,
  { pool, intent }: { readonly pool: Pool | undefined; readonly intent: string },
): (readonly [string, string])[] {
  return [
    ['name', row.name],
    ['id', row.id],
    ['tenant', row.tenant],
    ['pool', row.pool],
    ['size', `${formatSize(row.sizeBytes)}, ${row.extents} extents of ${formatSize(Number(pool?.extentBytes ?? 0n))}`],
    ['shared', row.isShared ? 'yes: one node at a time, in turn' : 'no'],
    ['attached to', row.nodes.join(', ')],
    ['epoch', String(row.epoch)],
    ['map revision', String(row.mapRevision)],
    ['waits for grants', intent === '' ? '' : `the change ${intent}`],
    ['disputed', row.isDisputed ? 'yes: it is read-only until a person decides which copy of its map counts' : 'no'],
  ];
}

function documentOf({ id, name, tenant, pool, sizeBytes, ...row }: Row): Readonly<Record<string, unknown>> {
  const { extents, isShared, attributes, epoch, mapRevision, isDisputed, nodes } = row;
  return {
    ...{ id, name, tenant, pool, sizeBytes, extents: Number(extents), isShared, attributes, isDisputed, nodes },
    ...{ epoch: Number(epoch), mapRevision: Number(mapRevision) },
  };
}

function grantOf({ epoch, session, node, mode, isEnded }: VolumeGrant): Readonly<Record<string, unknown>> {
  return { epoch: Number(epoch), session, node, mode: String(mode).toLowerCase(), isEnded };
}
