// The public door of telemetry.
export { createLog, logLevels, type Log, type LogLevel, type LogOptions, type LogSink, type RootLog } from './log.ts';
export { describeError, type ErrorFields, type LogFields, type LogValue } from './log-value.ts';
export {
  currentRequest,
  openRequest,
  outgoingMetadata,
  requestIdKey,
  runInRequest,
  traceparentKey,
  type IncomingContext,
  type RequestContext,
} from './request-context.ts';
export { continueTrace, formatTraceparent, parseTraceparent, type TraceContext } from './trace-context.ts';
export { createMetrics, type Counter, type Gauge, type Histogram, type Metrics } from './metrics.ts';
export type { CounterSeries, HistogramSeries } from './series.ts';
export type { HistogramTotals } from './stated-histogram.ts';
export { metricsTable, type LabelsOf, type MetricName, type MetricRow, type NameOfKind } from './metrics-table.ts';
export { labelValuesLimit, otherLabelValue } from './label-limit.ts';
export { isSecretKey, Redactor, secretPlaceholder, type SecretFields } from './redaction.ts';
export { HealthChecks, type CheckResult, type HealthCheck } from './health-checks.ts';
export { HealthServer, type HealthServerOptions } from './health-server.ts';
export { measureProcess, type ProcessFacts } from './process-metrics.ts';
export { StdoutSink, type StdoutSinkOptions } from './stdout-sink.ts';
