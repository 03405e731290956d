// The kinds of fields that a role's configuration is made of. Every source (file, environment, flag) gives text, so that a
// value is read by one parser wherever it comes from; the defaults are text too and pass through the same parser. Relies on
// zod, so only code that is about to read or describe a configuration imports this.
import {
  formatBytes,
  formatDuration,
  invariant,
  OpError,
  parseAddress,
  parseBytes,
  parseDurationMs,
  toNodeId,
  type Address,
  type NodeId,
} from '@holdfast/base';
import { z } from 'zod';

export type TcpAddress = Extract<Address, { readonly kind: 'tcp' }>;

export interface Field<Value = unknown> {
  /** What it does, in one line, lower case, no full stop. */
  readonly description: string;
  /** How the value is counted, or null for a plain word. */
  readonly unit: string | null;
  /** The placeholder in help. */
  readonly placeholder: string;
  /** As a person would write it; null: there is none. */
  readonly default: string | null;
  readonly isRequired: boolean;
  /** Printed as redacted, always. */
  readonly isSecret: boolean;
  /** The variable of the environment, where it is the same for every role; null: it is named after role and key. */
  readonly variable: string | null;
  readonly schema: z.ZodType<Value>;
}
export type Fields = Readonly<Record<string, Field>>;
export type ConfigOf<Table extends Fields> = { readonly [Key in keyof Table]: z.output<Table[Key]['schema']> };

/** `default` or `isRequired` decides whether the value can be null. */
interface Options {
  readonly description: string;
  readonly default?: string;
  readonly isRequired?: true;
  readonly isSecret?: true;
  readonly variable?: string;
}
type Present = { readonly default: string } | { readonly isRequired: true };
type ValueOf<Given extends Options, Value> = Given extends Present ? Value : Value | null;

interface Kind<Value> {
  readonly placeholder: string;
  readonly unit: string | null;
  /** Throws an OpError or a ReadError, whose message says what is wrong with the text. */
  read(text: string): Value;
}

class ReadError extends Error {}

function makeField<const Given extends Options, Value>(given: Given, kind: Kind<Value>): Field<ValueOf<Given, Value>> {
  const read = z.string().transform((text, context) => {
    try {
      return kind.read(text);
    } catch (error) {
      if (!(error instanceof OpError || error instanceof ReadError)) throw error;
      context.addIssue(error.message);
      return z.NEVER;
    }
  });
  return {
    description: given.description,
    unit: kind.unit,
    placeholder: kind.placeholder,
    default: given.default ?? null,
    isRequired: given.isRequired ?? false,
    isSecret: given.isSecret ?? false,
    variable: given.variable ?? null,
    schema: withDefault(given, read) as z.ZodType<ValueOf<Given, Value>>,
  };
}

function withDefault(given: Options, read: z.ZodType<unknown, string>): z.ZodType {
  if (given.default !== undefined) return read.prefault(given.default);
  return given.isRequired === true ? read : read.nullable().default(null);
}

export function text<const Given extends Options>(given: Given, placeholder = 'TEXT'): Field<ValueOf<Given, string>> {
  return makeField(given, { placeholder, unit: null, read: nonEmpty });
}

export function path<const Given extends Options>(given: Given): Field<ValueOf<Given, string>> {
  return text(given, 'PATH');
}

/** Where a unix socket lies: an absolute path that the kernel takes as an address. */
export function socketPath<const Given extends Options>(given: Given): Field<ValueOf<Given, string>> {
  return makeField(given, { placeholder: 'PATH', unit: null, read: readSocketPath });
}

/** The name of a node, as Kubernetes knows it. */
export function nodeName<const Given extends Options>(given: Given): Field<ValueOf<Given, NodeId>> {
  return makeField(given, { placeholder: 'NAME', unit: null, read: toNodeId });
}

/** A whole number. */
export function count<const Given extends Options>(
  given: Given,
  { least, most }: { readonly least: number; readonly most: number },
): Field<ValueOf<Given, number>> {
  return makeField(given, {
    placeholder: 'NUMBER',
    unit: `number from ${least} to ${most}`,
    read(value): number {
      const number = /^\d{1,15}$/.test(value) ? Number(value) : NaN;
      if (!(number >= least && number <= most)) {
        throw new ReadError(`"${value}" is not a whole number from ${least} to ${most}`);
      }
      return number;
    },
  });
}

/** The least and the greatest value, as a person would write them. */
interface Range {
  readonly least: string;
  readonly most: string;
}

export interface Duration {
  readonly ms: number;
}
export function duration<const Given extends Options>(given: Given, range: Range): Field<ValueOf<Given, Duration>> {
  const [leastMs, mostMs] = [parseDurationMs(range.least), parseDurationMs(range.most)];
  return makeField(given, {
    placeholder: 'DURATION',
    unit: `duration from ${range.least} to ${range.most}`,
    read(value): Duration {
      const ms = parseDurationMs(value);
      if (ms < leastMs || ms > mostMs) {
        throw new ReadError(`${formatDuration(ms)} is not from ${range.least} to ${range.most}`);
      }
      return { ms };
    },
  });
}

export interface Size {
  readonly bytes: number;
}
export function size<const Given extends Options>(given: Given, range: Range): Field<ValueOf<Given, Size>> {
  const [leastBytes, mostBytes] = [parseBytes(range.least), parseBytes(range.most)];
  return makeField(given, {
    placeholder: 'SIZE',
    unit: `byte size from ${range.least} to ${range.most}`,
    read(value): Size {
      const bytes = parseBytes(value);
      if (bytes < leastBytes || bytes > mostBytes) {
        throw new ReadError(`${formatBytes(bytes)} is not from ${range.least} to ${range.most}`);
      }
      return { bytes };
    },
  });
}

export function choice<const Given extends Options, const Choice extends string>(
  given: Given,
  choices: readonly Choice[],
): Field<ValueOf<Given, Choice>> {
  return makeField(given, {
    placeholder: choices.join('|'),
    unit: null,
    read(value): Choice {
      const found = choices.find((candidate) => candidate === value);
      if (found === undefined) throw new ReadError(`"${value}" is none of ${choices.join(', ')}`);
      return found;
    },
  });
}

/** HOST:PORT, or unix:/path for a socket that only this user may open. */
export function address<const Given extends Options>(given: Given): Field<ValueOf<Given, Address>> {
  return makeField(given, { placeholder: 'HOST:PORT|unix:PATH', unit: null, read: parseAddress });
}

/** An address over TCP, or null for "off": nothing listens there. */
export function tcpAddressOrOff<const Given extends Options>(given: Given): Field<ValueOf<Given, TcpAddress | null>> {
  return makeField(given, {
    placeholder: 'HOST:PORT|off',
    unit: null,
    read: (value): TcpAddress | null => (value === 'off' ? null : readTcpAddress(value)),
  });
}

export interface NamedAddress {
  readonly name: string;
  readonly address: TcpAddress;
}

/** A list such as m2=10.0.0.2:7400,m3=10.0.0.3:7400; the empty text is the empty list. */
export function namedAddresses<const Given extends Options>(
  given: Given,
  countLimit: number,
): Field<ValueOf<Given, readonly NamedAddress[]>> {
  return makeField(given, {
    placeholder: 'NAME=HOST:PORT,...',
    unit: `list of at most ${countLimit}`,
    read(value): readonly NamedAddress[] {
      const items = value === '' ? [] : value.split(',').map((item) => readNamedAddress(item.trim()));
      if (items.length > countLimit) throw new ReadError(`${items.length} are more than ${countLimit}`);
      const twice = items.find(({ name }, index) => items.findIndex((other) => other.name === name) !== index);
      if (twice !== undefined) throw new ReadError(`the name ${twice.name} stands there twice`);
      return items;
    },
  });
}

function nonEmpty(value: string): string {
  if (value === '') throw new ReadError('it is empty');
  if (/[\p{Cc}]/u.test(value)) throw new ReadError('it holds a control character');
  return value;
}

function readSocketPath(value: string): string {
  const found = parseAddress(`unix:${nonEmpty(value)}`);
  invariant(found.kind === 'unix', 'an address that begins with unix: is a path');
  return found.path;
}

function readNamedAddress(item: string): NamedAddress {
  const [, name, rest] = /^([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)=(.+)$/.exec(item) ?? [];
  if (name === undefined || rest === undefined) throw new ReadError(`"${item}" is not NAME=HOST:PORT`);
  return { name, address: readTcpAddress(rest) };
}

function readTcpAddress(value: string): TcpAddress {
  const found = parseAddress(value);
  if (found.kind !== 'tcp') throw new ReadError(`"${value}" is not HOST:PORT`);
  return found;
}
