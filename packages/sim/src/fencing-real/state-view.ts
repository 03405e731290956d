// The service's state as the model has it, read from the rows: what the judges look at. Never changed once it is made; each view shares
// with the one before what its entry cannot have touched.
import { invariant } from '@holdfast/base';
import type { CommandKind } from '@holdfast/metadata-service';
import { query, segments, type rows, type StateDatabase } from '@holdfast/metadata-service/internal';
import type {
  CertificateKind,
  ExtentState,
  GrantState,
  IntentState,
  MetadataState,
  NodeState,
  PoolState,
  SessionState,
  VolumeMap,
  VolumeState,
} from '../fencing/metadata/state.ts';
import type { Layouts } from './pool-layout.ts';

const cluster = query<{ readonly generation: number }>('SELECT generation FROM cluster');
const nodes = query<rows.NodeRow>('SELECT * FROM nodes ORDER BY name');
const sessions = query<rows.SessionRow>('SELECT * FROM sessions ORDER BY id');
interface CertifiedRow {
  readonly session: string;
  readonly pool: string;
  readonly is_silent: number;
  readonly kind: CertificateKind | null;
}
const sessionPools = query<CertifiedRow>(`
  SELECT session_pools.session, session_pools.pool, is_silent, certificates.kind FROM session_pools
  LEFT JOIN certificates ON certificates.revision = session_pools.certificate AND certificates.session = session_pools.session
    AND certificates.pool = session_pools.pool AND certificates.volume IS NULL
  ORDER BY session_pools.session, session_pools.pool
`);
const pools = query<rows.PoolRow>('SELECT * FROM pools ORDER BY name');
const devices = query<rows.DeviceRow>('SELECT * FROM devices ORDER BY number');
const leases = query<rows.LeaseRow>('SELECT * FROM leases ORDER BY device, start');
const quarantine = query<rows.Extents>('SELECT device, start, length FROM quarantine ORDER BY device, start');
const mapped = query<rows.Extents>(
  'SELECT device, physical AS start, length FROM runs WHERE device > 0 ORDER BY device, physical',
);
const volumes = query<rows.VolumeRow & { readonly generation: number }>(
  'SELECT volumes.*, lineages.generation FROM volumes JOIN lineages ON lineages.number = volumes.lineage ORDER BY id',
);
const grants = query<rows.GrantRow>('SELECT * FROM grants ORDER BY volume, epoch');
const attachments = query<rows.AttachmentRow>('SELECT * FROM attachments ORDER BY volume, node');
const intents = query<rows.IntentRow>('SELECT * FROM intents ORDER BY volume');
const acknowledgements = query<{ readonly volume: string; readonly session: string }>(
  'SELECT volume, session FROM acknowledgements ORDER BY volume, session',
);
const snapshots = query<rows.SnapshotRow>('SELECT * FROM snapshots WHERE is_hidden = 0 ORDER BY id');

/** A map that is seen through a clone's origin: older than everything that the clone writes. */
const bornElsewhere = -1;

type Part = 'sessions' | 'extents' | 'volumes';
const all: readonly Part[] = ['sessions', 'extents', 'volumes'];
/** What an engine at work brings about again and again; every other command may touch anything. */
const touched: Partial<Record<CommandKind, readonly Part[]>> = {
  openClient: [],
  allocate: ['extents'],
  convert: ['extents', 'volumes'],
  acknowledge: ['volumes'],
  intend: ['volumes'],
  withdrawIntent: ['volumes'],
  publish: ['volumes'],
  stage: ['volumes'],
  unpublish: ['volumes'],
  release: ['extents', 'volumes'],
};

export class StateView {
  readonly #layouts: Layouts;
  #state: MetadataState = {
    ...{ generation: 1, nodes: {}, sessions: {}, pools: {}, volumes: {}, certificates: [], fences: [] },
  };
  readonly #maps = new Map<string, VolumeMap>();

  constructor(layouts: Layouts) {
    this.#layouts = layouts;
  }

  get state(): MetadataState {
    return this.#state;
  }

  /** Behind an entry of this kind, or whatever has happened since. */
  read(database: StateDatabase, behind: CommandKind | 'everything'): MetadataState {
    const parts = behind === 'everything' ? all : (touched[behind] ?? all);
    if (parts.includes('sessions')) this.#readSessions(database);
    if (parts.includes('extents')) this.#readExtents(database);
    if (parts.includes('volumes')) this.#state = { ...this.#state, volumes: this.#readVolumes(database) };
    return this.#state;
  }

  /** Everything, and nothing of what was kept. */
  readAnew(database: StateDatabase): MetadataState {
    this.#maps.clear();
    return this.read(database, 'everything');
  }

  #readSessions(database: StateDatabase): void {
    const { generation } = database.get(cluster) ?? { generation: 0 };
    const found: Record<string, NodeState> = {};
    for (const node of database.all(nodes)) found[node.name] = nodeOf(node);
    // What the service has forgotten has ended; how is as it was seen last.
    const known: Record<string, SessionState> = { ...this.#state.sessions };
    for (const session of database.all(sessions)) known[session.id] = sessionOf(session);
    for (const { session: id, pool, is_silent, kind } of database.all(sessionPools)) {
      const session = known[id];
      if (session === undefined) continue;
      if (kind !== null) session.certificates[pool] = kind;
      if (is_silent === 1) session.silent[pool] = true;
    }
    this.#state = { ...this.#state, generation, nodes: found, sessions: known };
  }

  #readExtents(database: StateDatabase): void {
    const extents: Record<string, Record<number, ExtentState>> = {};
    const found: Record<string, PoolState & { devices: string[] }> = {};
    for (const pool of database.all(pools)) found[pool.name] = poolOf(pool, (extents[pool.name] = {}));
    for (const { number, id, pool } of database.all(devices)) {
      const layout = this.#layouts.poolOfDevice(number);
      invariant(layout.devices[number - layout.firstNumber] === id, `the device ${number} is ${id}`);
      found[pool]?.devices.push(id);
    }
    const put = (run: rows.Extents, state: ExtentState): void => {
      const there = extents[this.#layouts.poolOfDevice(run.device).name];
      if (there !== undefined) for (const extent of this.#layouts.extentsOf(run)) there[extent] = state;
    };
    for (const run of database.all(mapped)) put(run, { ...nobodys, state: 'used', references: 1 });
    for (const run of database.all(quarantine)) put(run, { ...nobodys, state: 'quarantine' });
    for (const { session, volume, epoch, ...run } of database.all(leases)) {
      put(run, { ...nobodys, state: 'leased', session, volume, epoch });
    }
    this.#state = { ...this.#state, pools: found };
  }

  #readVolumes(database: StateDatabase): Record<string, VolumeState> {
    const found: Record<string, VolumeState> = {};
    for (const row of database.all(volumes)) found[row.id] = volumeOf(row, this.#mapOf(database, row));
    for (const { volume, epoch, node, session, mode } of database.all(grants)) {
      const grant: GrantState = { epoch, node, session, mode };
      found[volume]?.grants.push(grant);
    }
    for (const { volume, node, mode, is_undoing } of database.all(attachments)) {
      const at = found[volume]?.attachments;
      if (at !== undefined) at[node] = { mode, isUndoing: is_undoing === 1 };
    }
    for (const intent of database.all(intents)) found[intent.volume]?.intents.push(intentOf(intent));
    for (const { volume, session } of database.all(acknowledgements)) {
      found[volume]?.intents[0]?.acknowledged.push(session);
    }
    for (const snapshot of database.all(snapshots)) {
      const before = this.#state.volumes[snapshot.volume];
      const volume = (found[snapshot.volume] ??= deleted(before, snapshot));
      volume.snapshots[snapshot.id] = this.#mapOfSnapshot(database, snapshot);
    }
    return found;
  }

  #mapOf(database: StateDatabase, row: rows.VolumeRow & { readonly generation: number }): VolumeMap {
    const { id, lineage, generation, changes, revision, narrowed, extents } = row;
    const key = [id, lineage, generation, changes, revision, narrowed, extents].join(' ');
    return this.#kept(key, () => this.#read(database, { lineage, generation: null }, extents));
  }

  /** A snapshot never changes, and one that is made again by its name is of a later generation: whether that is so is seen when it is read anew. */
  #mapOfSnapshot(database: StateDatabase, { id, lineage, generation, extents }: rows.SnapshotRow): VolumeMap {
    return this.#kept(`@${id} ${lineage} ${generation}`, () => this.#read(database, { lineage, generation }, extents));
  }

  #kept(key: string, read: () => VolumeMap): VolumeMap {
    const known = this.#maps.get(key) ?? read();
    this.#maps.set(key, known);
    return known;
  }

  #read(
    database: StateDatabase,
    view: { readonly lineage: number; readonly generation: number | null },
    extents: number,
  ): VolumeMap {
    const map: VolumeMap = {};
    for (const segment of segments(database, view, { from: 0, to: extents })) {
      const birth = segment.lineage === view.lineage ? segment.birth : bornElsewhere;
      for (let offset = 0; offset < segment.length; offset++) {
        const extent = this.#layouts.extentOf({ device: segment.device, start: segment.physical + offset });
        map[segment.logical + offset] = { extent, birth };
      }
    }
    return map;
  }
}

const nobodys = { session: '', volume: '', epoch: 0, references: 0, waitsFor: [] as string[] };

function nodeOf({ machine, incarnation, agent, session, off_by, off_incarnation, taint }: rows.NodeRow): NodeState {
  return {
    ...{ machine, incarnation, agent, session },
    statement: off_incarnation === null ? null : { by: off_by ?? '', incarnation: off_incarnation },
    taint: taint === null ? null : { setBy: 'holdfast', certificate: String(taint) },
  };
}

function sessionOf(row: rows.SessionRow): SessionState {
  const { id, node, generation, incarnation, boot: bootId, ttl_ms: ttlMs, drain_bound_ms: drainMs, agent } = row;
  const proved = { certificates: {}, silent: {} };
  return {
    id,
    node,
    generation,
    incarnation,
    bootId,
    secret: '',
    ttlMs,
    drainMs,
    agent,
    endedBy: row.ended,
    ...proved,
  };
}

function poolOf(row: rows.PoolRow, extents: Record<number, ExtentState>): PoolState & { devices: string[] } {
  const { name, fencing, tier, fences_per_hour: fencesPerHourMax, total, open_generation, proof } = row;
  return {
    ...{ name, fencing, tier, isBestEffortTakeover: row.is_best_effort === 1, devices: [], fencesPerHourMax },
    ...{ extents, extentCount: total, openGeneration: open_generation, proof },
  };
}

function volumeOf(row: rows.VolumeRow & { readonly generation: number }, map: VolumeMap): VolumeState {
  const { id: name, tenant, pool, extents, epoch, revision, narrowed, generation } = row;
  return {
    ...{ name, tenant, pool, isShared: row.is_shared === 1, extents, epoch, revision, committedRevision: narrowed },
    ...{ snapshotGeneration: generation, map, grants: [], lastWriteEpoch: 0, lastReadEpoch: 0, attachments: {} },
    ...{ intents: [], decided: [], snapshots: {}, isDeleting: false },
  };
}

/** A volume that is gone while snapshots of it are there. */
function deleted(before: VolumeState | undefined, { volume: name, extents }: rows.SnapshotRow): VolumeState {
  const { tenant = '', pool = '', isShared = false } = before ?? {};
  return {
    ...{ name, tenant, pool, isShared, extents, epoch: 0, revision: 0, committedRevision: 0, snapshotGeneration: 0 },
    ...{ map: {}, grants: [], lastWriteEpoch: 0, lastReadEpoch: 0, attachments: {}, intents: [], decided: [] },
    ...{ snapshots: {}, isDeleting: true },
  };
}

function intentOf({ id, kind, revision, snapshot, start: from, stop: to }: rows.IntentRow): IntentState {
  return { id, kind, cut: null, revision, snapshot: snapshot ?? '', from, to, acknowledged: [] };
}
