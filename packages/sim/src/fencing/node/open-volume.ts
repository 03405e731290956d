// A volume that an engine has open: what agent and engine share in memory, so that it outlives either of them. The list of
// extents that are written and not converted is here (5-data-path.md), and so are the requests of which nobody has been told the end.
import type { Tag, Writer } from '../block.ts';
import type { DeviceAnswer } from '../device.ts';
import type { IntentState, GrantMode } from '../metadata/state.ts';
import type { IoResult, OpenRequest } from '../ports.ts';

export interface EngineEntry {
  readonly extent: number;
  /** A snapshot or a clone may name it: writes copy up. */
  readonly isShared: boolean;
}

/** Written to the device, not yet part of the map in the log. */
export interface PendingEntry {
  readonly extent: number;
  /** What the map names for it; -1 for nothing. */
  readonly expect: number;
  /** Under which it was admitted. */
  readonly revision: number;
}

export type IoRequest =
  | { readonly kind: 'write'; readonly block: number; readonly tag: Tag }
  | { readonly kind: 'read'; readonly block: number }
  | { readonly kind: 'flush' };

/** In the ring from the moment a pod asks until it is answered. */
export interface RingSlot {
  readonly request: IoRequest;
  readonly answer: (result: IoResult) => void;
}

/** Between the check of the gate and the moment when its engine has heard the last answer from below. */
export interface AdmittedWork {
  readonly revision: number;
  stage: 'gap' | 'below' | 'done';
  /** What devices answered instead of doing it. The ring has it, whether or not anybody lives who looks there. */
  readonly errors: DeviceAnswer[];
}

export class OpenVolume {
  readonly writer: Writer;
  readonly tenant: string;
  readonly pool: string;
  readonly mode: GrantMode;
  extents: number;
  revision: number;
  /** Of the last snapshot or clone that it was told of: what was filled below it is shared. */
  shareRevision = 0;
  deadlineMs = -Infinity;
  /** For good. */
  isShut = false;
  /** Shut until the node's key is registered and confirmed (reservation pools). */
  isUnconfirmed = false;
  readonly map = new Map<number, EngineEntry>();
  readonly pending = new Map<number, PendingEntry>();
  spares: number[] = [];
  /** There was no room: nobody asks for any before. */
  fullUntilMs = -Infinity;
  readonly admitted = new Set<AdmittedWork>();
  readonly ring = new Set<RingSlot>();
  /** Extents whose requests wait for the one before. */
  readonly busy = new Map<number, (() => void)[]>();
  /** Intents that are acknowledged and not decided: their extents are held. */
  readonly held = new Set<IntentState>();
  /** Writes wait until then, for a cut over several volumes, or until that has ended. */
  writesHeldUntilMs = -Infinity;
  /** The revision of that cut. */
  writesHeldFor = 0;
  /** The kernel's cache above the engine: what is read there never passes the gate. It belongs to the node's block device. */
  readonly cache: Map<number, Tag | null>;
  /** Drains that are under way, by their intents' revisions. */
  readonly draining = new Map<number, Promise<boolean>>();
  #waiters: (() => void)[] = [];

  constructor({ writer, tenant, pool, mode, volume }: OpenRequest, cache: Map<number, Tag | null>) {
    this.cache = cache;
    this.writer = writer;
    this.tenant = tenant;
    this.pool = pool;
    this.mode = mode;
    this.extents = volume.extents;
    this.revision = volume.revision;
    for (const [at, { extent, birth }] of Object.entries(volume.map)) {
      this.map.set(Number(at), { extent, isShared: birth < volume.snapshotGeneration });
    }
  }

  /** Something changed for which a request or the agent may wait. */
  wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter();
  }

  changed(): Promise<void> {
    return new Promise((resolve) => void this.#waiters.push(resolve));
  }

  isHeldAt(at: number): boolean {
    return [...this.held].some(({ kind, from, to }) => kind !== 'share' && at >= from && at < to);
  }

  /** Nothing admitted below the revision is in flight. */
  isDrainedBelow(revision: number): boolean {
    return [...this.admitted].every((work) => work.revision >= revision);
  }
}
