// `holdfast metadata transfer`: hands leadership over.
import { connectionFlags, connectLeader, defineCommand } from '@holdfast/cli';
import { findMember, memberParameter } from './group.ts';

export const metadataTransfer = defineCommand({
  name: 'metadata transfer',
  summary: 'hand leadership to a metadata server that votes',
  parameters: [memberParameter],
  flags: connectionFlags,
  async run({ flags, parameters, system }) {
    const connection = await connectLeader(flags, system);
    try {
      const { loadMetadataServices } = await import('@holdfast/rpc');
      const { clusterService } = await loadMetadataServices();
      const { client, timeoutMs } = connection;
      const { number: member, name } = await findMember(connection, parameters[0] ?? null);
      await client.ask(clusterService, 'transfer', { member }, { timeoutMs });
      system.print(`${name} leads`);
    } finally {
      await connection.close();
    }
  },
});
