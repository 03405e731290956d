// The W3C Trace Context header `traceparent`, version 00: which trace a call belongs to and which span called. Relies on
// Random for ids; the names (trace id, span id) are OpenTelemetry's, so a collector can join our logs to anybody's traces.
import type { Random } from '@holdfast/base';

export interface TraceContext {
  /** 32 hex digits, never all zeroes. */
  readonly traceId: string;
  /** 16 hex digits, never all zeroes: this process's part of the call. */
  readonly spanId: string;
  /** The span that called us; null where the trace began here. */
  readonly parentSpanId: string | null;
  /** The caller's decision whether the trace is recorded; we pass it on as it came. */
  readonly sampled: boolean;
}

const traceparentPattern = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const zeroTraceId = '0'.repeat(32);
const zeroSpanId = '0'.repeat(16);
/** A later version may append fields; beyond this length it is noise, and is not even matched. */
const traceparentLimitChars = 256;

/** The caller's side of the header, or null where it is absent or malformed: a bad header starts a fresh trace, as W3C asks. */
export function parseTraceparent(header: string | null): { traceId: string; spanId: string; sampled: boolean } | null {
  if (header === null || header.length > traceparentLimitChars) return null;
  const match = traceparentPattern.exec(header);
  if (match === null) return null;
  const [, version = '', traceId = '', spanId = '', flags = '', rest = ''] = match;
  if (version === 'ff' || (version === '00' && rest !== '')) return null;
  if (traceId === zeroTraceId || spanId === zeroSpanId) return null;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** The header for a call that we make: our span becomes the callee's parent. */
export function formatTraceparent(trace: Pick<TraceContext, 'traceId' | 'spanId' | 'sampled'>): string {
  return `00-${trace.traceId}-${trace.spanId}-${trace.sampled ? '01' : '00'}`;
}

/** Our span of the caller's trace, or the first span of a fresh trace. */
export function continueTrace(random: Random, traceparent: string | null): TraceContext {
  const caller = parseTraceparent(traceparent);
  const spanId = randomHex(random, 8);
  if (caller === null) return { traceId: randomHex(random, 16), spanId, parentSpanId: null, sampled: false };
  return { traceId: caller.traceId, spanId, parentSpanId: caller.spanId, sampled: caller.sampled };
}

function randomHex(random: Random, length: number): string {
  const bytes = random.bytes(length);
  if (bytes.every((byte) => byte === 0)) bytes[length - 1] = 1;
  return Buffer.from(bytes.buffer, bytes.byteOffset, length).toString('hex');
}
