// `holdfast metadata add`: lets a further server in, by a token.
import { defineCommand, printDocument } from '@holdfast/cli';
import { showFlags, withLeader } from '../servers.ts';
import { memberParameter } from './group.ts';

export const metadataAdd = defineCommand({
  name: 'metadata add',
  summary: 'let a further metadata server in: print a token by which it may join, once, within 15 minutes',
  details: ['A second token of a name takes the place of the first. Only a hash of it is kept.'],
  parameters: [memberParameter],
  flags: showFlags,
  async run({ flags, parameters, system }) {
    await withLeader(flags, system, async ({ client, timeoutMs }, { clusterService }) => {
      const name = parameters[0] ?? '';
      const { token, endTime } = await client.ask(clusterService, 'invite', { name }, { timeoutMs });
      const ends = new Date(Number(endTime?.seconds ?? 0n) * 1000).toISOString();
      if (await printDocument(system, flags.output, { name, token, endTime: ends })) return;
      system.print(token);
      system.remark(`it lets ${name} in until ${ends}: holdfast metadata join --token`);
    });
  },
});
