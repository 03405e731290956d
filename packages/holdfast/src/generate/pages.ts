// The reference pages that derive from tables: every command, every key of every role's configuration, every exit code.
// `make generate` writes them; a test compares.
import {
  commonFlags,
  exitCodes,
  flagHead,
  flagsOf,
  plainExits,
  usage,
  type Command,
  type ExitRow,
  type Flag,
} from '@holdfast/cli';
import { commandTable, roleCommands } from '../command-table.ts';
import { variableOf } from '../config/config.ts';
import { flagName } from '../config/sources.ts';
import { roles } from '../roles.ts';

const origin = 'Generated from the tables in packages/holdfast and packages/cli by `make generate`; do not edit.';

/** The pages by their names below docs/reference. */
export async function referencePages(): Promise<ReadonlyMap<string, string>> {
  return new Map([
    ['cli.md', await commandsPage()],
    ['config.md', await configPage()],
    ['exit-codes.md', exitCodesPage()],
  ]);
}

async function commandsPage(): Promise<string> {
  const isRole = new Set(roleCommands);
  const others = commandTable.filter((command) => !isRole.has(command));
  const sections = await Promise.all([...roleCommands, ...others].map(async (command) => commandSection(command)));
  return page('Commands', [
    'Every command also takes these flags; `holdfast --version` prints the release.',
    flagTable(commonFlags),
    ...sections.flat(),
  ]);
}

async function commandSection(command: Command): Promise<string[]> {
  const flags = await flagsOf(command);
  return [
    `## holdfast ${command.name}`,
    `${sentence(command.summary)}${command.details.map((line) => `\n${line}`).join('')}`,
    `\`\`\`\n${usage(command)}\n\`\`\``,
    ...(command.parameters.length === 0
      ? []
      : [
          table(
            ['argument', 'meaning'],
            command.parameters.map(({ name, summary }) => [name, summary]),
          ),
        ]),
    ...(Object.keys(flags).length === 0 ? [] : [flagTable(flags)]),
  ];
}

function flagTable(flags: Readonly<Record<string, Flag>>): string {
  const rows = Object.entries(flags).map(([name, flag]) => [
    `\`${flagHead(name, flag)}\``,
    flag.summary,
    flag.choices?.join(', ') ?? flag.unit ?? '',
    flag.default === null ? '' : `\`${flag.default}\``,
  ]);
  return table(['flag', 'meaning', 'values', 'default'], rows);
}

async function configPage(): Promise<string> {
  const sections = await Promise.all(
    roles.map(async (role) => {
      const { name } = role;
      const schema = await role.schema();
      const rows = Object.entries(schema.fields).map(([key, field]) => [
        `\`${key}\``,
        field.isSecret ? `${field.description} (secret)` : field.description,
        field.unit ?? field.placeholder,
        field.isRequired ? 'required' : field.default === null ? '' : `\`${field.default || '(empty)'}\``,
        `\`${variableOf(schema, key)}\``,
        `\`--${flagName(key)}\``,
      ]);
      return [`## ${name}`, table(['key', 'meaning', 'values', 'default', 'environment', 'flag'], rows)];
    }),
  );
  return page('Configuration', [
    [
      'A role reads its configuration once, when it starts: the file that `--config` names (YAML or JSON, one mapping of keys',
      'to values), then the environment, then flags; the later one wins. A key that does not exist is refused. A duration is a',
      'number with a unit (`500ms`, `8s`, `2m`, `1h`, `30d`), a size as well (`64KiB`, `4MiB`).',
    ].join('\n'),
    '`holdfast config show ROLE` prints what is in force and where each value comes from; secrets are redacted, there and in\nthe log.',
    ...sections.flat(),
  ]);
}

function exitCodesPage(): string {
  const rowOf = ([name, { code, meaning }]: [string, ExitRow]): string[] => [String(code), name, meaning];
  const byCode = (one: string[], other: string[]): number => Number(one[0]) - Number(other[0]);
  return page('Exit codes', [
    'How the program ends. A failure also prints one line: what is wrong, the code of its row in the error table, and a hint.',
    table(['code', 'end', 'meaning'], Object.entries(plainExits).map(rowOf).toSorted(byCode)),
    'By the kind of the failure:',
    table(['code', 'kind', 'meaning'], Object.entries(exitCodes).map(rowOf).toSorted(byCode)),
  ]);
}

function page(title: string, blocks: readonly string[]): string {
  return [`# ${title}`, `<!-- ${origin} -->`, ...blocks].join('\n\n') + '\n';
}

function table(headers: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(headers), line(headers.map(() => '---')), ...rows.map(line)].join('\n');
}

function sentence(summary: string): string {
  return `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`;
}
