// A role's configuration: one zod object made of fields, read once from file < environment < flags, checked, frozen. What is
// wrong is one line that names the key and the place it came from.
import { OpError } from '@holdfast/base';
import { nearest, type Flag, type FlagTable } from '@holdfast/cli';
import { secretPlaceholder } from '@holdfast/telemetry';
import { z } from 'zod';
import { type ConfigOf, type Fields } from './fields.ts';
import {
  environmentName,
  environmentPrefix,
  environmentSettings,
  fileSettings,
  flagName,
  type Setting,
} from './sources.ts';

export interface ConfigSchema<Table extends Fields = Fields> {
  readonly role: string;
  readonly fields: Table;
}

export interface Loaded<Table extends Fields = Fields> {
  readonly config: Readonly<ConfigOf<Table>>;
  /** What is in force, redacted, in the order of the fields. */
  readonly printed: readonly Setting[];
}

export interface Given {
  /** The texts of the role's flags, and which of them stood on the line. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly givenFlags: ReadonlySet<string>;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** The key that names the file itself; it cannot stand in one. */
const fileKey = 'config';

export async function loadConfig<Table extends Fields>(
  schema: ConfigSchema<Table>,
  given: Given,
): Promise<Loaded<Table>> {
  const keys = Object.keys(schema.fields);
  const fromEnvironment = environmentSettings(schema.role, variables(schema), given.environment);
  const fromFlags = flagSettings([...keys, fileKey], given);
  const file = [...fromEnvironment, ...fromFlags].findLast(({ key }) => key === fileKey);
  const fromFile = file === undefined ? [] : await fileSettings(file.text);

  const inForce = new Map<string, Setting>();
  for (const setting of [...fromFile, ...[...fromEnvironment, ...fromFlags].filter(({ key }) => key !== fileKey)]) {
    if (!Object.hasOwn(schema.fields, setting.key)) throw unknownKey(schema, setting);
    inForce.set(setting.key, setting);
  }
  return { config: check(schema, inForce), printed: print(schema, inForce) };
}

/** The variable of the environment that sets a key of the role. */
export function variableOf(schema: ConfigSchema, key: string): string {
  return schema.fields[key]?.variable ?? environmentName(schema.role, key);
}

/** The keys by their variables. */
function variables(schema: ConfigSchema): Map<string, string> {
  return new Map([...Object.keys(schema.fields), fileKey].map((key) => [variableOf(schema, key), key]));
}

function flagSettings(keys: readonly string[], given: Given): Setting[] {
  return keys.flatMap((key) => {
    const text = given.flags[flagName(key)];
    if (!given.givenFlags.has(flagName(key)) || typeof text !== 'string') return [];
    return [{ key, text, source: `flag --${flagName(key)}` }];
  });
}

function unknownKey(schema: ConfigSchema, setting: Setting): OpError {
  const keys = Object.keys(schema.fields);
  const isVariable = setting.key.startsWith(environmentPrefix(schema.role));
  const near = nearest(setting.key, isVariable ? [...variables(schema).keys()] : keys);
  return new OpError('CONFIG_KEY_UNKNOWN', {
    role: schema.role,
    key: setting.key,
    source: setting.source,
    suggestion: near === null ? '' : `; did you mean ${near}?`,
  });
}

function check<Table extends Fields>(
  schema: ConfigSchema<Table>,
  inForce: ReadonlyMap<string, Setting>,
): Readonly<ConfigOf<Table>> {
  const shape = Object.fromEntries(Object.entries(schema.fields).map(([key, field]) => [key, field.schema]));
  const texts = Object.fromEntries([...inForce].map(([key, { text }]) => [key, text]));
  const result = z.strictObject(shape).safeParse(texts);
  if (result.success) return deepFreeze(result.data as ConfigOf<Table>);
  const [issue] = result.error.issues;
  const key = String(issue?.path[0]);
  const setting = inForce.get(key);
  if (setting === undefined) throw new OpError('CONFIG_VALUE_MISSING', { role: schema.role, key });
  const isSecret = schema.fields[key]?.isSecret === true;
  const reason = isSecret ? 'its value cannot be used and is not shown' : (issue?.message ?? '');
  throw new OpError('CONFIG_VALUE_WRONG', { key, source: setting.source, reason });
}

function print(schema: ConfigSchema, inForce: ReadonlyMap<string, Setting>): Setting[] {
  return Object.entries(schema.fields).map(([key, field]) => {
    const { text, source } = inForce.get(key) ?? { text: field.default ?? '', source: 'default' };
    return { key, text: field.isSecret && text !== '' ? secretPlaceholder : text, source };
  });
}

function deepFreeze<Value>(value: Value): Readonly<Value> {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}

/** The flags that a role takes: one per key, and the file. */
export function configFlags(schema: ConfigSchema): FlagTable {
  const rows = Object.entries(schema.fields).map(([key, field]): [string, Flag] => [
    flagName(key),
    {
      value: field.placeholder,
      summary: `${field.description} [${variableOf(schema, key)}]`,
      unit: field.unit,
      default: field.default,
    },
  ]);
  const file: Flag = {
    value: 'PATH',
    summary: `the configuration file, YAML or JSON [${variableOf(schema, fileKey)}]`,
    unit: null,
    default: null,
  };
  return { [fileKey]: file, ...Object.fromEntries(rows) };
}
