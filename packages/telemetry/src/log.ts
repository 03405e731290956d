// The log: one JSON line per event on stdout, always with the same first fields, so that a collector needs no rules. Relies on
// pino for the line, on the request context for the ids, on a LogSink for getting the lines out without blocking.
// pino is imported when the first log is made: the command line never pays for it.
import type { Clock } from '@holdfast/base';
import type { Level as PinoLevel, Logger as PinoLogger } from 'pino';
import { toJsonFields, type LogFields } from './log-value.ts';
import { currentRequest } from './request-context.ts';

export const logLevels = ['debug', 'info', 'warn', 'error'] as const satisfies readonly PinoLevel[];
export type LogLevel = (typeof logLevels)[number];

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  /** A failure goes in as the field `error`, whole: its row of the error table is what gets printed. */
  error(message: string, fields?: LogFields): void;
  /** For a call site whose level is a value. */
  write(level: LogLevel, message: string, fields?: LogFields): void;
  /** Ask before building costly fields. */
  isEnabled(level: LogLevel): boolean;
  /** A log whose every line also has `fields`. */
  child(fields: LogFields): Log;
}

export interface RootLog extends Log {
  readonly level: LogLevel;
  /** Takes effect at once, in every child too. */
  setLevel(level: LogLevel): void;
}

/** Where lines go; each call is one line with its newline. */
export interface LogSink {
  write(line: string): void;
  /** A sink that may drop lines says how many, when it takes lines again. */
  reportLoss?(callback: (lines: number) => void): void;
}

export interface LogOptions {
  /** The role that this process plays, as in `holdfast <role>`. */
  readonly role: string;
  /** The node that it runs on; null where there is none. */
  readonly node: string | null;
  readonly level: LogLevel;
  readonly clock: Clock;
  readonly sink: LogSink;
}

/** One for the root and all its children. pino's own level is copied into a child when it is made, so a change would miss it. */
interface Threshold {
  rank: number;
}

class PinoLog implements RootLog {
  readonly #pino: PinoLogger;
  readonly #threshold: Threshold;

  constructor(pino: PinoLogger, threshold: Threshold) {
    this.#pino = pino;
    this.#threshold = threshold;
  }

  get level(): LogLevel {
    return logLevels[this.#threshold.rank] ?? 'error';
  }

  setLevel(level: LogLevel): void {
    this.#threshold.rank = logLevels.indexOf(level);
  }

  isEnabled(level: LogLevel): boolean {
    return logLevels.indexOf(level) >= this.#threshold.rank;
  }

  write(level: LogLevel, message: string, fields?: LogFields): void {
    if (!this.isEnabled(level)) return;
    if (fields === undefined) this.#pino[level](message);
    else this.#pino[level](toJsonFields(fields), message);
  }

  debug(message: string, fields?: LogFields): void {
    this.write('debug', message, fields);
  }
  info(message: string, fields?: LogFields): void {
    this.write('info', message, fields);
  }
  warn(message: string, fields?: LogFields): void {
    this.write('warn', message, fields);
  }
  error(message: string, fields?: LogFields): void {
    this.write('error', message, fields);
  }

  child(fields: LogFields): Log {
    return new PinoLog(this.#pino.child(toJsonFields(fields)), this.#threshold);
  }
}

export async function createLog(options: LogOptions): Promise<RootLog> {
  // By the default export, which the bundle of the image keeps as well.
  const { default: pino } = await import('pino');
  const root = pino(
    {
      level: 'debug',
      base: { role: options.role, node: options.node },
      timestamp: () => `,"time":"${new Date(options.clock.wallMs()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      mixin: requestFields,
    },
    options.sink,
  );
  const log = new PinoLog(root, { rank: logLevels.indexOf(options.level) });
  options.sink.reportLoss?.((lines) => {
    log.warn('log lines dropped', { lines });
  });
  return log;
}

function requestFields(): Record<string, string | null> {
  const request = currentRequest();
  if (request === null) return { request_id: null, trace_id: null, span_id: null };
  return { request_id: request.requestId, trace_id: request.trace.traceId, span_id: request.trace.spanId };
}
