// What a command is: one row with its name, its arguments, its flags and its code. Help, completion, docs/reference/cli.md
// and the parser derive from the row. A row's file imports nothing heavy: `run` imports what it needs when it is called.
import type { Clock, Random, Timers } from '@holdfast/base';

export interface Flag {
  /** The placeholder for the value in help, such as FILE; null for a switch. */
  readonly value: string | null;
  /** One line, lower case, no full stop. */
  readonly summary: string;
  /** How the value is counted ("duration", "size"), or null where it is a plain word. */
  readonly unit: string | null;
  /** What holds when the flag is not given, or null for nothing. */
  readonly default: string | null;
  readonly short?: string;
  /** The only values taken. */
  readonly choices?: readonly string[];
  readonly repeatable?: true;
  readonly required?: true;
}
export type FlagTable = Readonly<Record<string, Flag>>;

export interface Parameter {
  /** The placeholder in help, such as ROLE. */
  readonly name: string;
  readonly summary: string;
  readonly required: boolean;
  /** The only values taken, as far as they are known beforehand. */
  readonly choices?: readonly string[];
}

type FlagValue<Row extends Flag> = Row['value'] extends null
  ? boolean
  : Row extends { readonly repeatable: true }
    ? readonly string[]
    : Row extends { readonly required: true } | { readonly default: string }
      ? string
      : string | null;

export type FlagValues<Flags extends FlagTable> = { readonly [Name in keyof Flags]: FlagValue<Flags[Name]> };

/** What a command may touch of the world; everything else it imports. */
export interface System {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The whole table, for help and completion. */
  readonly commands: readonly Command[];
  /** Whether somebody watches: stdout is a terminal. */
  readonly isTerminal: boolean;
  /** Answers for the command: goes to stdout, with a line's end after each. */
  print(text: string): void;
  /** Remarks to the person at the terminal: goes to stderr, with a line's end after each. */
  remark(text: string): void;
}

export interface Call<Flags extends FlagTable = FlagTable> {
  readonly flags: FlagValues<Flags>;
  /** The names of the flags that stood on the line; the others have their defaults. */
  readonly given: ReadonlySet<string>;
  /** The arguments in the order of `parameters`; an optional one that was not given is null. */
  readonly parameters: readonly (string | null)[];
  readonly system: System;
}

export interface Command {
  /** One word or two: "status", "pki init". */
  readonly name: string;
  /** One line, lower case, no full stop. */
  readonly summary: string;
  /** What a reader wants to know beyond the summary: whole sentences, one a line. */
  readonly details: readonly string[];
  readonly parameters: readonly Parameter[];
  /** A function where the flags derive from something that is costly to import (a role's configuration). */
  readonly flags: FlagTable | (() => Promise<FlagTable>);
  run(call: Call): Promise<void>;
}

interface Definition<Flags extends FlagTable> {
  readonly name: string;
  readonly summary: string;
  readonly details?: readonly string[];
  readonly parameters?: readonly Parameter[];
  readonly flags: Flags;
  run(call: Call<Flags>): Promise<void>;
}

/** Ties the types of a command's code to its own row of flags. */
export function defineCommand<const Flags extends FlagTable>(definition: Definition<Flags>): Command {
  return {
    name: definition.name,
    summary: definition.summary,
    details: definition.details ?? [],
    parameters: definition.parameters ?? [],
    flags: definition.flags,
    run: async (call) => definition.run(call as Call<Flags>),
  };
}

/** Flags that every command takes. */
export const commonFlags = {
  debug: { value: null, summary: 'print the stack of an error', unit: null, default: null },
  help: { value: null, summary: 'print this help', unit: null, default: null, short: 'h' },
} as const satisfies FlagTable;

export async function flagsOf(command: Command): Promise<FlagTable> {
  return typeof command.flags === 'function' ? await command.flags() : command.flags;
}
