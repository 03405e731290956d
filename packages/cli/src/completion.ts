// `holdfast completion`: a script for bash, which zsh runs through its own adapter. It is made from the table of commands, so
// that it knows every flag without asking the program again at each press of the Tab key.
import { commonFlags, defineCommand, flagsOf, type Command, type FlagTable } from './command.ts';

export const completion = defineCommand({
  name: 'completion',
  summary: 'print a script that completes commands and flags in a shell',
  details: ['bash: source <(holdfast completion bash)', 'zsh:  source <(holdfast completion zsh), after compinit'],
  parameters: [{ name: 'SHELL', summary: 'the shell', required: true, choices: ['bash', 'zsh'] }],
  flags: {},
  async run({ parameters, system }) {
    const script = await completionScript(system.commands);
    if (parameters[0] === 'zsh') system.print('autoload -U +X bashcompinit && bashcompinit');
    system.print(script);
  },
});

export async function completionScript(commands: readonly Command[]): Promise<string> {
  const firstWords = [...new Set(commands.map(({ name }) => name.split(' ')[0] ?? name))];
  const groups = [
    ...new Set(commands.filter(({ name }) => name.includes(' ')).map(({ name }) => name.split(' ')[0] ?? name)),
  ];
  const lines = [
    '_holdfast() {',
    '  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} words=""',
    '  local first=${COMP_WORDS[1]:-} command=${COMP_WORDS[1]:-}',
    `  case $first in ${groups.join('|')}) command="$first \${COMP_WORDS[2]:-}" ;; esac`,
    `  if [ "$COMP_CWORD" -eq 1 ]; then words="${[...firstWords, 'help'].join(' ')}"`,
    ...groups.map((group) => {
      const members = commands.flatMap(({ name }) =>
        name.startsWith(`${group} `) ? [name.slice(group.length + 1)] : [],
      );
      return `  elif [ "$COMP_CWORD" -eq 2 ] && [ "$first" = ${group} ]; then words="${members.join(' ')}"`;
    }),
    '  else case "$command $previous" in',
  ];
  const tables = await Promise.all(commands.map(async (command) => ({ command, flags: await flagsOf(command) })));
  for (const { command, flags } of tables) lines.push(...choiceCases(command, flags));
  lines.push('    *) case $command in');
  for (const { command, flags } of tables) {
    const names = Object.keys({ ...flags, ...commonFlags }).map((name) => `--${name}`);
    const choices = command.parameters.flatMap((parameter) => parameter.choices ?? []);
    lines.push(`      '${command.name}') words="${[...choices, ...names].join(' ')}" ;;`);
  }
  lines.push(
    '    esac ;;',
    '  esac; fi',
    '  COMPREPLY=($(compgen -W "$words" -- "$current"))',
    '}',
    'complete -o default -F _holdfast holdfast',
  );
  return lines.join('\n');
}

/** After a flag with choices come the choices; after any other flag with a value comes whatever the shell offers. */
function choiceCases(command: Command, flags: FlagTable): string[] {
  return Object.entries(flags).flatMap(([name, flag]) => {
    if (flag.value === null) return [];
    const spellings = [`--${name}`, ...(flag.short === undefined ? [] : [`-${flag.short}`])];
    const pattern = spellings.map((spelling) => `'${command.name} ${spelling}'`).join('|');
    return [`    ${pattern}) words="${(flag.choices ?? []).join(' ')}" ;;`];
  });
}
