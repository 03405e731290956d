// What the commands about pools, volumes and snapshots share: sizes as people read them.
import type { LeaderConnection, System } from '@holdfast/cli';
import type { Pool } from '@holdfast/rpc';
import type { Services } from '../servers.ts';

export const poolParameter = { name: 'NAME', summary: "the pool's name", required: true } as const;

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
