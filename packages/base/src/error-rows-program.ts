// The error table's rows for the program itself: its command line, its configuration, its start and its end.
import type { ErrorRow } from './error-table.ts';

export const programErrorRows = {
  ARGUMENT_MISSING: {
    kind: 'invalid',
    retriable: false,
    text: '{command} needs an argument {argument}',
    hint: "See 'holdfast help COMMAND' for what a command takes.",
  },
  ARGUMENT_UNEXPECTED: {
    kind: 'invalid',
    retriable: false,
    text: '{command} does not know what to do with "{argument}"',
    hint: "See 'holdfast help COMMAND' for what a command takes.",
  },
  ARGUMENT_WRONG: {
    kind: 'invalid',
    retriable: false,
    text: '{argument} {reason}',
    hint: "See 'holdfast help COMMAND' for what a command takes.",
  },
  COMMAND_INCOMPLETE: {
    kind: 'invalid',
    retriable: false,
    text: '{command} is the first word of several commands; it goes on with one of {members}',
    hint: "See 'holdfast help' for the list of commands.",
  },
  COMMAND_UNKNOWN: {
    kind: 'invalid',
    retriable: false,
    text: 'there is no command "{command}"{suggestion}',
    hint: "See 'holdfast help' for the list of commands.",
  },
  CONFIG_FILE_MALFORMED: {
    kind: 'invalid',
    retriable: false,
    text: 'the configuration file {path} is neither YAML nor JSON: {reason}',
    hint: "Correct the file; 'holdfast config check ROLE --config FILE' tries it without starting anything.",
  },
  CONFIG_FILE_UNREADABLE: {
    kind: 'not-found',
    retriable: false,
    text: 'the configuration file {path} cannot be read: {reason}',
    hint: 'Name a file that exists and that the user of this process may read.',
  },
  CONFIG_KEY_UNKNOWN: {
    kind: 'invalid',
    retriable: false,
    text: 'the configuration of {role} has no key {key} ({source}){suggestion}',
    hint: "See 'holdfast help ROLE' or docs/reference/config.md for every key.",
  },
  CONFIG_VALUE_MISSING: {
    kind: 'invalid',
    retriable: false,
    text: 'the configuration of {role} needs a value for {key}',
    hint: 'Give it in the configuration file, by the environment or by a flag of that name.',
  },
  CONFIG_VALUE_WRONG: {
    kind: 'invalid',
    retriable: false,
    text: '{key} ({source}) is wrong: {reason}',
    hint: "See 'holdfast help ROLE' or docs/reference/config.md for what each key takes.",
  },
  DRAIN_INCOMPLETE: {
    kind: 'timeout',
    retriable: false,
    text: 'the process was to end and {part} was not done within {limit}',
    hint: 'Calls in flight were cut; raise drainTimeout if they need longer.',
  },
  FLAG_UNKNOWN: {
    kind: 'invalid',
    retriable: false,
    text: '{command} has no flag {flag}{suggestion}',
    hint: "See 'holdfast help COMMAND' for what a command takes.",
  },
  FLAG_WRONG: {
    kind: 'invalid',
    retriable: false,
    text: 'flag {flag} {reason}',
    hint: "See 'holdfast help COMMAND' for what a command takes.",
  },
  STATUS_INCOMPLETE: {
    kind: 'unavailable',
    retriable: true,
    text: '{failed} of {total} servers did not answer; the first: {reason}',
    hint: 'Look at that server: does its process run, and does its log say why?',
  },
} as const satisfies Record<string, ErrorRow>;
