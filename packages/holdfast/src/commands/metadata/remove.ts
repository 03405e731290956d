// `holdfast metadata remove`: takes a member out of the group.
import { connectionFlags, defineCommand } from '@holdfast/cli';
import { withLeader } from '../servers.ts';
import { findMember, memberParameter } from './group.ts';

export const metadataRemove = defineCommand({
  name: 'metadata remove',
  summary: 'take a metadata server out of the cluster; its directory is of no use any more',
  parameters: [memberParameter],
  flags: connectionFlags,
  async run({ flags, parameters, system }) {
    await withLeader(flags, system, async (connection, { clusterService }) => {
      const { client, timeoutMs } = connection;
      const { number: member, name } = await findMember(connection, parameters[0] ?? null);
      await client.ask(clusterService, 'remove', { member }, { timeoutMs });
      system.print(`${name} is no member any more`);
    });
  },
});
