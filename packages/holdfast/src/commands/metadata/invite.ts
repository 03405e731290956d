// `holdfast metadata invite`: a token by which one server may join.
import {
  connectionFlags,
  connectLeader,
  defineCommand,
  outputFlag,
  printDocument,
  type FlagTable,
} from '@holdfast/cli';
import { memberParameter } from './group.ts';

const flags = { ...connectionFlags, output: outputFlag } as const satisfies FlagTable;

export const metadataInvite = defineCommand({
  name: 'metadata invite',
  summary: 'print a token by which one metadata server may join, once, within 15 minutes',
  details: ['A second token of a name takes the place of the first. Only a hash of it is kept.'],
  parameters: [memberParameter],
  flags,
  async run({ flags: given, parameters, system }) {
    const connection = await connectLeader(given, system);
    try {
      const { loadMetadataServices } = await import('@holdfast/rpc');
      const { clusterService } = await loadMetadataServices();
      const [name] = parameters;
      const { client, timeoutMs } = connection;
      const { token, endTime } = await client.ask(clusterService, 'invite', { name: name ?? '' }, { timeoutMs });
      const ends = new Date(Number(endTime?.seconds ?? 0n) * 1000).toISOString();
      if (await printDocument(system, given.output, { name, token, endTime: ends })) return;
      system.print(token);
      system.remark(`it lets ${name ?? ''} in until ${ends}: holdfast metadata join --token`);
    } finally {
      await connection.close();
    }
  },
});
