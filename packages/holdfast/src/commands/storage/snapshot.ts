// `holdfast snapshot list`: what was frozen of which volume, and when.
import { defineCommand, printListing, type Column, type Flag } from '@holdfast/cli';
import type { Snapshot } from '@holdfast/rpc';
import { listFlags, listPages } from '../pages.ts';
import { withLeader } from '../servers.ts';

const volumeFlag = {
  value: 'ID',
  summary: 'only those of the volume with this id',
  unit: null,
  default: null,
} as const satisfies Flag;

const columns: readonly Column<Snapshot>[] = [
  { header: 'NAME', cell: ({ name }) => name },
  { header: 'VOLUME', cell: ({ volume }) => volume },
  { header: 'MADE', cell: madeAt },
  { header: 'EXTENTS', cell: ({ extents }) => String(extents) },
  { header: 'CLONES', cell: ({ clones }) => String(clones) },
  { header: 'ID', wide: true, cell: ({ id }) => id },
];

export const snapshotList = defineCommand({
  name: 'snapshot list',
  summary: 'list the snapshots, in the order of their ids',
  flags: { ...listFlags, volume: volumeFlag },
  async run({ flags, system }) {
    await withLeader(flags, system, async ({ client, timeoutMs }, { snapshotsService }) => {
      const rows = await listPages(flags, system, async (page) => {
        const asked = { ...page, isLocal: false, volume: flags.volume ?? '' };
        const { snapshots, nextPageToken } = await client.ask(snapshotsService, 'list', asked, { timeoutMs });
        return { rows: snapshots, nextPageToken };
      });
      const document = { snapshots: rows.map(documentOf) };
      await printListing(system, { format: flags.output, columns, rows, document });
    });
  },
});

function madeAt({ createTime }: Snapshot): string {
  return new Date(Number(createTime?.seconds ?? 0n) * 1000).toISOString();
}

function documentOf(snapshot: Snapshot): Readonly<Record<string, unknown>> {
  const { id, name, volume, extents, clones } = snapshot;
  return { id, name, volume, extents: Number(extents), clones: Number(clones), createTime: madeAt(snapshot) };
}
