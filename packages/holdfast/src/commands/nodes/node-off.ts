// `holdfast node off`: a person's word that a machine is off, by which others are given what it held (F5).
import { OpError, retry } from '@holdfast/base';
import { connectionFlags, defineCommand, readDurationMs, shellWord, type FlagTable } from '@holdfast/cli';
import { isConfirmed, yesFlag } from '../confirmation.ts';
import { withLeader } from '../servers.ts';
import { heardOf, isSettled, nodesLimit, readSessions, stateOf, ttlOf, type OfNode } from './sessions.ts';

const flags = {
  ...connectionFlags,
  yes: yesFlag,
  wait: { value: 'DURATION', summary: 'how long to wait for its certificates', unit: 'duration', default: '2m' },
} as const satisfies FlagTable;

const backoff = { baseMs: 200, ceilingMs: 1_000 };

export const nodeOff = defineCommand({
  name: 'node off',
  summary: "state that a node's machine is off, so that others are given what it held",
  details: [
    'It is said of the session that the node has at that moment: a machine that starts again registers anew, and is not meant.',
    'The session ends when it has said nothing for its time to live. One that is heard goes on, but what was said of it stands, and is believed when it falls silent.',
  ],
  parameters: [{ name: 'NODE', summary: "the node's name", required: true }],
  flags,
  async run({ flags: given, parameters, system }) {
    const node = parameters[0] ?? '';
    const waitMs = readDurationMs('--wait', given.wait);
    await withLeader(given, system, async (connection, services) => {
      const { client, timeoutMs } = connection;
      const read = async (): Promise<OfNode[]> => {
        const all = await readSessions(connection, services, { limit: nodesLimit, system });
        return all.filter((each) => each.node.name === node);
      };
      const sessions = await read();
      const [last] = sessions;
      if (last === undefined) throw new OpError('NODE_UNKNOWN', { node });
      explain(last).forEach((line) => system.print(line));
      if (!isConfirmed(given.yes, system, `node off ${shellWord(node)}`)) return;
      await client.change(services.nodesService, 'stateOff', { node }, { timeoutMs });
      const meant = new Set(sessions.map(({ session }) => session.id));
      const checkSettled = async (): Promise<void> => {
        const left = (await read()).find(({ session }) => meant.has(session.id) && !isSettled(session));
        if (left === undefined) return;
        throw new OpError('SESSION_UNCERTIFIED', { session: left.session.id, state: stateOf(left) });
      };
      await retry(checkSettled, {
        ...{ backoff, attemptsLimit: 1 + Math.ceil(waitMs / backoff.ceilingMs), ...system },
        isRetriable: ({ code }) => code === 'SESSION_UNCERTIFIED',
      });
      system.print(`nothing is held by the node ${node} any more`);
    });
  },
});

function explain({ node, session }: OfNode): string[] {
  const heard = session.ended === '' ? `heard ${heardOf(session)}` : `which ended (${session.ended})`;
  return [
    `the node ${node.name} has the session ${session.id}, ${heard}; volumes that it holds: ${session.grants}. That it is off means:`,
    '  its machine lost its power or was reset, and nothing that it ran goes on',
    `  its session ends when it has said nothing for ${ttlOf(session)}, and others are given what it held`,
  ];
}
