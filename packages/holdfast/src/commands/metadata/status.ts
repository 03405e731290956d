// `holdfast metadata status`: the group as each server sees it.
import {
  connect,
  connectionFlags,
  defineCommand,
  outputFlag,
  printListing,
  type Column,
  type FlagTable,
} from '@holdfast/cli';
import type { DescribeResponse } from '@holdfast/rpc';
import { describeEach, summarise, type Described } from './group.ts';

const flags = { ...connectionFlags, output: outputFlag } as const satisfies FlagTable;

const columns: readonly Column<Described>[] = [
  { header: 'SERVER', cell: ({ address }) => address },
  { header: 'NAME', cell: ({ group }) => nameOf(group, group?.member ?? 0n) },
  { header: 'ROLE', cell: ({ group }) => (group === null ? 'no answer' : String(group.role).toLowerCase()) },
  { header: 'LEADER', cell: ({ group }) => nameOf(group, group?.leader ?? 0n) },
  { header: 'TERM', cell: ({ group }) => shown(group?.term) },
  { header: 'COMMITTED', cell: ({ group }) => shown(group?.commit) },
  { header: 'APPLIED', cell: ({ group }) => shown(group?.applied) },
  { header: 'LOG', wide: true, cell: ({ group }) => (group === null ? '' : `${group.first} to ${group.last}`) },
  { header: 'SNAPSHOT', wide: true, cell: ({ group }) => shown(group?.snapshot) },
  { header: 'VERSION', wide: true, cell: ({ group }) => shown(group?.version) },
  { header: 'GENERATION', wide: true, cell: ({ group }) => shown(group?.generation) },
  { header: 'REASON', wide: true, cell: ({ error }) => error?.message ?? '' },
];

export const metadataStatus = defineCommand({
  name: 'metadata status',
  summary: 'show who leads, and how far each metadata server is',
  details: ['Each server answers from its own memory: also one that has lost the others.'],
  flags,
  async run({ flags: given, system }) {
    const connections = await connect(given, system);
    try {
      const rows = await describeEach(connections);
      const failures = rows.flatMap(({ error }) => (error === null ? [] : [error]));
      const isForPeople = !['json', 'yaml'].includes(given.output);
      if (failures.length === rows.length && isForPeople) throw summarise(failures, rows.length);
      await printListing(system, { format: given.output, columns, rows, document: { servers: rows.map(documentOf) } });
      if (failures.length > 0) throw summarise(failures, rows.length);
    } finally {
      await connections.close();
    }
  },
});

function nameOf(group: DescribeResponse | null, member: bigint): string {
  if (group === null || member === 0n) return '';
  return group.members.find(({ number }) => number === member)?.name ?? String(member);
}

function shown(value: bigint | undefined): string {
  return value === undefined ? '' : String(value);
}

function documentOf({ address, group, error }: Described): Readonly<Record<string, unknown>> {
  if (group === null) return { address, error: { code: error.code, message: error.message } };
  const { role, term, commit, applied, first, last, snapshot, version, generation } = group;
  const numbers = { term, commit, applied, first, last, snapshot, version, generation };
  return {
    address,
    name: nameOf(group, group.member),
    role: String(role).toLowerCase(),
    leader: nameOf(group, group.leader) || null,
    ...Object.fromEntries(Object.entries(numbers).map(([key, value]) => [key, Number(value)])),
  };
}
