// `holdfast metadata status`: the group as each server sees it.
import { defineCommand, printListing, type Column } from '@holdfast/cli';
import type { DescribeResponse } from '@holdfast/rpc';
import { showFlags, withServers } from '../servers.ts';
import { describeEach, summarise, type Described } from './group.ts';

/** `ahead`: the last entry that any server knew to be committed. A server that was removed may not have heard of it. */
type Row = Described & { readonly ahead: bigint; readonly isRemoved: boolean };

const columns: readonly Column<Row>[] = [
  { header: 'SERVER', cell: ({ address }) => address },
  { header: 'NAME', cell: ({ group }) => nameOf(group, group?.member ?? 0n) },
  { header: 'ROLE', cell: roleOf },
  { header: 'HEALTH', cell: ({ group }) => healthOf(group) ?? '' },
  { header: 'LEADER', cell: ({ group }) => nameOf(group, group?.leader ?? 0n) },
  { header: 'TERM', cell: ({ group }) => shown(group?.term) },
  { header: 'APPLIED', cell: ({ group }) => shown(group?.applied) },
  { header: 'BEHIND', cell: ({ group, ahead }) => (group === null ? '' : shown(ahead - group.applied)) },
  { header: 'RELEASE', cell: ({ group }) => group?.release ?? '' },
  { header: 'VERSION', cell: ({ group }) => shown(group?.version) },
  { header: 'KNOWS', wide: true, cell: ({ group }) => shown(group?.knownVersion) },
  { header: 'COMMITTED', wide: true, cell: ({ group }) => shown(group?.commit) },
  { header: 'LOG', wide: true, cell: ({ group }) => (group === null ? '' : `${group.first} to ${group.last}`) },
  { header: 'SNAPSHOT', wide: true, cell: ({ group }) => shown(group?.snapshot) },
  { header: 'GENERATION', wide: true, cell: ({ group }) => shown(group?.generation) },
  { header: 'SESSIONS', wide: true, cell: ({ group }) => sessionsOf(group) },
  { header: 'REASON', wide: true, cell: ({ group, error }) => error?.message ?? group?.health?.reason ?? '' },
];

export const metadataStatus = defineCommand({
  name: 'metadata status',
  summary: 'show who leads, and how far each metadata server is',
  details: [
    'Each server answers from its own memory: also one that has lost the others.',
    'BEHIND counts what a server has not applied of what any of them knew to be committed. VERSION is in force, KNOWS the highest that a server could take.',
  ],
  flags: showFlags,
  async run({ flags, system }) {
    await withServers(flags, system, async (connections) => {
      const rows = toRows(await describeEach(connections));
      const failures = rows.flatMap(({ error }) => (error === null ? [] : [error]));
      const isForPeople = !['json', 'yaml'].includes(flags.output);
      if (failures.length === rows.length && isForPeople) throw summarise(failures, rows.length);
      await printListing(system, { format: flags.output, columns, rows, document: { servers: rows.map(documentOf) } });
      if (failures.length > 0) throw summarise(failures, rows.length);
    });
  },
});

function toRows(answers: readonly Described[]): Row[] {
  const ahead = answers.reduce((most, { group }) => (group !== null && group.commit > most ? group.commit : most), 0n);
  const leader = answers.find(({ group }) => group?.role === 'LEADER')?.group ?? null;
  return answers.map((answer) => {
    const member = answer.group?.member ?? null;
    const isKnown = leader === null || member === null || leader.members.some(({ number }) => number === member);
    return { ...answer, ahead, isRemoved: !isKnown };
  });
}

function roleOf({ group, isRemoved }: Row): string {
  if (group === null) return 'no answer';
  return isRemoved ? 'removed' : String(group.role).toLowerCase();
}

/** What the leader knows of the nodes' sessions. */
function sessionsOf(group: DescribeResponse | null): string {
  const leadership = group?.leadership ?? null;
  if (leadership === null) return '';
  const { isCounting, endingSessions, storm } = leadership;
  if (storm !== null) return `storm: ${storm.stopped} of ${storm.holders} stopped, nobody is fenced`;
  return isCounting ? `${endingSessions} ending` : 'not counted yet';
}

function healthOf(group: DescribeResponse | null): string | null {
  const state = group?.health?.state ?? null;
  return state === null ? null : String(state).toLowerCase();
}

function nameOf(group: DescribeResponse | null, member: bigint): string {
  if (group === null || member === 0n) return '';
  return group.members.find(({ number }) => number === member)?.name ?? String(member);
}

function shown(value: bigint | undefined): string {
  return value === undefined ? '' : String(value);
}

function documentOf(row: Row): Readonly<Record<string, unknown>> {
  const { address, group, error, ahead } = row;
  if (group === null) return { address, error: { code: error.code, message: error.message } };
  const { term, commit, applied, first, last, snapshot, version, knownVersion, generation, release } = group;
  const behind = ahead - applied;
  const numbers = { term, commit, applied, behind, first, last, snapshot, version, knownVersion, generation };
  return {
    address,
    name: nameOf(group, group.member),
    role: roleOf(row),
    health: healthOf(group),
    reason: group.health?.reason ?? '',
    leader: nameOf(group, group.leader) || null,
    release,
    sessions: sessionsOf(group),
    ...Object.fromEntries(Object.entries(numbers).map(([key, value]) => [key, Number(value)])),
  };
}
