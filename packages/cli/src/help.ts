// Help for a person at a terminal: the list of commands, and one command's page. Both derive from the rows.
import { commonFlags, flagsOf, type Command, type Flag, type FlagTable } from './command.ts';

/** What a person types first, and what it is. */
export interface ProgramName {
  readonly name: string;
  readonly about: string;
  readonly closing: string;
}

export const holdfastName: ProgramName = {
  name: 'holdfast',
  about: 'Holdfast: PersistentVolumes on shared block devices, with proof that the previous writer has stopped.',
  closing: "'holdfast help COMMAND' explains one; 'holdfast --version' prints the release.",
};

export function helpIndex(roles: readonly Command[], commands: readonly Command[], program = holdfastName): string {
  const width = Math.max(...[...roles, ...commands].map(({ name }) => name.length));
  const list = (rows: readonly Command[]): string[] =>
    rows.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return [
    program.about,
    '',
    `usage: ${program.name} COMMAND [flags]`,
    '',
    ...(roles.length === 0 ? [] : ['Roles, each a process that runs until SIGTERM:', ...list(roles), '']),
    'Commands:',
    ...list(commands),
    '',
    program.closing,
  ].join('\n');
}

/** Commands below a word that is a command itself. */
export function helpList(title: string, rows: readonly Command[]): string[] {
  const width = Math.max(...rows.map(({ name }) => name.length));
  return [title, ...rows.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`)];
}

export async function helpPage(command: Command, program = holdfastName): Promise<string> {
  const flags: FlagTable = { ...(await flagsOf(command)), ...commonFlags };
  const lines = [`${command.name}: ${command.summary}`, '', `usage: ${usage(command, program)}`];
  if (command.details.length > 0) lines.push('', ...command.details);
  if (command.parameters.length > 0) {
    lines.push('', 'arguments:');
    const width = Math.max(...command.parameters.map(({ name }) => name.length));
    for (const { name, summary } of command.parameters) lines.push(`  ${name.padEnd(width)}  ${summary}`);
  }
  lines.push('', 'flags:');
  const heads = Object.entries(flags).map(([name, flag]) => flagHead(name, flag));
  const width = Math.max(...heads.map(({ length }) => length));
  for (const [index, flag] of Object.values(flags).entries()) {
    lines.push(`  ${(heads[index] ?? '').padEnd(width)}  ${flag.summary}${remarks(flag)}`);
  }
  return lines.join('\n');
}

export function usage(command: Command, program = holdfastName): string {
  const parameters = command.parameters.map(({ name, required }) => (required ? name : `[${name}]`));
  return [program.name, command.name, ...parameters, '[flags]'].join(' ');
}

/** `-o, --output FORMAT` */
export function flagHead(name: string, flag: Flag): string {
  const short = flag.short === undefined ? '' : `-${flag.short}, `;
  return `${short}--${name}${flag.value === null ? '' : ` ${flag.value}`}`;
}

function remarks(flag: Flag): string {
  const parts = [
    ...(flag.required === true ? ['required'] : []),
    ...(flag.repeatable === true ? ['repeatable'] : []),
    ...(flag.unit === null ? [] : [flag.unit]),
    ...(flag.choices === undefined ? [] : [flag.choices.join('|')]),
    ...(flag.default === null ? [] : [`default ${flag.default}`]),
  ];
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}
