// `holdfast audit`: what people decided, and when.
import { defineCommand, printListing, type Column } from '@holdfast/cli';
import type { AuditEntry } from '@holdfast/rpc';
import { listFlags, listPages } from './pages.ts';
import { withLeader } from './servers.ts';

const columns: readonly Column<AuditEntry>[] = [
  { header: 'TIME', cell: timeOf },
  { header: 'WHO', cell: ({ who }) => who },
  { header: 'WHAT', cell: ({ what }) => what },
  { header: 'REVISION', wide: true, cell: ({ revision }) => String(revision) },
];

export const audit = defineCommand({
  name: 'audit',
  summary: 'list what people decided about the cluster, the newest first',
  flags: listFlags,
  async run({ flags, system }) {
    await withLeader(flags, system, async ({ client, timeoutMs }, { auditService }) => {
      const rows = await listPages(flags, system, async (page) => {
        const asked = { ...page, isLocal: false };
        const { entries, nextPageToken } = await client.ask(auditService, 'list', asked, { timeoutMs });
        return { rows: entries, nextPageToken };
      });
      const document = {
        entries: rows.map((entry) => ({ ...entry, time: timeOf(entry), revision: Number(entry.revision) })),
      };
      await printListing(system, { format: flags.output, columns, rows, document });
    });
  },
});

function timeOf({ time }: AuditEntry): string {
  return new Date(Number(time?.seconds ?? 0n) * 1000).toISOString();
}
