// What is told of every call on either side: one log line, and its metrics. The label objects of a method are made once,
// because a call makes six observations.
import type { Clock, OpError } from '@holdfast/base';
import type { Log, LogLevel, Metrics } from '@holdfast/telemetry';
import type { MethodFacts } from './codec-method.ts';
import { statusNameOf } from './error-status.ts';

export type Side = 'client' | 'server';

/** A call that is under way, as its observer sees it. */
export interface ObservedCall {
  readonly facts: MethodFacts;
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
    this.#meters?.started(facts);
    const startMs = this.#clock.monotonicMs();
    return { facts, startMs, sentMessages: 0, sentBytes: 0, receivedMessages: 0, receivedBytes: 0 };
  }

  sent(call: ObservedCall, bytes: number): void {
    call.sentMessages += 1;
    call.sentBytes += bytes;
    this.#meters?.message(call.facts, 'sent', bytes);
  }

  received(call: ObservedCall, bytes: number): void {
    call.receivedMessages += 1;
    call.receivedBytes += bytes;
    this.#meters?.message(call.facts, 'received', bytes);
  }

  /** Instead of `ended`, of a call whose line is another's: all went well. */
  endedWell(call: ObservedCall): void {
    this.#meters?.ended(call.facts, statusNameOf(null), this.#clock.monotonicMs() - call.startMs);
  }

  /** Once per call. `peer` is whoever is at the other end, as the log names it. */
  ended(call: ObservedCall, peer: string, error: OpError | null): void {
    const durationMs = this.#clock.monotonicMs() - call.startMs;
    const status = statusNameOf(error);
    this.#meters?.ended(call.facts, status, durationMs);
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

type Direction = 'sent' | 'received';
interface MethodLabels {
  readonly method: Labels;
  readonly sent: Labels & { readonly direction: Direction };
  readonly received: Labels & { readonly direction: Direction };
  readonly ended: Map<string, Labels & { readonly status: string }>;
  inFlight: number;
}
interface Labels {
  readonly side: Side;
  readonly service: string;
  readonly method: string;
}

class Meters {
  readonly #side: Side;
  readonly #labels = new Map<string, MethodLabels>();
  readonly #calls;
  readonly #durations;
  readonly #sizes;

  constructor(side: Side, metrics: Metrics) {
    this.#side = side;
    // Read at a scrape, not written twice a call.
    const inFlight = metrics.gauge('holdfast_rpc_in_flight_calls');
    metrics.onScrape(() => {
      for (const labels of this.#labels.values()) inFlight.set(labels.method, labels.inFlight);
    });
    this.#calls = metrics.counter('holdfast_rpc_calls_total');
    this.#durations = metrics.histogram('holdfast_rpc_call_duration_seconds');
    this.#sizes = metrics.histogram('holdfast_rpc_message_size_bytes');
  }

  started(facts: MethodFacts): void {
    this.#labelsOf(facts).inFlight += 1;
  }

  message(facts: MethodFacts, direction: Direction, bytes: number): void {
    this.#sizes.observe(this.#labelsOf(facts)[direction], bytes);
  }

  ended(facts: MethodFacts, status: string, durationMs: number): void {
    const labels = this.#labelsOf(facts);
    let ended = labels.ended.get(status);
    if (ended === undefined) {
      ended = { ...labels.method, status };
      labels.ended.set(status, ended);
    }
    labels.inFlight -= 1;
    this.#calls.add(ended);
    this.#durations.observe(labels.method, durationMs / 1000);
  }

  #labelsOf(facts: MethodFacts): MethodLabels {
    const known = this.#labels.get(facts.path);
    if (known !== undefined) return known;
    const method: Labels = { side: this.#side, service: facts.service, method: facts.method };
    const labels: MethodLabels = {
      method,
      sent: { ...method, direction: 'sent' },
      received: { ...method, direction: 'received' },
      ended: new Map(),
      inFlight: 0,
    };
    this.#labels.set(facts.path, labels);
    return labels;
  }
}
