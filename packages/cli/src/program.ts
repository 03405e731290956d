// From the words of a command line to a command that runs, and from how it ends to one line and an exit code. Everything that
// is known of the process (its arguments, streams and environment) enters here.
import { RealClock, RealRandom, RealTimers, toOpError } from '@holdfast/base';
import { flagsOf, type Call, type Command, type System } from './command.ts';
import { exitCodes, plainExits } from './exit-codes.ts';
import { failureText } from './failure.ts';
import { helpIndex, helpList, helpPage, type ProgramName } from './help.ts';
import { findCommand, groupMembers, parseLine } from './parse.ts';

export interface Program extends ProgramName {
  /** Everything that can stand behind its name. */
  readonly commands: readonly Command[];
  /** Those among them that run until they are told to end. */
  readonly roles: readonly Command[];
}

/** Runs the command and ends the process with the code of its outcome. */
export async function runProgram(program: Program, words: readonly string[]): Promise<void> {
  const { name: programName } = program;
  const isDebug = words.includes('--debug');
  // A command whose reader went away has nobody to work for; a server goes on without its log.
  const isRole = namesRole(program, words);
  for (const stream of [process.stdout, process.stderr]) stream.on('error', isRole ? () => undefined : endOnBrokenPipe);
  // A rejection that nobody handles comes here too: Node makes it an uncaught exception as long as no other handler is set.
  process.on('uncaughtException', (error) => {
    process.stderr.write(`${failureText(error, isDebug, programName)}\n`);
    process.exit(exitCodes.internal.code);
  });
  let code: number = plainExits.success.code;
  try {
    await runWords(program, words, realSystem(program));
  } catch (error) {
    process.stderr.write(`${failureText(error, isDebug, programName)}\n`);
    code = exitCodes[toOpError(error).kind].code;
  }
  await flushed();
  if (code === plainExits.success.code && process.stdout.errored !== null && !isRole) code = plainExits.brokenPipe.code;
  // Not left to the event loop: a timer or a connection that somebody forgot must not keep a finished command alive.
  process.exit(code);
}

/** `metadata` is a role, and `metadata status` is not. */
function namesRole({ commands, roles }: Program, words: readonly string[]): boolean {
  const named = commands.filter(({ name }) => name.split(' ').every((word, index) => word === words[index]));
  const longest = named.toSorted((one, other) => other.name.length - one.name.length)[0];
  return longest !== undefined && roles.includes(longest);
}

/** Resolves when everything that was printed is written, or cannot be any more. */
async function flushed(): Promise<void> {
  await new Promise<void>((resolve) => {
    process.stdout.write('', () => resolve());
  });
}

/** Whoever read the output went away, as `| head` does; there is nobody left to tell. */
function endOnBrokenPipe(error: NodeJS.ErrnoException): void {
  process.exit(error.code === 'EPIPE' ? plainExits.brokenPipe.code : exitCodes.internal.code);
}

export async function runWords(program: Program, words: readonly string[], system: System): Promise<void> {
  const [first] = words;
  if (first === undefined || first === '--help' || first === '-h' || first === 'help') {
    const [topic, ...more] = words.slice(1).filter((word) => !word.startsWith('-'));
    system.print(await help(program, system.commands, topic === undefined ? [] : [topic, ...more]));
    return;
  }
  const { command, rest } = findCommand(system.commands, words);
  const line = parseLine(command, await flagsOf(command), rest);
  if (line.help) {
    system.print(await helpPage(command, program));
    return;
  }
  // The row's own table shaped the values; the types of a command's code say the same.
  const flags = line.flags as Call['flags'];
  await command.run({ flags, given: line.given, parameters: line.parameters, system });
}

async function help(program: Program, commands: readonly Command[], topic: readonly string[]): Promise<string> {
  const [group] = topic;
  if (group === undefined) {
    const isRole = new Set(program.roles.map(({ name }) => name));
    return helpIndex(
      program.roles,
      commands.filter(({ name }) => !isRole.has(name)),
      program,
    );
  }
  if (topic.length === 1 && groupMembers(commands, group).length > 0) {
    const members = commands.filter(({ name }) => name.startsWith(`${group} `));
    const own = commands.find(({ name }) => name === group);
    // A word may be a role and the group of the commands about it.
    return own === undefined
      ? helpIndex([], members, program)
      : [await helpPage(own, program), '', ...helpList('Commands:', members)].join('\n');
  }
  return helpPage(findCommand(commands, topic).command, program);
}

function realSystem({ commands }: Program): System {
  return {
    clock: new RealClock(),
    timers: new RealTimers(),
    random: new RealRandom(),
    environment: process.env,
    commands,
    isTerminal: process.stdout.isTTY,
    print: (line) => process.stdout.write(`${line}\n`),
    remark: (line) => process.stderr.write(`${line}\n`),
  };
}
