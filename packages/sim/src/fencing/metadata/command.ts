// Commands of the metadata log and their answers. Whoever repeats a command gets what the first one brought about: each names
// what it expects, so that a repetition finds it done.
import type { Fencing, GrantMode, Tier } from './state.ts';

/** A command of an agent: refused when its session has ended or a later agent of the session is known (F4). */
export interface ByAgent {
  readonly session: string;
  readonly agent: number;
}

/** An id alone may be that of an earlier one, which was withdrawn (F9). */
export interface OfIntent {
  readonly volume: string;
  readonly intent: string;
  readonly revision: number;
}

/** One device as it was read back after PREEMPT (F5). */
export interface ReadBack {
  readonly device: string;
  readonly keys: readonly string[];
  readonly type: 'none' | 'write-exclusive-all-registrants';
  /** What became of requests that the device already had: '' if nobody knows. */
  readonly stoppedBy: 'abort' | 'reset' | 'drain' | '';
}

export type Evidence =
  | { readonly kind: 'preempted'; readonly readBacks: readonly ReadBack[] }
  /** The leader waited; only it says so, in its own term. */
  | { readonly kind: 'waited'; readonly term: number }
  /** A person says so, and has no proof. */
  | { readonly kind: 'stated' };

export type Command =
  | CreatePool
  | { readonly kind: 'create-volume'; readonly volume: NewVolume }
  | { readonly kind: 'delete-volume'; readonly volume: string }
  | { readonly kind: 'delete-snapshot'; readonly volume: string; readonly snapshot: string }
  | { readonly kind: 'clone'; readonly volume: string; readonly snapshot: string; readonly clone: string }
  | Register
  | { readonly kind: 'resume'; readonly session: string; readonly secret: string }
  | EndSession
  | Certify
  | { readonly kind: 'silence'; readonly session: string; readonly pool: string; readonly term: number }
  | { readonly kind: 'state-off'; readonly node: string; readonly by: string; readonly certificate: string }
  | { readonly kind: 'taint'; readonly node: string; readonly isForeignAttached: boolean }
  | { readonly kind: 'publish'; readonly volume: string; readonly node: string; readonly mode: GrantMode }
  | { readonly kind: 'unpublish'; readonly volume: string; readonly node: string }
  | (ByAgent & {
      readonly kind: 'stage';
      readonly volume: string;
      readonly lowerBound: number;
      readonly mode: GrantMode;
    })
  | (ByAgent & {
      readonly kind: 'release';
      readonly volume: string;
      readonly epoch: number;
      readonly as: 'released' | 'revoked';
    })
  | (ByAgent & { readonly kind: 'allocate'; readonly volume: string; readonly epoch: number; readonly count: number })
  | Convert
  | Intend
  | (ByAgent & OfIntent & { readonly kind: 'acknowledge' })
  | (OfIntent & { readonly kind: 'commit' })
  | (OfIntent & { readonly kind: 'withdraw' })
  | IntendGroup
  | { readonly kind: 'commit-group'; readonly group: string }
  | { readonly kind: 'withdraw-group'; readonly group: string }
  | { readonly kind: 'restore'; readonly backup: string; readonly generationSeen: number }
  | { readonly kind: 'prove-generation'; readonly pool: string; readonly evidence: Evidence; readonly by: string }
  | { readonly kind: 'open-generation'; readonly pool: string; readonly term: number };

export interface CreatePool {
  readonly kind: 'create-pool';
  readonly pool: string;
  readonly fencing: Fencing;
  readonly tier: Tier;
  readonly isBestEffortTakeover: boolean;
  readonly devices: readonly string[];
  readonly extentCount: number;
  readonly fencesPerHourMax: number;
}

export interface NewVolume {
  readonly name: string;
  readonly tenant: string;
  readonly pool: string;
  readonly isShared: boolean;
  readonly extents: number;
}

export interface Register {
  readonly kind: 'register';
  readonly node: string;
  readonly machine: string;
  readonly bootId: string;
  readonly secret: string;
  readonly ttlMs: number;
  readonly drainMs: number;
  /** Secrets of this boot's earlier registrations, answered or not, by the machine's own record: all of theirs is torn down. */
  readonly tornDown: readonly string[];
  /** The node's last session as this boot has learnt it: a registration of an earlier boot that arrives late names another one. */
  readonly after: string;
}

export interface EndSession {
  readonly kind: 'end-session';
  readonly session: string;
  readonly reason: 'expired' | 'fenced' | 'powered-off' | 'override';
  /** The proposer's term, for what only a leader may say. */
  readonly term: number;
  /** Logged time, for the limit on fences (F7). */
  readonly atMs: number;
  readonly by: string;
}

export interface Certify {
  readonly kind: 'certify';
  readonly as: 'preempted' | 'expired' | 'rebooted' | 'powered-off' | 'override';
  readonly session: string;
  readonly pool: string;
  readonly evidence: Evidence;
  readonly by: string;
}

export interface Convert extends ByAgent {
  readonly kind: 'convert';
  readonly volume: string;
  readonly epoch: number;
  /** Under which the writes were admitted. */
  readonly revision: number;
  /** `expect` is the extent that the map names for it, -1 for none. */
  readonly entries: readonly { readonly at: number; readonly extent: number; readonly expect: number }[];
}

export interface Intend {
  readonly kind: 'intend';
  readonly volume: string;
  readonly intent: string;
  readonly what: 'share' | 'unmap' | 'shrink';
  readonly snapshot: string;
  readonly from: number;
  readonly to: number;
}

/** Snapshots of several volumes as they were at one instant. */
export interface IntendGroup {
  readonly kind: 'intend-group';
  readonly group: string;
  /** Of the leader that proposes it, and of no other proposal. */
  readonly proposal: string;
  readonly volumes: readonly { readonly volume: string; readonly snapshot: string }[];
}

export type Refusal =
  | 'session-ended'
  | 'older-agent'
  | 'older-term'
  | 'older-generation'
  | 'not-found'
  | 'conflict'
  | 'fenced'
  | 'busy'
  | 'no-space'
  | 'not-proved'
  | 'fence-limit'
  /** Its caller has gone on without it. */
  | 'given-up'
  | 'not-allowed';

export interface Answer {
  readonly refusal: Refusal | null;
  /** Sessions whose certificates are waited for. */
  readonly waitsFor: readonly string[];
  readonly session: string;
  readonly agent: number;
  readonly epoch: number;
  readonly revision: number;
  readonly extents: readonly number[];
}

const plain: Answer = { refusal: null, waitsFor: [], session: '', agent: 0, epoch: 0, revision: 0, extents: [] };

export function accept(fields: Partial<Answer> = {}): Answer {
  return { ...plain, ...fields };
}
export function refuse(refusal: Refusal, waitsFor: readonly string[] = []): Answer {
  return { ...plain, refusal, waitsFor };
}
