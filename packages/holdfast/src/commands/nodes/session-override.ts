// `holdfast session override`: certifies what nobody can prove, by an administrator's word alone (F5).
import { OpError } from '@holdfast/base';
import { connectionFlags, defineCommand, shellWord, type FlagTable } from '@holdfast/cli';
import { isConfirmed, yesFlag } from '../confirmation.ts';
import { withLeader } from '../servers.ts';
import { heardOf, nodesLimit, readSessions, stateOf } from './sessions.ts';

const flags = { ...connectionFlags, yes: yesFlag } as const satisfies FlagTable;

export const sessionOverride = defineCommand({
  name: 'session override',
  summary: 'end a session and give what it held to others, although nothing proves that it writes no more',
  details: [
    'The last resort. If the machine is off, say so with holdfast node off, which keeps a machine safe that is not.',
  ],
  parameters: [{ name: 'SESSION', summary: 'the id of the session, as holdfast node list has it', required: true }],
  flags,
  async run({ flags: given, parameters, system }) {
    const id = parameters[0] ?? '';
    await withLeader(given, system, async (connection, services) => {
      const sessions = await readSessions(connection, services, { limit: nodesLimit, system });
      const found = sessions.find(({ session }) => session.id === id);
      if (found === undefined) throw new OpError('SESSION_NOT_FOUND', { session: id });
      const { node, session } = found;
      const heard = session.ended === '' ? `, heard ${heardOf(session)}` : '';
      system.print(
        `the session ${id} of the node ${node.name}${heard}: ${stateOf(found)}. Volumes that it holds: ${session.grants}`,
      );
      system.print('  if its engines still write, two nodes write to the same volumes, and their contents are lost');
      system.print('  that it was forced, and by whom, is kept in the audit and in its certificates');
      if (!isConfirmed(given.yes, system, `session override ${shellWord(id)}`)) return;
      const { client, timeoutMs } = connection;
      await client.ask(services.nodesService, 'overrideSession', { session: id }, { timeoutMs });
      system.print(`the session ${id} has ended, and nothing is held by it any more`);
    });
  },
});
