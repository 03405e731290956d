// `holdfast node list`: which nodes are heard, what they hold, and what is waited for.
import { defineCommand, printListing, type Column } from '@holdfast/cli';
import { listFlags } from '../pages.ts';
import { withLeader } from '../servers.ts';
import { heardOf, readSessions, stateOf, type OfNode } from './sessions.ts';

const columns: readonly Column<OfNode>[] = [
  { header: 'NODE', cell: ({ node }) => node.name },
  { header: 'SESSION', cell: ({ session }) => session.id },
  { header: 'HEARD', cell: ({ session }) => heardOf(session) },
  { header: 'GRANTS', cell: ({ session }) => String(session.grants) },
  { header: 'STATE', cell: stateOf },
];

export const nodeList = defineCommand({
  name: 'node list',
  summary: 'list the nodes with their sessions: when each was heard, and what it holds',
  details: [
    'A node has a line for each session of which something is left, the last one first.',
    'When a node was heard is known to the server that leads, for as long as it leads.',
  ],
  flags: listFlags,
  async run({ flags, system }) {
    await withLeader(flags, system, async (connection, services) => {
      const rows = await readSessions(connection, services, { limit: flags.limit, system });
      await printListing(system, { format: flags.output, columns, rows, document: { sessions: rows.map(documentOf) } });
    });
  },
});

function documentOf({ node, session }: OfNode): Readonly<Record<string, unknown>> {
  const { id, ended, grants, uncertifiedPools, ttlMs, silentMs } = session;
  return {
    ...{ node: node.name, session: id, ended: ended === '' ? null : ended, uncertifiedPools },
    ...{ grants: Number(grants), ttlMs: Number(ttlMs), silentMs: silentMs === null ? null : Number(silentMs) },
    statedOffBy: node.statedOffBy === '' ? null : node.statedOffBy,
    taintCertificate: node.taintCertificate === null ? null : Number(node.taintCertificate),
  };
}
