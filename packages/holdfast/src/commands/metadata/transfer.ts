// `holdfast metadata transfer`: hands leadership over.
import { connectionFlags, defineCommand } from '@holdfast/cli';
import { withLeader } from '../servers.ts';
import { findMember, memberParameter } from './group.ts';

export const metadataTransfer = defineCommand({
  name: 'metadata transfer',
  summary: 'hand leadership to a metadata server that votes',
  parameters: [memberParameter],
  flags: connectionFlags,
  async run({ flags, parameters, system }) {
    await withLeader(flags, system, async (connection, { clusterService }) => {
      const { client, timeoutMs } = connection;
      const { number: member, name } = await findMember(connection, parameters[0] ?? null);
      await client.ask(clusterService, 'transfer', { member }, { timeoutMs });
      system.print(`${name} leads`);
    });
  },
});
