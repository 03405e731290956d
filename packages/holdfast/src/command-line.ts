// The program `holdfast`: its name and its commands. What a command line is and how a process ends is cli's.
import { holdfastName, runProgram, runWords as runWordsOf, type Program, type System } from '@holdfast/cli';
import { commandTable, roleCommands } from './command-table.ts';

const program: Program = { ...holdfastName, commands: commandTable, roles: roleCommands };

/** Runs the command and ends the process with the code of its outcome. */
export async function runProcess(words: readonly string[]): Promise<void> {
  await runProgram(program, words);
}

export async function runWords(words: readonly string[], system: System): Promise<void> {
  await runWordsOf(program, words, system);
}
