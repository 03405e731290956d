// `holdfast metadata finalize`: ends an upgrade. Until then every server may go back to the release before.
import { OpError } from '@holdfast/base';
import { connectionFlags, defineCommand, type Connections, type FlagTable, type System } from '@holdfast/cli';
import type { Channel, DescribeResponse } from '@holdfast/rpc';
import { isConfirmed, yesFlag } from '../confirmation.ts';
import { withServers } from '../servers.ts';
import { describeEach } from './group.ts';

const flags = { ...connectionFlags, yes: yesFlag } as const satisfies FlagTable;

export const metadataFinalize = defineCommand({
  name: 'metadata finalize',
  summary: 'raise the cluster version to what every metadata server knows, for ever',
  details: [
    'What a release brings to the metadata is used from here on. A server of a release that does not know it is refused: there is no way back but a backup.',
    'Each server has to be up. Run it when the release has proved itself.',
    'What each server knows is known to the leader only: name every server, or at least that one.',
  ],
  flags,
  async run({ flags: given, system }) {
    await withServers(given, system, async (connections, { clusterService }) => {
      const { channel, group } = await findLeader(connections);
      const version = commonVersion(group);
      if (version <= group.version) {
        system.print(`the cluster is at version ${group.version}: no higher one is known to every metadata server`);
        return;
      }
      await explain(group, version, system);
      if (!isConfirmed(given.yes, system, 'metadata finalize')) return;
      await channel.calls(clusterService).finalize({ version }, { timeoutMs: connections.timeoutMs });
      system.print(`the cluster is at version ${version}`);
    });
  },
});

async function findLeader(
  connections: Connections,
): Promise<{ readonly channel: Channel; readonly group: DescribeResponse }> {
  const answers = await describeEach(connections);
  for (const [at, { channel }] of connections.servers.entries()) {
    const group = answers[at]?.group ?? null;
    if (group?.role === 'LEADER') return { channel, group };
  }
  throw new OpError('RAFT_LEADER_UNKNOWN', {});
}

function commonVersion({ members }: DescribeResponse): bigint {
  const known = members.map(({ name, knownVersion }) => {
    if (knownVersion === null) throw new OpError('MEMBER_NOT_HEARD', { name });
    return knownVersion;
  });
  return known.reduce((least, each) => (each < least ? each : least));
}

async function explain(group: DescribeResponse, version: bigint, system: System): Promise<void> {
  const { schemaSteps } = await import('@holdfast/metadata-service');
  system.print(`from version ${group.version} to version ${version}:`);
  const steps = schemaSteps.filter((step) => step.version > group.version && step.version <= version);
  for (const text of steps.flatMap(({ brings }) => brings)) system.print(`  becomes possible: ${text}`);
  system.print(`  no longer possible: a metadata server whose release does not know version ${version}`);
  system.print(`  no longer possible: to restore a later backup with such a release`);
}
