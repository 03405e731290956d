// `holdfast pool list` and `holdfast pool show`: what volumes are cut from, and how much of it is left.
import { defineCommand, printDocument, printListing, renderTable, shellWord, type Column } from '@holdfast/cli';
import type { Device, Pool } from '@holdfast/rpc';
import { showFlags, withLeader } from '../servers.ts';
import { formatSize, poolParameter, printProperties, readPools, sizeOf } from './listing.ts';

const columns: readonly Column<Pool>[] = [
  { header: 'NAME', cell: ({ name }) => name },
  { header: 'FENCING', cell: fencingOf },
  { header: 'OPEN', cell: ({ isOpen }) => (isOpen ? 'yes' : 'no') },
  { header: 'DEVICES', cell: ({ devices }) => String(devices.length) },
  { header: 'SIZE', cell: (pool) => formatSize(sizeOf(pool.totalExtents, pool)) },
  { header: 'FREE', cell: (pool) => formatSize(sizeOf(pool.freeExtents, pool)) },
  { header: 'PROMISED', cell: (pool) => formatSize(sizeOf(pool.promisedExtents, pool)) },
  { header: 'MAPPED', wide: true, cell: (pool) => formatSize(sizeOf(pool.mappedExtents, pool)) },
  { header: 'LEASED', wide: true, cell: (pool) => formatSize(sizeOf(pool.leasedExtents, pool)) },
  { header: 'QUARANTINED', wide: true, cell: (pool) => formatSize(sizeOf(pool.quarantinedExtents, pool)) },
];

export const poolList = defineCommand({
  name: 'pool list',
  summary: 'list the pools: how they are fenced, and how much of each is free and promised',
  flags: showFlags,
  async run({ flags, system }) {
    await withLeader(flags, system, async (connection, services) => {
      const rows = await readPools(connection, services);
      const document = { pools: rows.map(documentOf) };
      await printListing(system, { format: flags.output, columns, rows, document });
    });
  },
});

export const poolShow = defineCommand({
  name: 'pool show',
  summary: 'show one pool with its devices',
  parameters: [poolParameter],
  flags: showFlags,
  async run({ flags, parameters, system }) {
    await withLeader(flags, system, async ({ client, timeoutMs }, { poolsService }) => {
      const [name = ''] = parameters;
      const { pool } = await client.ask(poolsService, 'get', { name: name ?? '', isLocal: false }, { timeoutMs });
      if (pool === null || (await printDocument(system, flags.output, documentOf(pool)))) return;
      printProperties(system, propertiesOf(pool));
      system.print('');
      for (const line of renderTable(deviceColumns(pool), pool.devices)) system.print(line);
    });
  },
});

function fencingOf({ fencing, tier }: Pool): string {
  const word = String(fencing).toLowerCase();
  return fencing === 'LEASE' ? `${word}, ${String(tier).toLowerCase().replaceAll('_', '-')}` : word;
}

function openingOf({ isOpen, isOpening, fencing, name }: Pool): string {
  if (isOpen) return 'yes';
  if (isOpening) return 'no: it opens when the leases of before the restore have run out';
  return fencing === 'RESERVATION'
    ? 'no: the agents have to take every key of before the restore from its devices first'
    : `no: see that nothing of before the restore runs, then: holdfast pool open ${shellWord(name)}`;
}

function propertiesOf(pool: Pool): (readonly [string, string])[] {
  const size = (extents: bigint): string => formatSize(sizeOf(extents, pool));
  const { oversubscriptionPercent: percent, drainBoundMs } = pool;
  return [
    ['name', pool.name],
    ['fencing', fencingOf(pool)],
    ['drain bound', drainBoundMs === null ? "the sessions' own" : `${drainBoundMs} ms`],
    ['fences per hour', String(pool.fencesPerHour)],
    ['open', openingOf(pool)],
    ['extent', formatSize(Number(pool.extentBytes))],
    ['size', size(pool.totalExtents)],
    ['free', size(pool.freeExtents)],
    ['mapped', size(pool.mappedExtents)],
    ['leased', size(pool.leasedExtents)],
    ['quarantined', size(pool.quarantinedExtents)],
    ['promised', `${size(pool.promisedExtents)}${percent === 0n ? '' : ` of at most ${percent} % of the size`}`],
  ];
}

function deviceColumns(pool: Pool): readonly Column<Device>[] {
  return [
    { header: 'DEVICE', cell: ({ id }) => id },
    { header: 'NUMBER', cell: ({ number }) => String(number) },
    { header: 'SIZE', cell: ({ extents }) => formatSize(sizeOf(extents, pool)) },
    { header: 'FREE', cell: ({ freeExtents }) => formatSize(sizeOf(freeExtents, pool)) },
  ];
}

function documentOf(pool: Pool): Readonly<Record<string, unknown>> {
  const { name, fencing, tier, isBestEffortTakeover, drainBoundMs, fencesPerHour, oversubscriptionPercent } = pool;
  const { isOpen, isOpening, devices } = pool;
  const bytes = (extents: bigint): number => sizeOf(extents, pool);
  return {
    ...{ name, fencing: String(fencing).toLowerCase(), tier: String(tier).toLowerCase().replaceAll('_', '-') },
    ...{ isBestEffortTakeover, drainBoundMs: drainBoundMs === null ? null : Number(drainBoundMs), isOpen, isOpening },
    fencesPerHour: Number(fencesPerHour),
    oversubscriptionPercent: Number(oversubscriptionPercent),
    extentBytes: Number(pool.extentBytes),
    totalBytes: bytes(pool.totalExtents),
    freeBytes: bytes(pool.freeExtents),
    mappedBytes: bytes(pool.mappedExtents),
    leasedBytes: bytes(pool.leasedExtents),
    quarantinedBytes: bytes(pool.quarantinedExtents),
    promisedBytes: bytes(pool.promisedExtents),
    devices: devices.map(({ number, id, extents, freeExtents }) => ({
      ...{ id, number: Number(number), bytes: bytes(extents), freeBytes: bytes(freeExtents) },
    })),
  };
}
