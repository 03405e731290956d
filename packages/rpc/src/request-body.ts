// The body of a request in the log: at level debug only, and without what the .proto files mark as secret.
import type { Log, LogValue } from '@holdfast/telemetry';
import type { MethodFacts } from './codec-method.ts';
import { secretFields } from './generated/secrets.ts';

const secretPlaceholder = '<secret>';

export function logRequestBody(log: Log, method: MethodFacts, body: unknown): void {
  if (!log.isEnabled('debug')) return;
  const paths = (secretFields[method.requestMessage] ?? []).map((path) => path.split('.'));
  const fields = { service: method.service, method: method.method, body: dropSecrets(body, paths) as LogValue };
  log.debug('request', fields);
}

/** A copy of `value` without what lies at `paths`: field names, `*` for every item of a list or a map. */
export function dropSecrets(value: unknown, paths: readonly (readonly string[])[]): unknown {
  // A secret is dropped whatever it is; anything else is looked into.
  if (paths.some((path) => path.length === 0)) return secretPlaceholder;
  if (paths.length === 0 || typeof value !== 'object' || value === null) return value;
  const inside = (key: string): string[][] =>
    paths.filter(([head]) => head === key || head === '*').map((path) => path.slice(1));
  const copied = Object.entries(value).map(([key, item]) => [key, dropSecrets(item, inside(key))] as const);
  return Array.isArray(value) ? copied.map(([, item]) => item) : Object.fromEntries(copied);
}
