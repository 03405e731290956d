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

/** From 16 µs to 4 s, the bounds that the log counts by, every second of them. */
const logSeconds = [1.5625e-5, 6.25e-5, 2.5e-4, 0.001, 0.004, 0.016, 0.064, 0.256, 1.024, 4.096] as const;

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

  // the write-ahead log
  holdfast_raft_log_batches_total: {
    kind: 'counter',
    unit: 'batches',
    labels: [],
    help: 'Batches written since the log was opened; each is one write and one fdatasync.',
  },
  holdfast_raft_log_operations_total: {
    kind: 'counter',
    unit: 'operations',
    labels: [],
    help: 'Calls that batches made durable.',
  },
  holdfast_raft_log_written_bytes_total: {
    kind: 'counter',
    unit: 'bytes',
    labels: [],
    help: 'Bytes of the batches written, with what fills up their last blocks.',
  },
  holdfast_raft_log_batch_operations: {
    kind: 'histogram',
    unit: 'operations',
    labels: [],
    buckets: [1, 4, 16, 64, 256, 1024, 4096],
    help: 'Calls that one batch made durable.',
  },
  holdfast_raft_log_batch_bytes: {
    kind: 'histogram',
    unit: 'bytes',
    labels: [],
    buckets: [512, 2048, 8192, 32768, 131072, 524288, 2097152, 8388608],
    help: 'Sizes of batches.',
  },
  holdfast_raft_log_queue_seconds: {
    kind: 'histogram',
    unit: 'seconds',
    labels: [],
    buckets: logSeconds,
    help: 'How long a call waited until the write of its batch began.',
  },
  holdfast_raft_log_write_seconds: {
    kind: 'histogram',
    unit: 'seconds',
    labels: [],
    buckets: logSeconds,
    help: 'How long the write of a batch took, without its fdatasync.',
  },
  holdfast_raft_log_sync_seconds: {
    kind: 'histogram',
    unit: 'seconds',
    labels: [],
    buckets: logSeconds,
    help: 'How long the fdatasync of a batch took; it is what the disk promises.',
  },
  holdfast_raft_log_call_seconds: {
    kind: 'histogram',
    unit: 'seconds',
    labels: [],
    buckets: logSeconds,
    help: 'How long a call took until it was durable and answered.',
  },
  holdfast_raft_log_groups: {
    kind: 'gauge',
    unit: 'groups',
    labels: [],
    help: 'Raft groups in the log.',
  },
  holdfast_raft_log_chunks: {
    kind: 'gauge',
    unit: 'chunks',
    labels: [],
    help: 'Files that hold the log, the active one among them.',
  },
  holdfast_raft_log_prepared_files: {
    kind: 'gauge',
    unit: 'files',
    labels: ['file'],
    help: 'Files made ahead, by file spare (the next chunk) and reserve (given up when the disk is full).',
  },
  holdfast_raft_log_cache_bytes: {
    kind: 'gauge',
    unit: 'bytes',
    labels: [],
    help: 'Batches that are kept in memory for readers.',
  },
  holdfast_raft_log_refusing_entries: {
    kind: 'gauge',
    unit: 'logs',
    labels: [],
    help: 'Whether the log takes no entries because its disk is full: 1, else 0.',
  },
  holdfast_raft_log_faulty_slots: {
    kind: 'gauge',
    unit: 'slots',
    labels: [],
    help: 'Entries that are damaged or lost and wait for a peer to supply them.',
  },
  holdfast_raft_log_scrubbed_chunks_total: {
    kind: 'counter',
    unit: 'chunks',
    labels: [],
    help: 'Sealed chunks that were read again as a whole.',
  },
  holdfast_raft_log_scrubbed_bytes_total: {
    kind: 'counter',
    unit: 'bytes',
    labels: [],
    help: 'Bytes of them.',
  },
  holdfast_raft_log_scrub_damages_total: {
    kind: 'counter',
    unit: 'damages',
    labels: [],
    help: 'Places that did not verify when they were read again.',
  },

  // the replicated group
  holdfast_raft_leading: {
    kind: 'gauge',
    unit: 'members',
    labels: [],
    help: 'Whether this member leads: 1, else 0.',
  },
  holdfast_raft_leader_known: {
    kind: 'gauge',
    unit: 'leaders',
    labels: [],
    help: 'Whether this member knows of a leader: 1, else 0.',
  },
  holdfast_raft_term: {
    kind: 'gauge',
    unit: 'terms',
    labels: [],
    help: 'The term that this member is in.',
  },
  holdfast_raft_index: {
    kind: 'gauge',
    unit: 'entries',
    labels: ['of'],
    help: 'The last entry that is known to be committed, that was applied here, that the newest snapshot has.',
  },
  holdfast_raft_behind_entries: {
    kind: 'gauge',
    unit: 'entries',
    labels: ['peer'],
    help: 'Entries that this member leads with and does not know the peer to have; only a leader tells.',
  },
  holdfast_raft_version: {
    kind: 'gauge',
    unit: 'versions',
    labels: ['of'],
    help: 'The cluster version that is in force, and the highest one that is known to this program.',
  },
  holdfast_raft_waiting_calls: {
    kind: 'gauge',
    unit: 'calls',
    labels: ['kind'],
    help: 'Proposals and reads that wait for their answer.',
  },
  holdfast_raft_peer_connections: {
    kind: 'gauge',
    unit: 'connections',
    labels: ['peer'],
    help: 'Connections of the two to this peer that it answers on.',
  },

  // the metadata, as this server has applied it
  holdfast_pool_extents: {
    kind: 'gauge',
    unit: 'extents',
    labels: ['pool', 'of'],
    help: 'Extents of a pool: in total, free, leased by writers, mapped, in quarantine, and promised to volumes.',
  },
  holdfast_pool_open: {
    kind: 'gauge',
    unit: 'pools',
    labels: ['pool'],
    help: 'Whether the pool gives grants and extents in this cluster generation: 1, else 0.',
  },
  holdfast_metadata_items: {
    kind: 'gauge',
    unit: 'items',
    labels: ['of'],
    help: 'Volumes, snapshots, nodes and sessions that live.',
  },
  holdfast_sessions_uncertified: {
    kind: 'gauge',
    unit: 'sessions',
    labels: ['pool'],
    help: 'Sessions that have ended and whose certificate is waited for in the pool: what they hold is given to nobody.',
  },
  holdfast_storm_guard: {
    kind: 'gauge',
    unit: 'leaders',
    labels: [],
    help: 'Whether this server leads and fences nobody because so many sessions have stopped at once: 1, else 0.',
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
