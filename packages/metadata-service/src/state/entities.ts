// The words of the state, and its rows as SQLite gives them. Flags are 0 and 1 there. A leaf.

export const fencings = ['reservation', 'lease', 'manual'] as const;
export const tiers = ['kernel', 'watchdog', 'best-effort'] as const;
/** `role`: read-write of a raw block volume in MULTI_NODE mode, held by one node at a time (F8). */
export const grantModes = ['write', 'read', 'role'] as const;
/** Places are never given twice: F5's table in its order. */
export const certificateKinds = [
  ...(['released', 'revoked', 'preempted', 'expired'] as const),
  ...(['rebooted', 'powered-off', 'override'] as const),
];
export const endReasons = ['expired', 'fenced', 'powered-off', 'override'] as const;
export const intentKinds = ['share', 'unmap'] as const;

export type Fencing = (typeof fencings)[number];
export type Tier = (typeof tiers)[number];
export type GrantMode = (typeof grantModes)[number];
export type CertificateKind = (typeof certificateKinds)[number];
/** Besides what a command may say: a node that registers again, or the cluster's next generation. */
export type EndReason = (typeof endReasons)[number] | 'registered-again' | 'rebooted' | 'generation';
export type IntentKind = (typeof intentKinds)[number];

export interface ClusterRow {
  schema: number;
  version: number;
  generation: number;
  applied: number;
  /** Of every answer so far: members whose answers differ differ here. */
  digest: number;
  /** Numbers that were given out, and rows that are there. */
  lineages: number;
  devices: number;
  nodes: number;
  volumes: number;
  snapshots: number;
  clients: number;
  members: number;
  certificates: number;
  changes: number;
  /** Changes up to this revision are forgotten. */
  compacted: number;
}

export interface PoolRow {
  readonly name: string;
  readonly fencing: Fencing;
  readonly tier: Tier;
  readonly is_best_effort: number;
  /** What the pool states of its devices; null where the sessions' own bound counts. */
  readonly drain_bound_ms: number | null;
  readonly fences_per_hour: number;
  /** Percent of `total` that volumes may be promised together; 0 for as much as they like. */
  readonly oversubscription: number;
  readonly extent_bytes: number;
  /** The cluster generation in which grants and allocations may be given (F11). */
  readonly open_generation: number;
  readonly proof: 'preempted' | 'stated' | null;
  /** total = free + leased + mapped + quarantined, always. */
  readonly total: number;
  readonly free: number;
  readonly leased: number;
  readonly mapped: number;
  readonly quarantined: number;
  readonly provisioned: number;
}

export interface DeviceRow {
  readonly number: number;
  readonly id: string;
  readonly pool: string;
  readonly extents: number;
  readonly free: number;
}

/** Contiguous extents of a device. */
export interface Extents {
  readonly device: number;
  readonly start: number;
  readonly length: number;
}

export interface LeaseRow extends Extents {
  readonly pool: string;
  readonly session: string;
  readonly volume: string;
  readonly epoch: number;
}

/** What a volume and its snapshots have written: it outlives the volume while a snapshot or a clone needs it. */
export interface LineageRow {
  readonly number: number;
  readonly pool: string;
  /** The snapshot generation: the birth of what is converted from here on. */
  readonly generation: number;
  /** A clone reads through to its origin as it was at this generation. */
  readonly origin: number | null;
  readonly origin_generation: number | null;
  readonly depth: number;
  /** Extents that its runs name, living and dead. */
  readonly owned: number;
  readonly is_volume: number;
}

export interface VolumeRow {
  readonly id: string;
  readonly name: string;
  readonly lineage: number;
  readonly tenant: string;
  readonly pool: string;
  readonly extents: number;
  readonly is_shared: number;
  readonly attributes: string;
  /** Set by a modification only, so that who makes the volume again by its name finds it the same. */
  readonly mutable_attributes: string;
  readonly epoch: number;
  readonly epoch_generation: number;
  /**
   * Grows with every intent, and with nothing else: an engine that learnt a later revision otherwise than by the intent that raised it
   * would admit writes above a cut that it never made (F9).
   */
  readonly revision: number;
  /** Of the last narrowing that was committed. */
  readonly narrowed: number;
  /** Counts what changed the map; with the epoch it says which of two copies of a map is the later one (F11). */
  readonly changes: number;
  readonly is_disputed: number;
}

export interface SnapshotRow {
  readonly id: string;
  /** Null once it is deleted, while clones need it. */
  readonly name: string | null;
  readonly volume: string;
  readonly lineage: number;
  readonly generation: number;
  readonly extents: number;
  readonly clones: number;
  readonly is_hidden: number;
  readonly created_ms: number;
  /** Null of one that was cut alone, or is hidden. */
  readonly group_id: string | null;
}

/** Snapshots of several volumes, cut at one instant; it goes with its last one. */
export interface SnapshotGroupRow {
  readonly id: string;
  readonly name: string;
  readonly created_ms: number;
}

/** A run of a map, in sight from generation `birth` until before `death`. Device 0: a clone's hole, which hides its origin. */
export interface RunRow {
  readonly lineage: number;
  readonly death: number;
  readonly logical: number;
  readonly length: number;
  readonly device: number;
  readonly physical: number;
  readonly birth: number;
}

export interface NodeRow {
  readonly name: string;
  readonly number: number;
  /** The enrolled key and the machine's identity. */
  readonly machine: string;
  readonly incarnation: number;
  /** Of the last agent that registered or took a session up: it grows for as long as the node is known (F4). */
  readonly agent: number;
  readonly session: string;
  /** Who said that the machine is off, and of which incarnation. */
  readonly off_by: string | null;
  readonly off_incarnation: number | null;
  /** The revision of the certificate that our taint carries (F12). */
  readonly taint: number | null;
}

export interface SessionRow {
  readonly id: string;
  readonly node: string;
  readonly generation: number;
  readonly incarnation: number;
  readonly boot: string;
  readonly secret_hash: Uint8Array;
  readonly ttl_ms: number;
  readonly drain_bound_ms: number;
  readonly agent: number;
  readonly ended: EndReason | null;
}

/** A session in a pool in which it ever had a grant. */
export interface SessionPoolRow {
  readonly session: string;
  readonly pool: string;
  /** When the session ended. */
  readonly ended_revision: number | null;
  /** The revision of the certificate of the whole session in this pool. */
  readonly certificate: number | null;
  /** Nothing of the session can reach the pool any more, neither to write nor to read. */
  readonly is_silent: number;
}

export interface GrantRow {
  readonly volume: string;
  readonly epoch: number;
  readonly session: string;
  readonly node: string;
  readonly pool: string;
  readonly mode: GrantMode;
}

export interface AttachmentRow {
  readonly volume: string;
  readonly node: string;
  readonly mode: GrantMode;
  readonly is_undoing: number;
}

export interface CertificateRow {
  readonly revision: number;
  readonly number: number;
  readonly generation: number;
  readonly kind: CertificateKind;
  readonly session: string;
  readonly pool: string;
  /** Null for one of a whole session. */
  readonly volume: string | null;
  readonly epoch: number | null;
  readonly stated_by: string;
}

/** Work that is done in bounded steps. */
export interface ReclaimRow {
  readonly number: number;
  /** `dead`: runs that only a deleted snapshot saw. `volume`: what a deleted volume maps. `leases`: of a silent session. */
  readonly kind: 'dead' | 'volume' | 'leases';
  readonly lineage: number;
  readonly session: string;
  readonly pool: string;
  /** Of `dead`: runs with a birth above this, and with a death above the cursor's up to `died_to`. */
  readonly born_after: number;
  readonly died_to: number;
  /** Where the next step begins: behind this run. */
  readonly death: number;
  readonly logical: number;
}

export interface IntentRow {
  readonly volume: string;
  readonly id: string;
  readonly kind: IntentKind;
  readonly revision: number;
  /** A share's snapshot. */
  readonly snapshot: string | null;
  readonly name: string | null;
  /** The logical extents from which an unmap takes away. */
  readonly start: number;
  readonly stop: number;
  /** Of a cut over several volumes, whose intents are of one id, and end together. */
  readonly group_id: string | null;
  /** The number by which the leader that proposed the cut knows it, where writers hold their writes for it (adr/0020); else 0. */
  readonly cut: number;
}

/** The last unmap of a volume that was committed or withdrawn. */
export interface EndedUnmapRow {
  readonly volume: string;
  readonly id: string;
  readonly revision: number;
  readonly is_committed: number;
}

/** A metadata server. */
export interface MemberRow {
  /** Its number in raft, never given twice. */
  readonly number: number;
  /** The name that its certificate carries. */
  readonly name: string;
  readonly peer_address: string;
  readonly api_address: string;
}

/** Who may join, once, with the token of this hash. */
export interface InvitationRow {
  readonly name: string;
  readonly token_hash: Uint8Array;
  readonly ends_ms: number;
}

/** Readers do not conflict with readers. */
export function conflicts(left: GrantMode, right: GrantMode): boolean {
  return left !== 'read' || right !== 'read';
}
