// What the commands about pools, volumes and snapshots share: sizes as people read them, and lists that end.
import { OpError } from '@holdfast/base';
import { connectionFlags, connectLeader, outputFlag, type ConnectionFlags, type Flag } from '@holdfast/cli';
import type { FlagTable, LeaderConnection, System } from '@holdfast/cli';
import type { loadMetadataServices, Pool } from '@holdfast/rpc';

export type Services = Awaited<ReturnType<typeof loadMetadataServices>>;

export const showFlags = { ...connectionFlags, output: outputFlag } as const satisfies FlagTable;

const limitFlag = {
  value: 'N',
  summary: 'how many to list at most',
  unit: null,
  default: '1000',
} as const satisfies Flag;
export const listFlags = { ...showFlags, limit: limitFlag } as const satisfies FlagTable;

export const poolParameter = { name: 'NAME', summary: "the pool's name", required: true } as const;

/** As many as the servers give at once. */
const pageMax = 1_000;
const listMax = 1_000_000;

export async function withLeader(
  flags: ConnectionFlags,
  system: System,
  work: (connection: LeaderConnection, services: Services) => Promise<void>,
): Promise<void> {
  const connection = await connectLeader(flags, system);
  try {
    const { loadMetadataServices: load } = await import('@holdfast/rpc');
    await work(connection, await load());
  } finally {
    await connection.close();
  }
}

interface Page<Row> {
  readonly rows: readonly Row[];
  readonly nextPageToken: string;
}

/** Page after page, and a word if there are more than were asked for. */
export async function listPages<Row>(
  { limit: text }: { readonly limit: string },
  system: System,
  read: (page: { readonly pageSize: bigint; readonly pageToken: string }) => Promise<Page<Row>>,
): Promise<Row[]> {
  const limit = readLimit(text);
  const rows: Row[] = [];
  let pageToken = '';
  do {
    const page = await read({ pageSize: BigInt(Math.min(pageMax, limit - rows.length)), pageToken });
    rows.push(...page.rows);
    pageToken = page.nextPageToken;
  } while (pageToken !== '' && rows.length < limit);
  if (pageToken !== '') system.remark(`there are more than ${limit}: --limit lists further ones`);
  return rows;
}

function readLimit(text: string): number {
  const limit = /^\d{1,7}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= listMax) return limit;
  throw new OpError('FLAG_WRONG', { flag: '--limit', reason: `takes a number from 1 to ${listMax}` });
}

/** By the names of their pools: extents say nothing of bytes otherwise. */
export async function readPools({ client, timeoutMs }: LeaderConnection, services: Services): Promise<Pool[]> {
  const { pools } = await client.ask(services.poolsService, 'list', { isLocal: false }, { timeoutMs });
  return [...pools];
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];

/** With one digit behind the point, rounded down: what is shown is there. */
export function formatSize(sizeBytes: number): string {
  let unit = 0;
  let size = sizeBytes;
  for (; size >= 1024 && unit < units.length - 1; unit++) size /= 1024;
  const shown = unit === 0 || Number.isInteger(size) ? String(size) : (Math.floor(size * 10) / 10).toFixed(1);
  return `${shown} ${units[unit] ?? ''}`;
}

export function sizeOf(extents: bigint, pool: Pool | undefined): number {
  return Number(extents) * Number(pool?.extentBytes ?? 0n);
}

/** One thing as people read it: a line for each property. */
export function printProperties(system: System, properties: readonly (readonly [string, string])[]): void {
  const width = Math.max(...properties.map(([name]) => name.length));
  for (const [name, value] of properties)
    system.print(`${`${name}:`.padEnd(width + 1)}  ${value === '' ? '-' : value}`);
}
