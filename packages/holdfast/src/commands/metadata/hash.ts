// `holdfast metadata hash`: whether servers that have applied the same have come to the same state.
import { OpError, toOpError } from '@holdfast/base';
import { defineCommand, printListing, type Column } from '@holdfast/cli';
import { showFlags, withServers } from '../servers.ts';
import { summarise } from './group.ts';

interface Row {
  readonly address: string;
  readonly revision: number | null;
  readonly hash: string;
  readonly error: OpError | null;
}

const columns: readonly Column<Row>[] = [
  { header: 'SERVER', cell: ({ address }) => address },
  { header: 'REVISION', cell: ({ revision }) => (revision === null ? 'no answer' : String(revision)) },
  { header: 'HASH', cell: ({ hash }) => hash },
];

export const metadataHash = defineCommand({
  name: 'metadata hash',
  summary: "compare the metadata servers' states, each by the hash of every row",
  details: [
    'Servers at the same revision have the same hash. It costs each of them a pass over its whole state, half a minute for a million volumes; they serve meanwhile.',
  ],
  flags: { ...showFlags, timeout: { ...showFlags.timeout, default: '60s' } },
  async run({ flags, system }) {
    await withServers(flags, system, async ({ servers, timeoutMs }, { clusterService }) => {
      const rows = await Promise.all(
        servers.map(async ({ address, channel }): Promise<Row> => {
          try {
            const { revision, hash } = await channel.calls(clusterService).hash({}, { timeoutMs });
            return { address, revision: Number(revision), hash, error: null };
          } catch (error) {
            return { address, revision: null, hash: '', error: toOpError(error) };
          }
        }),
      );
      const document = {
        servers: rows.map(({ address, revision, hash, error }) => ({
          ...{ address, revision, hash, error: error?.code ?? null },
        })),
      };
      await printListing(system, { format: flags.output, columns, rows, document });
      refuseDifference(rows);
      const failures = rows.flatMap(({ error }) => (error === null ? [] : [error]));
      if (failures.length > 0) throw summarise(failures, rows.length);
    });
  },
});

function refuseDifference(rows: readonly Row[]): void {
  for (const one of rows) {
    const other = rows.find(({ revision, hash }) => revision === one.revision && hash !== one.hash);
    if (one.revision === null || other === undefined) continue;
    const { address, revision } = one;
    throw new OpError('STATE_HASHES_DIFFER', { one: address, other: other.address, revision });
  }
}
