// What a hint tells people to type is there: a hint that names no command sends them nowhere when they need it most.
import { expect, test } from '@jest/globals';
import { errorTable } from '@holdfast/base';
import { findCommand } from '@holdfast/cli';
import { commandTable } from './command-table.ts';

/** `help` is the program's own word. */
const named = /[`']holdfast (?!help\b)([^`']+)[`']/g;
const hints = Object.entries(errorTable).map(([code, { hint }]) => ({ code, hint }));
const commands = hints.flatMap(({ code, hint }) =>
  [...hint.matchAll(named)].map(([, words = '']) => ({ code, words: words.split(' ') })),
);

test('hints name commands', () => {
  expect(commands.length).toBeGreaterThan(10);
});

test.each(commands.map(({ code, words }) => [code, words.join(' ')] as const))(
  'the hint of %s names a command that exists: holdfast %s',
  async (_, line) => {
    const { command, rest } = findCommand(commandTable, line.split(' '));
    // What is left behind the command are its flags and, in capitals, what a person fills in.
    for (const word of rest) expect(word).toMatch(/^(?:--?[a-z-]+|[A-Z,.:=]+)$/);
    const flags = typeof command.flags === 'function' ? await command.flags() : command.flags;
    for (const word of rest.filter((each) => each.startsWith('--')))
      expect(Object.keys(flags)).toContain(word.slice(2));
  },
);
