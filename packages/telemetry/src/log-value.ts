// What may stand in a field of a log line, and how it is bounded and made JSON: exact 64-bit numbers as text, errors as their
// row of the error table, bytes as their length, secrets not at all. A line is cut, never refused: losing the line would lose
// the story.
import { InvariantError, messageOf, isOpError } from '@holdfast/base';
import { isSecretKey, secretPlaceholder } from './redaction.ts';

export type LogValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | Error
  | Uint8Array
  | readonly LogValue[]
  | { readonly [key: string]: LogValue };

/** The fields that the log itself writes; a second one of the same name would make two keys of one JSON object. */
type ReservedField =
  'time' | 'level' | 'role' | 'node' | 'msg' | 'request_id' | 'trace_id' | 'span_id' | 'pid' | 'hostname';
export type LogFields = Readonly<Record<string, LogValue>> & Readonly<Partial<Record<ReservedField, never>>>;

/** How a failure looks in a log line. `stack` is told for defects only: for an expected failure it would be noise. */
export interface ErrorFields {
  readonly code: string;
  readonly kind: string;
  readonly message: string;
  readonly hint: string | null;
  readonly cause: string | null;
  readonly stack: string | null;
}

const depthLimit = 6;
const entriesLimit = 64;
const textLimitChars = 4096;

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

export function describeError(error: unknown): ErrorFields {
  if (isOpError(error)) {
    const cause: unknown = error.cause ?? null;
    const defect = error.code === 'INTERNAL' ? (cause ?? error) : null;
    return {
      code: error.code,
      kind: error.kind,
      message: error.message,
      hint: error.hint,
      cause: cause === null ? null : messageOf(cause),
      stack: defect instanceof Error ? (defect.stack ?? null) : null,
    };
  }
  return {
    code: error instanceof InvariantError ? 'INVARIANT' : 'INTERNAL',
    kind: 'internal',
    message: messageOf(error),
    hint: null,
    cause: error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : null,
    stack: error instanceof Error ? (error.stack ?? null) : null,
  };
}

/** `fields` as JSON can hold them exactly and within bounds. The common flat record of short values costs one copy. */
export function toJsonFields(fields: LogFields): Record<string, Json> {
  const json: Record<string, Json> = {};
  for (const [key, value] of Object.entries<LogValue>(fields)) json[key] = toJsonEntry(key, value, 1);
  return json;
}

function toJsonEntry(key: string, value: LogValue, depth: number): Json {
  return isSecretKey(key) && value !== null ? secretPlaceholder : toJson(value, depth);
}

function toJson(value: LogValue, depth: number): Json {
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'object') return objectToJson(value, depth);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  return value.length <= textLimitChars ? value : `${value.slice(0, textLimitChars)}… (${value.length} characters)`;
}

function objectToJson(value: Exclude<LogValue & object, null>, depth: number): Json {
  if (value instanceof Error) return { ...describeError(value) };
  if (value instanceof Uint8Array) return `<${value.length} bytes>`;
  if (depth > depthLimit) return '<nested too deep>';
  if (isArray(value)) {
    const items = value.slice(0, entriesLimit).map((item) => toJson(item, depth + 1));
    return value.length <= entriesLimit ? items : [...items, `… (${value.length} items)`];
  }
  const entries = Object.entries(value);
  const kept = entries
    .slice(0, entriesLimit)
    .map(([key, item]): [string, Json] => [key, toJsonEntry(key, item, depth + 1)]);
  if (entries.length > entriesLimit) kept.push(['…', `(${entries.length} entries)`]);
  return Object.fromEntries(kept);
}

function isArray(value: object): value is readonly LogValue[] {
  return Array.isArray(value);
}
