// `holdfast metadata promote`: gives a member that has joined a vote.
import { retry } from '@holdfast/base';
import { connectionFlags, defineCommand, readDurationMs, type FlagTable } from '@holdfast/cli';
import { withLeader } from '../servers.ts';
import { findMember, memberParameter } from './group.ts';

const flags = {
  ...connectionFlags,
  wait: {
    value: 'DURATION',
    summary: 'how long to ask again until the member is heard and has caught up',
    unit: 'duration',
    default: '30s',
  },
} as const satisfies FlagTable;

const backoff = { baseMs: 200, ceilingMs: 400 };

export const metadataPromote = defineCommand({
  name: 'metadata promote',
  summary: 'give a metadata server that has joined and caught up a vote',
  parameters: [memberParameter],
  flags,
  async run({ flags: given, parameters, system }) {
    const waitMs = readDurationMs('--wait', given.wait);
    await withLeader(given, system, async (connection, { clusterService }) => {
      const { client, timeoutMs } = connection;
      const { number: member, name } = await findMember(connection, parameters[0] ?? null);
      await retry(async () => client.ask(clusterService, 'promote', { member }, { timeoutMs }), {
        backoff,
        attemptsLimit: 1 + Math.ceil(waitMs / backoff.ceilingMs),
        isRetriable: ({ code }) => code === 'RAFT_LEARNER_BEHIND' || code === 'MEMBER_NOT_HEARD',
        ...system,
      });
      system.print(`${name} votes`);
    });
  },
});
