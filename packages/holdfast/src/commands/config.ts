// `holdfast config show` and `holdfast config check`: what a role would run with, and whether it would, without starting it.
import { OpError } from '@holdfast/base';
import { defineCommand, outputFlag, printListing, type Call, type Command } from '@holdfast/cli';
import type { Loaded } from '../config/config.ts';
import type { Role } from '../role.ts';

const fileFlag = {
  value: 'PATH',
  summary: 'the configuration file, YAML or JSON',
  unit: null,
  default: null,
} as const;

/** A role's name as one word of a command line: csi-node. */
const wordOf = ({ name }: Role): string => name.replaceAll(' ', '-');

export function configCommands(roles: readonly Role[]): Command[] {
  const role = {
    name: 'ROLE',
    summary: 'the role whose configuration is meant',
    required: true,
    choices: roles.map(wordOf),
  };
  const load = async (call: Pick<Call, 'given' | 'parameters' | 'system'>, config: string | null): Promise<Loaded> => {
    const found = roles.find((candidate) => wordOf(candidate) === call.parameters[0]);
    if (found === undefined)
      throw new OpError('COMMAND_UNKNOWN', { command: call.parameters[0] ?? '', suggestion: '' });
    const { loadConfig } = await import('../config/config.ts');
    return loadConfig(await found.schema(), {
      flags: { config },
      givenFlags: call.given,
      environment: call.system.environment,
    });
  };
  const show = defineCommand({
    name: 'config show',
    summary: 'print the configuration that a role would run with, and where each value comes from',
    details: ['Secrets are redacted. -o yaml prints a file that --config takes.'],
    parameters: [role],
    flags: { config: fileFlag, output: outputFlag },
    async run(call) {
      const { printed } = await load(call, call.flags.config);
      await printListing(call.system, {
        format: call.flags.output,
        columns: [
          { header: 'KEY', cell: ({ key }) => key },
          { header: 'VALUE', cell: ({ text }) => text },
          { header: 'SOURCE', cell: ({ source }) => source },
        ],
        rows: printed,
        document: Object.fromEntries(printed.filter(({ text }) => text !== '').map(({ key, text }) => [key, text])),
      });
    },
  });
  const check = defineCommand({
    name: 'config check',
    summary: 'say whether a role would start with its configuration',
    parameters: [role],
    flags: { config: fileFlag },
    async run(call) {
      const { printed } = await load(call, call.flags.config);
      call.system.print(
        `the configuration of ${call.parameters[0] ?? ''} is complete: ${printed.length} keys, no error`,
      );
    },
  });
  return [show, check];
}
