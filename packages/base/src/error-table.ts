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
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof errorTable;
