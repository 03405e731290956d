// The one place where our errors become gRPC statuses and come back. An OpError travels as the status of its kind, its one
// line as the message (Kubernetes shows that in Events), and its code and details in a trailer, from which the other end
// makes the same OpError again.
import { Metadata, status as grpcStatus } from '@grpc/grpc-js';
import { errorTable, OpError, type ErrorCode, type ErrorKind } from '@holdfast/base';

export type StatusName = keyof typeof grpcStatus;

const statusOfKind = {
  invalid: 'INVALID_ARGUMENT',
  'out-of-range': 'OUT_OF_RANGE',
  'not-found': 'NOT_FOUND',
  exists: 'ALREADY_EXISTS',
  precondition: 'FAILED_PRECONDITION',
  aborted: 'ABORTED',
  exhausted: 'RESOURCE_EXHAUSTED',
  unavailable: 'UNAVAILABLE',
  timeout: 'DEADLINE_EXCEEDED',
  cancelled: 'CANCELLED',
  unauthenticated: 'UNAUTHENTICATED',
  denied: 'PERMISSION_DENIED',
  unsupported: 'UNIMPLEMENTED',
  'data-loss': 'DATA_LOSS',
  internal: 'INTERNAL',
} as const satisfies Record<ErrorKind, keyof typeof grpcStatus>;

/** What stands in for an error whose code this release does not know, or that never was one of ours. */
const foreignCodes = {
  INVALID_ARGUMENT: 'REMOTE_INVALID',
  OUT_OF_RANGE: 'REMOTE_OUT_OF_RANGE',
  NOT_FOUND: 'REMOTE_NOT_FOUND',
  ALREADY_EXISTS: 'REMOTE_EXISTS',
  FAILED_PRECONDITION: 'REMOTE_PRECONDITION',
  ABORTED: 'REMOTE_ABORTED',
  RESOURCE_EXHAUSTED: 'REMOTE_EXHAUSTED',
  UNAUTHENTICATED: 'REMOTE_UNAUTHENTICATED',
  PERMISSION_DENIED: 'REMOTE_DENIED',
  UNIMPLEMENTED: 'REMOTE_UNSUPPORTED',
  DATA_LOSS: 'REMOTE_DATA_LOSS',
} as const;

export const errorTrailer = 'holdfast-error-bin';

export interface CallStatus {
  readonly code: grpcStatus;
  readonly details: string;
  readonly metadata: Metadata;
}

export function statusNameOf(error: OpError | null): StatusName {
  return error === null ? 'OK' : statusOfKind[error.kind];
}

/** What leaves the process for `error`. A defect's inside stays inside: the log has it, under the same request id. */
export function errorToStatus(error: OpError, requestId: string): CallStatus {
  const told = error.code === 'INTERNAL' ? new OpError('INTERNAL', { reason: `request ${requestId}` }) : error;
  const metadata = new Metadata();
  metadata.set(errorTrailer, Buffer.from(JSON.stringify({ code: told.code, details: told.details })));
  return { code: grpcStatus[statusOfKind[told.kind]], details: told.line, metadata };
}

/** What the client knows of the call that failed. */
export interface FailedCall {
  /** `service/method`. */
  readonly method: string;
  readonly address: string;
  readonly limitBytes: number;
}

/** A status as it came: its code may be one that nobody knows. */
type ReceivedStatus = Omit<CallStatus, 'code'> & { readonly code: number };

/** The OpError that a status which is not OK stands for. */
export function errorOfStatus(status: ReceivedStatus, call: FailedCall): OpError {
  const ours = readTrailer(status.metadata);
  if (ours !== null) return ours;
  const { method, address } = call;
  const message = oneLine(status.details);
  const name = grpcStatus[status.code] as StatusName | undefined;
  switch (name) {
    case 'CANCELLED':
      return new OpError('CALL_CANCELLED', { method, reason: message });
    case 'DEADLINE_EXCEEDED':
      return new OpError('DEADLINE_EXCEEDED', { method });
    case 'UNAVAILABLE':
      return new OpError('SERVER_UNREACHABLE', { address, reason: causeOf(message) });
    case 'RESOURCE_EXHAUSTED':
      // Said by grpc-js on either side as soon as it reads the length; our own limits come with the trailer.
      if (/larger than max|size larger than/i.test(message)) {
        return new OpError('MESSAGE_TOO_LARGE', { method, limit: call.limitBytes });
      }
      return new OpError('REMOTE_EXHAUSTED', { method, message });
    case 'OK':
    case 'UNKNOWN':
    case 'INTERNAL':
    case undefined:
      return new OpError('REMOTE_INTERNAL', { method, message });
    default:
      return new OpError(foreignCodes[name], { method, message });
  }
}

function readTrailer(metadata: Metadata): OpError | null {
  const [raw] = metadata.get(errorTrailer);
  if (!Buffer.isBuffer(raw)) return null;
  let parsed: unknown;
  try {
    parsed = JSON.parse(raw.toString('utf8'));
  } catch {
    // Not ours after all, or damaged: the status itself still says the kind.
    return null;
  }
  const { code, details } = Object(parsed) as { readonly code?: unknown; readonly details?: unknown };
  if (typeof code !== 'string' || !isErrorCode(code) || typeof details !== 'object' || details === null) return null;
  const texts = Object.entries(details).map(([key, value]) => [key, oneLine(String(value))]);
  // The code's own details, unless the peer's release words the row differently; then a placeholder stays visible.
  return new OpError(code, Object.fromEntries(texts) as never);
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorTable, code);
}

/** Another program's words, fit for one line of ours. */
function oneLine(text: string): string {
  return text
    .replaceAll(/\s+/g, ' ')
    .replace(/[.\s]+$/, '')
    .slice(0, foreignTextLimitChars);
}

/** Of what grpc-js tells around the cause: "No connection established. Last error: Error: connect … Resolution note:". */
function causeOf(message: string): string {
  return /^No connection established\. Last error: (?:Error: )?(.+?)\.? Resolution note:/.exec(message)?.[1] ?? message;
}

const foreignTextLimitChars = 1000;
