// Command lines: which command the words name, and the values of its flags. Relies on node:util's parseArgs for the syntax
// (--flag value, --flag=value, -f value, --) and says itself what is wrong, in one line that names what was probably meant.
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import { OpError } from '@holdfast/base';
import { commonFlags, type Command, type Flag, type FlagTable } from './command.ts';
import { suggestion } from './nearest.ts';

export interface Found {
  readonly command: Command;
  /** What follows the command's name. */
  readonly rest: readonly string[];
}

/** The command that the first words name. */
export function findCommand(commands: readonly Command[], words: readonly string[]): Found {
  const [first = '', second = ''] = words;
  const pair = commands.find(({ name }) => name === `${first} ${second}`);
  if (pair !== undefined) return { command: pair, rest: words.slice(2) };
  const single = commands.find(({ name }) => name === first);
  const members = groupMembers(commands, first);
  const isWord = second !== '' && !second.startsWith('-');
  // A role takes no argument: the word was to name one of the commands about it.
  const isMember = isWord && members.length > 0 && single?.parameters.length === 0;
  if (single !== undefined && !isMember) return { command: single, rest: words.slice(1) };
  if (members.length === 0) {
    const names = new Set(commands.flatMap(({ name }) => [name, name.split(' ')[0] ?? name]));
    const pairName = nearestPair(names, first, second);
    throw new OpError('COMMAND_UNKNOWN', { command: first, suggestion: pairName });
  }
  if (!isWord) {
    throw new OpError('COMMAND_INCOMPLETE', { command: first, members: members.join(', ') });
  }
  throw new OpError('COMMAND_UNKNOWN', { command: `${first} ${second}`, suggestion: suggestion(second, members) });
}

function nearestPair(names: ReadonlySet<string>, first: string, second: string): string {
  return suggestion(first, names) || (second === '' ? '' : suggestion(`${first} ${second}`, names));
}

/** The second words of the commands whose first word is `group`. */
export function groupMembers(commands: readonly Command[], group: string): string[] {
  return commands.flatMap(({ name }) => (name.startsWith(`${group} `) ? [name.slice(group.length + 1)] : []));
}

export type ParsedFlag = string | boolean | readonly string[] | null;

export interface ParsedLine {
  readonly flags: Readonly<Record<string, ParsedFlag>>;
  readonly given: ReadonlySet<string>;
  readonly parameters: readonly (string | null)[];
  readonly help: boolean;
  readonly debug: boolean;
}

/** Reads what follows a command's name. With --help nothing else has to be complete. */
export function parseLine(command: Command, flags: FlagTable, rest: readonly string[]): ParsedLine {
  const table: FlagTable = { ...flags, ...commonFlags };
  const given = new Map<string, string[]>();
  const positionals: string[] = [];
  for (const token of tokenise(table, rest)) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const flag = Object.hasOwn(table, token.name) ? table[token.name] : undefined;
    if (flag === undefined) {
      const names = Object.keys(table).map((name) => `--${name}`);
      throw new OpError('FLAG_UNKNOWN', {
        command: command.name,
        flag: token.rawName,
        suggestion: suggestion(token.rawName, names),
      });
    }
    given.set(token.name, [...(given.get(token.name) ?? []), valueOf(token, flag)]);
  }
  const help = given.has('help');
  const values: Record<string, ParsedFlag> = {};
  for (const [name, flag] of Object.entries(flags)) values[name] = settle(name, flag, given.get(name), help);
  return {
    flags: values,
    given: new Set(given.keys()),
    parameters: help ? [] : settleParameters(command, positionals),
    help,
    debug: given.has('debug'),
  };
}

interface OptionToken {
  readonly rawName: string;
  readonly value?: string | undefined;
  readonly inlineValue?: boolean | undefined;
}

function tokenise(table: FlagTable, rest: readonly string[]) {
  const options: ParseArgsOptionsConfig = {};
  for (const [name, { value, short }] of Object.entries(table)) {
    options[name] = { type: value === null ? 'boolean' : 'string', ...(short === undefined ? {} : { short }) };
  }
  return parseArgs({ args: [...rest], options, strict: false, allowPositionals: true, tokens: true }).tokens;
}

/** The text of one occurrence; a switch's is empty. */
function valueOf(token: OptionToken, flag: Flag): string {
  const { rawName, value, inlineValue } = token;
  if (flag.value === null) {
    if (value !== undefined)
      throw new OpError('FLAG_WRONG', { flag: rawName, reason: 'is a switch and takes no value' });
    return '';
  }
  // parseArgs takes the next word whatever it is; a word that looks like a flag is far more often a forgotten value.
  if (value === undefined || (inlineValue === false && value.startsWith('-') && value !== '-')) {
    throw new OpError('FLAG_WRONG', { flag: rawName, reason: `needs a value: ${rawName} ${flag.value}` });
  }
  if (flag.choices !== undefined && !flag.choices.includes(value)) {
    const reason = `takes ${flag.choices.join(', ')}, not "${value}"${suggestion(value, flag.choices)}`;
    throw new OpError('FLAG_WRONG', { flag: rawName, reason });
  }
  return value;
}

function settle(name: string, flag: Flag, given: readonly string[] | undefined, isHelp: boolean): ParsedFlag {
  if (flag.value === null) return given !== undefined;
  if (flag.repeatable === true) return given ?? (flag.default === null ? [] : [flag.default]);
  if (given === undefined && flag.required === true && !isHelp) {
    throw new OpError('FLAG_WRONG', { flag: `--${name}`, reason: `is required: --${name} ${flag.value}` });
  }
  return given?.at(-1) ?? flag.default;
}

function settleParameters(command: Command, positionals: readonly string[]): (string | null)[] {
  const excess = positionals[command.parameters.length];
  if (excess !== undefined) throw new OpError('ARGUMENT_UNEXPECTED', { command: command.name, argument: excess });
  return command.parameters.map(({ name, required, choices }, index) => {
    const value = positionals[index] ?? null;
    if (value === null && required) throw new OpError('ARGUMENT_MISSING', { command: command.name, argument: name });
    if (value !== null && choices !== undefined && !choices.includes(value)) {
      const reason = `takes ${choices.join(', ')}, not "${value}"${suggestion(value, choices)}`;
      throw new OpError('ARGUMENT_WRONG', { argument: name, reason });
    }
    return value;
  });
}
