// The public door of cli.
export {
  commonFlags,
  defineCommand,
  flagsOf,
  type Call,
  type Command,
  type Flag,
  type FlagTable,
  type FlagValues,
  type Parameter,
  type System,
} from './command.ts';
export { commands } from './commands.ts';
export { connect, connectionFlags, connectLeader, openKeeper, type Connections } from './connection.ts';
export type { ConnectionFlags, LeaderConnection } from './connection.ts';
export { shellWord, toPath } from './pki/authority-folder.ts';
export { readDurationMs } from './duration-flag.ts';
export { failureText, printable } from './failure.ts';
export { exitCodes, plainExits, type ExitRow } from './exit-codes.ts';
export { flagHead, helpIndex, helpPage, holdfastName, usage, type ProgramName } from './help.ts';
export { nearest, suggestion } from './nearest.ts';
export { findCommand, groupMembers, parseLine, type ParsedLine } from './parse.ts';
export { runProgram, runWords, type Program } from './program.ts';
export { askStatus, type StatusAnswer } from './status.ts';
export { outputFlag, printDocument, printListing, renderTable, type Column, type Listing } from './table.ts';
