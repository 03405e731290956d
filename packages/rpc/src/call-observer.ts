// What is told of every call on either side: one log line, and its metrics. The series of a method are looked up once,
// because a call makes six observations.
import type { Clock, OpError } from '@holdfast/base';
import type { CounterSeries, HistogramSeries, Log, LogLevel, Metrics } from '@holdfast/telemetry';
import type { MethodFacts } from './codec-method.ts';
import { statusNameOf } from './error-status.ts';

export type Side = 'client' | 'server';

/** A call that is under way, as its observer sees it. */
export interface ObservedCall {
  readonly facts: MethodFacts;
  readonly meters: MethodMeters | null;
  readonly startMs: number;
  sentMessages: number;
  sentBytes: number;
  receivedMessages: number;
  receivedBytes: number;
}

export class CallObserver {
  readonly #side: Side;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #meters: Meters | null;
  readonly #logs = new Map<string, Log>();

  constructor(side: Side, parts: { readonly log: Log; readonly metrics: Metrics | null; readonly clock: Clock }) {
    this.#side = side;
    this.#log = parts.log;
    this.#clock = parts.clock;
    this.#meters = parts.metrics === null ? null : new Meters(side, parts.metrics);
  }

  started(facts: MethodFacts): ObservedCall {
    const meters = this.#meters?.of(facts) ?? null;
    if (meters !== null) meters.inFlight += 1;
    const startMs = this.#clock.monotonicMs();
    return { facts, meters, startMs, sentMessages: 0, sentBytes: 0, receivedMessages: 0, receivedBytes: 0 };
  }

  sent(call: ObservedCall, bytes: number): void {
    call.sentMessages += 1;
    call.sentBytes += bytes;
    call.meters?.sent.observe(bytes);
  }

  received(call: ObservedCall, bytes: number): void {
    call.receivedMessages += 1;
    call.receivedBytes += bytes;
    call.meters?.received.observe(bytes);
  }

  /** Instead of `ended`, of a call whose line is another's: all went well. */
  endedWell(call: ObservedCall): void {
    this.#count(call, statusNameOf(null), this.#clock.monotonicMs() - call.startMs);
  }

  /** Once per call. `peer` is whoever is at the other end, as the log names it. */
  ended(call: ObservedCall, peer: string, error: OpError | null): void {
    const durationMs = this.#clock.monotonicMs() - call.startMs;
    const status = statusNameOf(error);
    this.#count(call, status, durationMs);
    const level = levelOf(this.#side, error);
    if (!this.#log.isEnabled(level)) return;
    const fields = {
      peer,
      status,
      code: error?.code ?? null,
      duration_ms: Math.round(durationMs * 1000) / 1000,
      sent_bytes: call.sentBytes,
      received_bytes: call.receivedBytes,
    };
    this.#logOf(call.facts).write(level, 'call', error === null ? fields : { ...fields, error });
  }

  #count({ meters }: ObservedCall, status: string, durationMs: number): void {
    if (meters !== null) this.#meters?.ended(meters, status, durationMs);
  }

  /** With the fields that every line of a method has, written out once. */
  #logOf({ path, service, method }: MethodFacts): Log {
    let log = this.#logs.get(path);
    if (log === undefined) {
      log = this.#log.child({ side: this.#side, service, method });
      this.#logs.set(path, log);
    }
    return log;
  }
}

/** The server's line is the record of the call; the client's is for whoever looks for a fault. A defect is never quiet. */
function levelOf(side: Side, error: OpError | null): LogLevel {
  if (error?.kind === 'internal') return 'error';
  if (side === 'server') return 'info';
  return error === null ? 'debug' : 'info';
}

/** What is counted of one method on one side; all observers of a process that name it count together. */
interface MethodMeters {
  readonly labels: Labels;
  readonly sent: HistogramSeries;
  readonly received: HistogramSeries;
  readonly durations: HistogramSeries;
  /** By status. */
  readonly ended: Map<string, CounterSeries>;
  inFlight: number;
}
interface Labels {
  readonly side: Side;
  readonly service: string;
  readonly method: string;
}

class Meters {
  readonly #side: Side;
  readonly #methods = new Map<string, MethodMeters>();
  readonly #calls;
  readonly #durations;
  readonly #sizes;

  constructor(side: Side, metrics: Metrics) {
    this.#side = side;
    // Read at a scrape, not written twice a call.
    const inFlight = metrics.gauge('holdfast_rpc_in_flight_calls');
    metrics.onScrape(() => {
      for (const meters of this.#methods.values()) inFlight.set(meters.labels, meters.inFlight);
    });
    this.#calls = metrics.counter('holdfast_rpc_calls_total');
    this.#durations = metrics.histogram('holdfast_rpc_call_duration_seconds');
    this.#sizes = metrics.histogram('holdfast_rpc_message_size_bytes');
  }

  of(facts: MethodFacts): MethodMeters {
    const known = this.#methods.get(facts.path);
    if (known !== undefined) return known;
    const labels: Labels = { side: this.#side, service: facts.service, method: facts.method };
    const meters: MethodMeters = {
      labels,
      sent: this.#sizes.series({ ...labels, direction: 'sent' }),
      received: this.#sizes.series({ ...labels, direction: 'received' }),
      durations: this.#durations.series(labels),
      ended: new Map(),
      inFlight: 0,
    };
    this.#methods.set(facts.path, meters);
    return meters;
  }

  ended(meters: MethodMeters, status: string, durationMs: number): void {
    let ended = meters.ended.get(status);
    if (ended === undefined) {
      ended = this.#calls.series({ ...meters.labels, status });
      meters.ended.set(status, ended);
    }
    meters.inFlight -= 1;
    ended.add();
    meters.durations.observe(durationMs / 1000);
  }
}
