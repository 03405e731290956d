// `holdfast setting list` and `holdfast setting set`: texts by name that hold in the whole cluster.
import { connectionFlags, defineCommand, printListing, type Column, type Command } from '@holdfast/cli';
import { showFlags, withLeader } from './servers.ts';

type Row = readonly [name: string, value: string];

const columns: readonly Column<Row>[] = [
  { header: 'NAME', cell: ([name]) => name },
  { header: 'VALUE', cell: ([, value]) => value },
];

const settingList = defineCommand({
  name: 'setting list',
  summary: "list the cluster's settings",
  flags: showFlags,
  async run({ flags, system }) {
    await withLeader(flags, system, async ({ client, timeoutMs }, { settingsService }) => {
      const { settings } = await client.ask(settingsService, 'list', { isLocal: false }, { timeoutMs });
      const rows = Object.entries(settings);
      await printListing(system, { format: flags.output, columns, rows, document: { settings } });
    });
  },
});

const settingSet = defineCommand({
  name: 'setting set',
  summary: 'give a setting of the cluster its value',
  parameters: [
    { name: 'NAME', summary: "the setting's name", required: true },
    { name: 'VALUE', summary: 'its value', required: true },
  ],
  flags: connectionFlags,
  async run({ flags, parameters, system }) {
    const [name, value] = [parameters[0] ?? '', parameters[1] ?? ''];
    await withLeader(flags, system, async ({ client, timeoutMs }, { settingsService }) => {
      await client.change(settingsService, 'set', { name, value }, { timeoutMs });
      system.print(`${name} is set`);
    });
  },
});

export const settingCommands: readonly Command[] = [settingList, settingSet];
