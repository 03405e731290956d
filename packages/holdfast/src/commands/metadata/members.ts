// `holdfast metadata members`: who the members are, as the leader sees them, or, if it is not among those asked, another server.
import { defineCommand, printListing, type Column } from '@holdfast/cli';
import type { Member } from '@holdfast/rpc';
import { showFlags, withServers } from '../servers.ts';
import { describeEach, kindOf, summarise } from './group.ts';

interface Row extends Member {
  readonly isLeader: boolean;
}

const columns: readonly Column<Row>[] = [
  { header: 'MEMBER', cell: ({ number }) => String(number) },
  { header: 'NAME', cell: ({ name }) => name },
  { header: 'KIND', cell: ({ isLeader, ...member }) => (isLeader ? 'leader' : kindOf(member)) },
  { header: 'HEARD', cell: ({ isActive }) => (isActive === null ? '' : isActive ? 'yes' : 'no') },
  { header: 'BEHIND', cell: ({ behind }) => (behind === null ? '' : String(behind)) },
  { header: 'KNOWS', cell: ({ knownVersion }) => (knownVersion === null ? '' : String(knownVersion)) },
  { header: 'PEER ADDRESS', cell: ({ peerAddress }) => peerAddress },
  { header: 'API ADDRESS', cell: ({ apiAddress }) => apiAddress },
];

export const metadataMembers = defineCommand({
  name: 'metadata members',
  summary: 'list the metadata servers of the cluster: who votes, who is behind, where each is reached',
  details: ['HEARD, BEHIND and KNOWS are known to the leader only: name every server, or at least that one.'],
  flags: showFlags,
  async run({ flags, system }) {
    await withServers(flags, system, async (connections) => {
      const answers = await describeEach(connections);
      const groups = answers.flatMap(({ group }) => (group === null ? [] : [group]));
      const group = groups.find(({ role }) => role === 'LEADER') ?? groups[0];
      if (group === undefined) {
        throw summarise(
          answers.flatMap(({ error }) => (error === null ? [] : [error])),
          answers.length,
        );
      }
      const rows = group.members.map((member): Row => ({ ...member, isLeader: member.number === group.leader }));
      const document = {
        members: rows.map(({ number, behind, knownVersion, kind, ...rest }) => ({
          ...{ number: Number(number), kind: String(kind).toLowerCase() },
          ...rest,
          behind: behind === null ? null : Number(behind),
          knownVersion: knownVersion === null ? null : Number(knownVersion),
        })),
      };
      await printListing(system, { format: flags.output, columns, rows, document });
    });
  },
});
