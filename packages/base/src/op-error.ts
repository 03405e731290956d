// An expected failure, with its row of the error table. Everything that leaves a process (a gRPC status, an exit code, an
// Event, a log line) is made from one of these; any other exception is a defect and is reported as INTERNAL.
import { errorTable, type ErrorCode, type ErrorKind, type ErrorRow } from './error-table.ts';
import { messageOf } from './system-error.ts';

type Placeholders<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Placeholders<Rest>
  : never;

/** The details that a code's text asks for; a missing or misspelt one does not compile. */
export type ErrorDetails<Code extends ErrorCode> = Readonly<
  Record<Placeholders<(typeof errorTable)[Code]['text']>, string | number | bigint>
>;

export class OpError<Code extends ErrorCode = ErrorCode> extends Error {
  override readonly name = 'OpError';
  readonly code: Code;
  readonly details: Readonly<Record<string, string>>;

  constructor(code: Code, details: ErrorDetails<Code>, options: { cause?: unknown } = {}) {
    const given = Object.entries<string | number | bigint>(details).map(
      ([key, value]) => [key, String(value)] as const,
    );
    const strings: Record<string, string> = Object.fromEntries(given);
    super(fill(errorTable[code].text, strings), options);
    this.code = code;
    this.details = strings;
  }

  get row(): ErrorRow {
    return errorTable[this.code];
  }
  get kind(): ErrorKind {
    return this.row.kind;
  }
  get retriable(): boolean {
    return this.row.retriable;
  }
  get hint(): string {
    return this.row.hint;
  }

  /** The one line that a person sees: text, code and hint. */
  get line(): string {
    return `${this.message} [${this.code}]. ${this.hint}`;
  }
}

function fill(text: string, details: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\{(\w+)\}/g, (placeholder, name: string) => details[name] ?? placeholder);
}

/** `instanceof`, but telling that the code is one of the table: narrowing by the class alone leaves it unchecked. */
export function isOpError(thrown: unknown): thrown is OpError {
  return thrown instanceof OpError;
}

/** The OpError that an unknown exception stands for: itself, or INTERNAL with the exception as its cause. */
export function toOpError(error: unknown): OpError {
  if (isOpError(error)) return error;
  return new OpError('INTERNAL', { reason: messageOf(error) }, { cause: error });
}
