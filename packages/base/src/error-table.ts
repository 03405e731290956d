// The error table: one row for everything that may go wrong and that a person or a program can act on. The docs page, the
// gRPC status (rpc), the exit code (holdfast) and the Events' reasons are derived from the row; a code, once released,
// keeps its meaning for ever. `{name}` in a text is filled from the error's details.

/** What a caller can do about it; `rpc` maps a kind to a gRPC status, `holdfast` to an exit code. */
export const errorKinds = [
  'invalid', // the request is wrong whatever the state is
  'out-of-range',
  'not-found',
  'exists',
  'precondition', // the state does not allow it; retrying alone does not help
  'aborted', // another operation is under way or won; retry at a higher level
  'exhausted', // a limit, a quota or a disk is full
  'unavailable', // try again: the same request may succeed
  'timeout',
  'cancelled',
  'unauthenticated',
  'denied',
  'unsupported',
  'data-loss',
  'internal',
] as const;
export type ErrorKind = (typeof errorKinds)[number];

export interface ErrorRow {
  readonly kind: ErrorKind;
  readonly retriable: boolean;
  /** One line, lower case, no full stop; `{name}` stands for a detail. */
  readonly text: string;
  /** What the reader can do, as a sentence. */
  readonly hint: string;
}

export const errorTable = {
  INTERNAL: {
    kind: 'internal',
    retriable: false,
    text: 'internal error: {reason}',
    hint: 'This is a defect in Holdfast; please report it with the log lines of this request id.',
  },
  QUEUE_FULL: {
    kind: 'exhausted',
    retriable: true,
    text: 'the queue {queue} holds its limit of {limit} items',
    hint: 'The process is overloaded; retry with backoff.',
  },
  FIELD_NOT_UNICODE: {
    kind: 'invalid',
    retriable: false,
    text: 'the text for {field} is not Unicode: it holds half of a surrogate pair',
    hint: 'Send text that was decoded from UTF-8.',
  },
  FIELD_OUT_OF_RANGE: {
    kind: 'out-of-range',
    retriable: false,
    text: '{field} cannot hold {value}',
    hint: 'Send a value that the field of the .proto file can hold.',
  },
  MESSAGE_MALFORMED: {
    kind: 'invalid',
    retriable: false,
    text: 'the bytes are not a message {message}: {reason}',
    hint: 'The sender speaks another protocol or the bytes were damaged; compare the versions of both sides.',
  },

  // command line
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

  // configuration
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

  // lifecycle of a role
  DRAIN_INCOMPLETE: {
    kind: 'timeout',
    retriable: false,
    text: 'the process was to end and {part} was not done within {limit}',
    hint: 'Calls in flight were cut; raise drainTimeout if they need longer.',
  },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof errorTable;
