// What the metadata service knows, as plain data: the same at equal log indices, written to a snapshot as JSON. Field by field
// it is what docs call the contract of fencing; `machine.ts` changes it, and nobody else.
//
// Names: a session is `generation.node.incarnation`, and its reservation key is the same text.

export type Fencing = 'reservation' | 'lease' | 'manual';
export type Tier = 'kernel' | 'watchdog' | 'best-effort';
export type GrantMode = 'write' | 'read' | 'role';
export type CertificateKind =
  'released' | 'revoked' | 'preempted' | 'expired' | 'rebooted' | 'powered-off' | 'override';
export type EndReason =
  'expired' | 'fenced' | 'rebooted' | 'registered-again' | 'powered-off' | 'override' | 'generation';

export interface PoolState {
  readonly name: string;
  readonly fencing: Fencing;
  readonly tier: Tier;
  /** The pool takes the risk of a late write from a user engine's gap. */
  readonly isBestEffortTakeover: boolean;
  readonly devices: readonly string[];
  readonly fencesPerHourMax: number;
  /** By number; an extent that is not here is free and was never used. */
  readonly extents: Record<number, ExtentState>;
  readonly extentCount: number;
  /** The cluster generation whose first grant may be given (F11). */
  openGeneration: number;
  /** What was proved for the current generation, until it opens. */
  proof: 'preempted' | 'stated' | null;
}

export interface ExtentState {
  /** Leased: a session may write there, no map names it yet. Used: maps of volumes or snapshots name it. */
  state: 'free' | 'leased' | 'used' | 'quarantine';
  /** Of a lease. */
  session: string;
  volume: string;
  epoch: number;
  /** Maps that name it. */
  references: number;
  /** Of a quarantine: ended sessions that nobody knows to be silent on this pool. */
  waitsFor: string[];
}

export interface SessionState {
  readonly id: string;
  readonly node: string;
  readonly generation: number;
  readonly incarnation: number;
  readonly bootId: string;
  readonly secret: string;
  readonly ttlMs: number;
  /** The sum over all layers beneath the engine, and the watchdog's reach beyond the margin (see decision record 12). */
  readonly drainMs: number;
  agent: number;
  endedBy: EndReason | null;
  /** By pool: the proof that nothing of this session is written there any more. */
  readonly certificates: Record<string, CertificateKind>;
  /** By pool: it is known that nothing is read there either. */
  readonly silent: Record<string, boolean>;
}

export interface NodeState {
  readonly machine: string;
  incarnation: number;
  /** Of the last agent that registered or took a session up: it grows for as long as the node is known (F4). */
  agent: number;
  /** The last one; it may have ended. */
  session: string;
  /** Who said at which incarnation that the machine is off. */
  statement: { readonly by: string; readonly incarnation: number } | null;
  taint: { readonly setBy: string; readonly certificate: string } | null;
}

export interface GrantState {
  readonly epoch: number;
  readonly node: string;
  readonly session: string;
  readonly mode: GrantMode;
}

export interface MapEntry {
  readonly extent: number;
  /** The snapshot generation at its conversion. */
  readonly birth: number;
}
export type VolumeMap = Record<number, MapEntry>;

export interface GroupCut {
  readonly group: string;
  /** Which proposal brought it about: whoever made that one knows how long ago it was. */
  readonly proposal: string;
}

export interface IntentState {
  readonly id: string;
  readonly kind: 'share' | 'unmap' | 'shrink';
  /** Of a share that is cut with those of other volumes at one instant, or not at all. */
  readonly cut: GroupCut | null;
  /** Requests admitted below it must be gone. */
  readonly revision: number;
  /** A share's snapshot; the logical extents from which the others take away. */
  readonly snapshot: string;
  readonly from: number;
  readonly to: number;
  readonly acknowledged: string[];
}

export interface VolumeState {
  readonly name: string;
  readonly tenant: string;
  readonly pool: string;
  /** MULTI_NODE raw block: many nodes are attached, one at a time holds the role (F8). */
  readonly isShared: boolean;
  extents: number;
  epoch: number;
  /** Raised by each intent. */
  revision: number;
  /** Of the last intent that was committed. */
  committedRevision: number;
  snapshotGeneration: number;
  map: VolumeMap;
  /** Without those that are certified. */
  grants: GrantState[];
  /** The last epoch that excludes readers, and the last of a reader. */
  lastWriteEpoch: number;
  lastReadEpoch: number;
  attachments: Record<string, { readonly mode: GrantMode; isUndoing: boolean }>;
  intents: IntentState[];
  /** Ids of the last intents that ended: a retry whose first answer was lost begins nothing anew. */
  decided: string[];
  snapshots: Record<string, VolumeMap>;
  isDeleting: boolean;
}

export interface Certificate {
  readonly id: string;
  readonly kind: CertificateKind;
  readonly session: string;
  readonly pool: string;
  /** '' and 0 for one of a whole session. */
  readonly volume: string;
  readonly epoch: number;
  /** A person, an agent's session, or the leader. */
  readonly by: string;
}

export interface MetadataState {
  generation: number;
  nodes: Record<string, NodeState>;
  sessions: Record<string, SessionState>;
  pools: Record<string, PoolState>;
  volumes: Record<string, VolumeState>;
  certificates: Certificate[];
  /** Logged times of fences that no person asked for. */
  fences: { readonly atMs: number; readonly session: string }[];
}

export function emptyState(): MetadataState {
  return { generation: 1, nodes: {}, sessions: {}, pools: {}, volumes: {}, certificates: [], fences: [] };
}

/** Sessions of a pool that ended and of which nobody knows that they are silent there. */
export function loudSessions(state: MetadataState, pool: string): string[] {
  const isLoud = ({ endedBy, silent }: SessionState): boolean => endedBy !== null && silent[pool] !== true;
  return Object.values(state.sessions)
    .filter(isLoud)
    .map(({ id }) => id);
}

export function liveSession(state: MetadataState, id: string): SessionState | null {
  const session = state.sessions[id];
  return session?.endedBy === null && session.generation === state.generation ? session : null;
}

/** The live session of a node; null if the node has none. */
export function sessionOf(state: MetadataState, node: string): SessionState | null {
  return liveSession(state, state.nodes[node]?.session ?? '');
}

/** Readers do not conflict with readers. */
export function conflicts(left: GrantMode, right: GrantMode): boolean {
  return left !== 'read' || right !== 'read';
}
