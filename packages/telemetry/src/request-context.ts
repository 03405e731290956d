// The request id and the trace that follow a call: through async code by AsyncLocalStorage, over process borders by two
// metadata keys. The one storage of the process lives here, because a log line must find the request without being handed it.
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Random } from '@holdfast/base';
import { continueTrace, formatTraceparent, type TraceContext } from './trace-context.ts';

export const requestIdKey = 'x-request-id';
export const traceparentKey = 'traceparent';

export interface RequestContext {
  readonly requestId: string;
  readonly trace: TraceContext;
}

/** What a caller sent; null for a key that was absent. */
export interface IncomingContext {
  readonly requestId: string | null;
  readonly traceparent: string | null;
}

/** Another process's id is printed in our logs, so it is taken over only if it is short and plain. */
const requestIdPattern = /^[A-Za-z0-9._:/-]{1,128}$/;

const storage = new AsyncLocalStorage<RequestContext>();

/** The request that the running code works for, or null outside of any. */
export function currentRequest(): RequestContext | null {
  return storage.getStore() ?? null;
}

/** Runs `work`, and everything that it awaits or starts, for `request`. */
export function runInRequest<Result>(request: RequestContext, work: () => Result): Result {
  return storage.run(request, work);
}

/** Takes a caller's ids over, or makes fresh ones; our span is always fresh. */
export function openRequest(random: Random, incoming: IncomingContext | null = null): RequestContext {
  const given = incoming?.requestId ?? null;
  const requestId = given !== null && requestIdPattern.test(given) ? given : random.uuid();
  return { requestId, trace: continueTrace(random, incoming?.traceparent ?? null) };
}

/** The metadata of a call that is made for `request`. */
export function outgoingMetadata(request: RequestContext): Record<typeof requestIdKey | typeof traceparentKey, string> {
  return { [requestIdKey]: request.requestId, [traceparentKey]: formatTraceparent(request.trace) };
}
