// The body of a request in the log: at level debug only, and without what the .proto files mark as secret.
import { Redactor, type Log, type LogValue } from '@holdfast/telemetry';
import type { MethodFacts } from './codec-method.ts';
import { secretFields } from './generated/secrets.ts';

const redactor = new Redactor(secretFields);

export function logRequestBody(log: Log, method: MethodFacts, body: unknown): void {
  if (!log.isEnabled('debug')) return;
  const redacted = redactor.redact(method.requestMessage, body) as LogValue;
  log.debug('request', { service: method.service, method: method.method, body: redacted });
}
