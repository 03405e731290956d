import { expect, test } from '@jest/globals';
import type { OpError } from '@holdfast/base';
import { defineCommand, type FlagTable } from './command.ts';
import { findCommand, parseLine } from './parse.ts';

const flags = {
  state: { value: 'DIR', summary: 'where', unit: null, default: 'here' },
  server: { value: 'ADDR', summary: 'whom', unit: null, default: null, repeatable: true },
  output: { value: 'FORMAT', summary: 'how', unit: null, default: 'table', short: 'o', choices: ['table', 'json'] },
  force: { value: null, summary: 'really', unit: null, default: null, short: 'f' },
  reason: { value: 'TEXT', summary: 'why', unit: null, default: null, required: true },
} as const satisfies FlagTable;
const run = async (): Promise<void> => undefined;
const issue = defineCommand({
  name: 'pki issue',
  summary: 'issue',
  parameters: [
    { name: 'ROLE', summary: 'the role', required: true, choices: ['agent', 'metadata'] },
    { name: 'NAME', summary: 'the name', required: false },
  ],
  flags,
  run,
});
const commands = [issue, defineCommand({ name: 'status', summary: 'status', flags: {}, run })];
const parse = (line: string) => parseLine(issue, flags, line.split(' '));

function lineOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return (error as OpError).line;
  }
  throw new Error('nothing was thrown');
}

test('values come as --flag value, --flag=value and -f value, defaults fill the rest', () => {
  expect(parse('agent n1 --state=/x --server a --server=b -o json -f --reason because')).toEqual({
    flags: { state: '/x', server: ['a', 'b'], output: 'json', force: true, reason: 'because' },
    given: new Set(['state', 'server', 'output', 'force', 'reason']),
    parameters: ['agent', 'n1'],
    help: false,
    debug: false,
  });
  expect(parse('agent --reason x --debug')).toMatchObject({
    flags: { state: 'here', server: [], output: 'table', force: false },
    given: new Set(['reason', 'debug']),
    parameters: ['agent', null],
    debug: true,
  });
});

test('what follows -- is no flag', () => {
  expect(parse('--reason x -- agent --force').parameters).toEqual(['agent', '--force']);
});

test('--help needs nothing else', () => {
  expect(parse('--help').help).toBe(true);
  expect(parse('-h agent extra words').help).toBe(true);
});

test('a wrong line is refused in one line that says what is wrong with it', () => {
  for (const [line, text] of [
    ['agent --reason x --stat y', 'pki issue has no flag --stat; did you mean --state? [FLAG_UNKNOWN]'],
    ['agent --reason x -x', 'pki issue has no flag -x [FLAG_UNKNOWN]'],
    ['agent --reason', 'flag --reason needs a value: --reason TEXT [FLAG_WRONG]'],
    ['agent --reason --force', 'flag --reason needs a value: --reason TEXT [FLAG_WRONG]'],
    ['agent', 'flag --reason is required: --reason TEXT [FLAG_WRONG]'],
    ['agent --reason x --force=yes', 'flag --force is a switch and takes no value [FLAG_WRONG]'],
    ['agent --reason x -o jsn', 'flag -o takes table, json, not "jsn"; did you mean json? [FLAG_WRONG]'],
    ['--reason x', 'pki issue needs an argument ROLE [ARGUMENT_MISSING]'],
    ['agnt --reason x', 'ROLE takes agent, metadata, not "agnt"; did you mean agent? [ARGUMENT_WRONG]'],
    ['agent a b --reason x', 'pki issue does not know what to do with "b" [ARGUMENT_UNEXPECTED]'],
    ['agent --reason x --__proto__', 'pki issue has no flag --__proto__ [FLAG_UNKNOWN]'],
    ['agent --reason x --toString', 'pki issue has no flag --toString [FLAG_UNKNOWN]'],
  ] as const) {
    expect(lineOf(() => parse(line))).toContain(text);
  }
});

test('a command is found by its words, and a word that names none is answered with the nearest', () => {
  expect(findCommand(commands, ['pki', 'issue', 'agent'])).toEqual({ command: issue, rest: ['agent'] });
  expect(findCommand(commands, ['status', '-o', 'json']).rest).toEqual(['-o', 'json']);
  for (const [words, text] of [
    [['stauts'], 'there is no command "stauts"; did you mean status? [COMMAND_UNKNOWN]'],
    [['pik', 'issue'], 'there is no command "pik"; did you mean pki? [COMMAND_UNKNOWN]'],
    [['pki', 'isue'], 'there is no command "pki isue"; did you mean issue? [COMMAND_UNKNOWN]'],
    [['pki'], 'pki is the first word of several commands; it goes on with one of issue [COMMAND_INCOMPLETE]'],
    [['pki', '--state'], 'pki is the first word of several commands'],
    [['volume'], 'there is no command "volume" [COMMAND_UNKNOWN]'],
    [['--sttate'], 'there is no command "--sttate"'],
  ] as const) {
    expect(lineOf(() => findCommand(commands, words))).toContain(text);
  }
});

test('a word behind a role is one of the commands about it, or a slip', () => {
  const role = defineCommand({ name: 'metadata', summary: 'a role', flags: {}, run });
  const about = defineCommand({ name: 'metadata status', summary: 'about it', flags: {}, run });
  const table = [...commands, role, about];
  expect(findCommand(table, ['metadata', 'status', 'x'])).toEqual({ command: about, rest: ['x'] });
  expect(findCommand(table, ['metadata', '--data', 'x'])).toEqual({ command: role, rest: ['--data', 'x'] });
  expect(lineOf(() => findCommand(table, ['metadata', 'statsu']))).toContain('did you mean status?');
});
