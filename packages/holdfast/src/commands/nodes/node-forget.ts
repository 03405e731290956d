// `holdfast node forget`: takes a node that is gone for good out of the state, when nothing of it is left to prove.
import { connectionFlags, defineCommand } from '@holdfast/cli';
import { withLeader } from '../servers.ts';

export const nodeForget = defineCommand({
  name: 'node forget',
  summary: 'forget a node that is gone for good, so that another machine may have its name',
  details: [
    'Refused while anything of it is left: a session that lives or has no certificate, a volume that is attached, a taint.',
    'A machine that registers under the name begins anew. That it was the old one all along does no harm.',
  ],
  parameters: [{ name: 'NODE', summary: "the node's name", required: true }],
  flags: connectionFlags,
  async run({ flags, parameters, system }) {
    const node = parameters[0] ?? '';
    await withLeader(flags, system, async ({ client, timeoutMs }, services) => {
      await client.change(services.nodesService, 'forget', { node }, { timeoutMs });
      system.print(`the node ${node} is forgotten`);
    });
  },
});
