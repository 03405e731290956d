// The metrics table: one row for every metric that any part of Holdfast exposes. The typed handles, the docs page and the
// test that scrapes are derived from the row. Names: `holdfast_` first, then the area, the unit last, `_total` after it for a
// counter. Base units only (seconds, bytes), as Prometheus asks.

interface CommonRow {
  /** What one step of the value is; it is the name's suffix where Prometheus has one for it. */
  readonly unit: string;
  readonly labels: readonly string[];
  /** One line for the person who sees the name on a dashboard. */
  readonly help: string;
}

export type MetricRow =
  | (CommonRow & { readonly kind: 'counter' | 'gauge' })
  | (CommonRow & { readonly kind: 'histogram'; readonly buckets: readonly number[] });

export const metricsTable = {
  // the process
  holdfast_build_info: {
    kind: 'gauge',
    unit: 'info',
    labels: ['version', 'commit', 'role'],
    help: 'Always 1; the labels say which build runs in which role.',
  },
  holdfast_process_cpu_seconds_total: {
    kind: 'counter',
    unit: 'seconds',
    labels: ['mode'],
    help: 'CPU time used by this process, by mode user and system.',
  },
  holdfast_process_resident_memory_bytes: {
    kind: 'gauge',
    unit: 'bytes',
    labels: [],
    help: 'Memory of this process that is in RAM.',
  },
  holdfast_process_heap_bytes: {
    kind: 'gauge',
    unit: 'bytes',
    labels: ['state'],
    help: 'The JavaScript heap, by state used and reserved, and the buffers outside of it as state external.',
  },
  holdfast_process_open_fds: {
    kind: 'gauge',
    unit: 'descriptors',
    labels: [],
    help: 'File descriptors that this process holds open.',
  },
  holdfast_process_start_time_seconds: {
    kind: 'gauge',
    unit: 'seconds',
    labels: [],
    help: 'When this process started, in seconds since 1970.',
  },
  holdfast_event_loop_lag_seconds: {
    kind: 'gauge',
    unit: 'seconds',
    labels: ['stat'],
    help: 'How late the event loop ran its timers since the previous scrape, as stat p50, p99 and max.',
  },
  holdfast_gc_pause_seconds: {
    kind: 'histogram',
    unit: 'seconds',
    labels: ['kind'],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1],
    help: 'Pauses of the garbage collector, by kind minor, major, incremental and weak.',
  },

  // telemetry about itself
  holdfast_log_dropped_lines_total: {
    kind: 'counter',
    unit: 'lines',
    labels: [],
    help: 'Log lines thrown away because the reader of stdout did not keep up.',
  },
  holdfast_metric_overflowed_labels_total: {
    kind: 'counter',
    unit: 'labels',
    labels: ['metric', 'label'],
    help: 'Label values counted as other because the label holds its limit of distinct values.',
  },

  // queues
  holdfast_queue_depth_items: {
    kind: 'gauge',
    unit: 'items',
    labels: ['queue'],
    help: 'Items waiting in a bounded queue.',
  },
  holdfast_queue_limit_items: {
    kind: 'gauge',
    unit: 'items',
    labels: ['queue'],
    help: 'The most items that a bounded queue takes.',
  },

  // calls between processes
  holdfast_rpc_calls_total: {
    kind: 'counter',
    unit: 'calls',
    labels: ['side', 'service', 'method', 'status'],
    help: 'Calls that ended, by side client and server, and by gRPC status name.',
  },
  holdfast_rpc_call_duration_seconds: {
    kind: 'histogram',
    unit: 'seconds',
    labels: ['side', 'service', 'method'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    help: 'How long a call took from its start to its status.',
  },
  holdfast_rpc_in_flight_calls: {
    kind: 'gauge',
    unit: 'calls',
    labels: ['side', 'service', 'method'],
    help: 'Calls that have started and not ended.',
  },
  holdfast_rpc_message_size_bytes: {
    kind: 'histogram',
    unit: 'bytes',
    labels: ['side', 'direction', 'service', 'method'],
    buckets: [64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216],
    help: 'Encoded messages, by direction sent and received.',
  },

  // certificates
  holdfast_certificate_expiry_seconds: {
    kind: 'gauge',
    unit: 'seconds',
    labels: ['certificate'],
    help: 'When a certificate that this process uses ends, in seconds since 1970.',
  },

  // the CSI services
  holdfast_csi_registrations_total: {
    kind: 'counter',
    unit: 'registrations',
    labels: ['outcome'],
    help: 'What the kubelet said of the registration of the node service, by outcome registered and refused.',
  },
} as const satisfies Record<`holdfast_${string}`, MetricRow>;

export type MetricsTable = typeof metricsTable;
export type MetricName = keyof MetricsTable;
export type MetricKind = MetricRow['kind'];

export type NameOfKind<Kind extends MetricKind> = {
  [Name in MetricName]: MetricsTable[Name]['kind'] extends Kind ? Name : never;
}[MetricName];

/** Exactly the labels of a metric's row; one too many or too few does not compile. */
export type LabelsOf<Name extends MetricName> = MetricsTable[Name]['labels'] extends readonly []
  ? Readonly<Record<string, never>>
  : Readonly<Record<MetricsTable[Name]['labels'][number], string>>;
