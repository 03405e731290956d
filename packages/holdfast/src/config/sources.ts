// Where the values of a configuration come from: a file, the environment, flags; a later one wins. Every value keeps its
// source, down to the line of the file, for the error that names it.
import { isUtf8 } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { formatBytes, messageOf, OpError, systemErrorCode } from '@holdfast/base';

/** One value as it was found. */
export interface Setting {
  readonly key: string;
  readonly text: string;
  /** As an error and `config show` name it: "flag --listen", "environment HOLDFAST_METADATA_LISTEN", "m1.yaml:3". */
  readonly source: string;
}

/** A file that is larger is not a configuration of ours. */
const fileLimitBytes = 1024 * 1024;

export function flagName(key: string): string {
  return key.replaceAll(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`);
}

export function environmentName(role: string, key: string): string {
  return `${environmentPrefix(role)}${flagName(key).replaceAll('-', '_').toUpperCase()}`;
}

export function environmentPrefix(role: string): string {
  return `HOLDFAST_${role.replaceAll(' ', '_').toUpperCase()}_`;
}

/**
 * Kubernetes tells every pod of the services beside it in variables of its own making: a Service "holdfast-metadata" puts
 * HOLDFAST_METADATA_SERVICE_HOST and HOLDFAST_METADATA_PORT_7400_TCP_ADDR into our environment. They are not settings, and
 * refusing them would stop every pod of the namespace from starting.
 */
const serviceLink = /^(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$/;

export function isServiceLink(role: string, name: string): boolean {
  const prefix = environmentPrefix(role);
  return name.startsWith(prefix) && serviceLink.test(name.slice(prefix.length));
}

/** The variables that set the role's keys, and any other with its prefix: one that no key answers to is kept, to be refused. */
export function environmentSettings(
  role: string,
  keysByVariable: ReadonlyMap<string, string>,
  environment: Readonly<Record<string, string | undefined>>,
): Setting[] {
  return Object.entries(environment).flatMap(([name, value]) => {
    const key = keysByVariable.get(name) ?? null;
    const isMeant = key !== null || (name.startsWith(environmentPrefix(role)) && !isServiceLink(role, name));
    return value === undefined || !isMeant ? [] : [{ key: key ?? name, text: value, source: `environment ${name}` }];
  });
}

/** Reads a YAML or JSON file: one mapping of keys to values or to lists of values. */
export async function fileSettings(path: string): Promise<Setting[]> {
  const content = await readText(path);
  const { LineCounter, isMap, isScalar, isSeq, parseDocument } = await import('yaml');
  const lines = new LineCounter();
  // The failsafe schema leaves every scalar the text that stands there: no is not false and 1_000 is not 1000.
  const document = parseDocument(content, { lineCounter: lines, prettyErrors: false, schema: 'failsafe' });
  const at = (offset: number): string => `${path}:${lines.linePos(offset).line}`;
  const malformed = (reason: string): OpError => new OpError('CONFIG_FILE_MALFORMED', { path, reason });
  const [problem] = document.errors;
  if (problem !== undefined) {
    throw malformed(`line ${lines.linePos(problem.pos[0]).line}: ${problem.message.split('\n')[0] ?? problem.code}`);
  }
  const root = document.contents;
  if (root === null || (isScalar(root) && root.value === '')) return [];
  if (!isMap(root)) throw malformed('it holds no mapping of keys to values');
  return root.items.map(({ key, value }) => {
    if (!isScalar(key)) throw malformed('a key is not a word');
    const name = String(key.value);
    const source = at(key.range[0]);
    const wrong = (): OpError =>
      new OpError('CONFIG_VALUE_WRONG', { key: name, source, reason: 'it is neither a value nor a list of values' });
    if (value === null || isScalar(value))
      return { key: name, text: value === null ? '' : scalarText(value.value), source };
    if (!isSeq(value)) throw wrong();
    const items = value.items.map((item) => {
      if (!isScalar(item)) throw wrong();
      return scalarText(item.value);
    });
    return { key: name, text: items.join(','), source };
  });
}

function scalarText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

async function readText(path: string): Promise<string> {
  const unreadable = (reason: string, cause: unknown): OpError =>
    new OpError('CONFIG_FILE_UNREADABLE', { path, reason }, { cause });
  let content: Buffer;
  try {
    content = await readFile(path);
  } catch (error) {
    throw unreadable(readReason(error), error);
  }
  if (content.length > fileLimitBytes) throw unreadable(`it is larger than ${formatBytes(fileLimitBytes)}`, null);
  if (!isUtf8(content)) throw unreadable('it is not UTF-8 text', null);
  return content.toString('utf8');
}

function readReason(error: unknown): string {
  switch (systemErrorCode(error)) {
    case 'ENOENT':
      return 'there is no such file';
    case 'EACCES':
      return 'permission denied';
    case 'EISDIR':
      return 'it is a directory';
    default:
      return messageOf(error);
  }
}
