// What a leader reads of the state, which nobody changes meanwhile. Each statement goes by an index or over a small table; those that
// may find much have a limit.
import type { EndedUnmapRow, Extents, GrantMode, IntentRow, NodeRow, PoolRow } from '../state/entities.ts';
import type { SessionPoolRow, SessionRow, SnapshotGroupRow, SnapshotRow } from '../state/entities.ts';
import { query } from '../state/query.ts';

export const sessionById = query<SessionRow>('SELECT * FROM sessions WHERE id = ?');
export const longestTtl = query<{ readonly ttl_ms: number | null }>('SELECT MAX(ttl_ms) AS ttl_ms FROM sessions');

/** With what stands between a grant and its end: that its volume is being detached there, and an intent on it. */
export interface HeldGrant {
  readonly volume: string;
  readonly epoch: number;
  readonly mode: GrantMode;
  readonly is_undoing: number | null;
}
export const grantsOfSession = query<HeldGrant>(`
  SELECT grants.volume, grants.epoch, grants.mode, attachments.is_undoing FROM grants
  LEFT JOIN attachments ON attachments.volume = grants.volume AND attachments.node = grants.node
  WHERE grants.session = ? ORDER BY grants.volume, grants.epoch
`);
export const sessionsHolding = query<{ readonly session: string }>(
  'SELECT DISTINCT session FROM grants WHERE volume = ?',
);
export const poolsOfSession = query<PoolRow>(`
  SELECT * FROM pools WHERE name IN (SELECT pool FROM grants WHERE session = ?)
`);
export type Holder = Pick<SessionRow, 'id' | 'generation' | 'ttl_ms' | 'ended'>;
export const holders = query<Holder>(`
  SELECT id, generation, ttl_ms, ended FROM sessions WHERE EXISTS (SELECT 1 FROM grants WHERE grants.session = sessions.id)
`);

/** The living of whom somebody said that their machine is off. */
export const statedOff = query<SessionRow>(`
  SELECT sessions.* FROM nodes JOIN sessions ON sessions.id = nodes.session
  WHERE nodes.off_incarnation >= nodes.incarnation AND sessions.ended IS NULL LIMIT ?
`);
export const sessionOfNode = query<SessionRow>(`
  SELECT sessions.* FROM nodes JOIN sessions ON sessions.id = nodes.session WHERE nodes.name = ?
`);

/** Sessions that have ended and may still reach a pool, behind a given one. */
export const loudSessions = query<SessionPoolRow>(`
  SELECT * FROM session_pools WHERE ended_revision IS NOT NULL AND is_silent = 0 AND (pool, ended_revision, session) > (?, ?, ?)
  ORDER BY pool, ended_revision, session LIMIT ?
`);
/** Those that a device can shut out. */
export const toPreempt = query<SessionPoolRow>(`
  SELECT session_pools.* FROM pools JOIN session_pools ON session_pools.pool = pools.name
  WHERE pools.fencing = 'reservation' AND pools.open_generation = ? AND ended_revision IS NOT NULL AND is_silent = 0
    AND certificate IS NULL ORDER BY session_pools.pool, ended_revision LIMIT ?
`);

export const poolByName = query<PoolRow>('SELECT * FROM pools WHERE name = ?');
export const nodeByName = query<NodeRow>('SELECT * FROM nodes WHERE name = ?');
export const devicesOfPool = query<{ readonly id: string }>('SELECT id FROM devices WHERE pool = ? ORDER BY number');
export const closedPools = query<PoolRow>('SELECT * FROM pools WHERE open_generation <> ? ORDER BY name LIMIT ?');
export const longestWait = query<{ readonly wait_ms: number | null }>(
  'SELECT MAX(ttl_ms + drain_bound_ms) AS wait_ms FROM sessions',
);
/** Work to do: what a delete left, and quarantine that waits for nobody. */
export const poolsToReclaim = query<{ readonly name: string }>(`
  SELECT name FROM pools WHERE EXISTS (SELECT 1 FROM reclaims WHERE reclaims.pool = pools.name)
    OR (quarantined > 0 AND EXISTS (SELECT 1 FROM quarantine WHERE quarantine.pool = pools.name AND revision < COALESCE(
      (SELECT MIN(ended_revision) FROM session_pools
        WHERE session_pools.pool = pools.name AND ended_revision IS NOT NULL AND is_silent = 0), ${Number.MAX_SAFE_INTEGER})))
`);

export const anyIntent = query<{ readonly volume: string }>('SELECT volume FROM intents LIMIT 1');
export const intentsBehind = query<IntentRow>('SELECT * FROM intents WHERE volume > ? ORDER BY volume LIMIT ?');
export const intentOnVolume = query<IntentRow>('SELECT * FROM intents WHERE volume = ?');
/** Those that end with one of a group. */
export const intentsOfGroup = query<IntentRow>('SELECT * FROM intents WHERE group_id = ? ORDER BY volume');
/** What became of those that ended. */
export const endedUnmap = query<EndedUnmapRow>('SELECT * FROM ended_unmaps WHERE volume = ?');
export const snapshotNamed = query<SnapshotRow>('SELECT * FROM snapshots WHERE name = ?');
export const groupById = query<SnapshotGroupRow>('SELECT * FROM snapshot_groups WHERE id = ?');
export interface AskedIntent extends IntentRow {
  readonly pool: string;
}
/** Those that wait for this session. */
export const intentsForSession = query<AskedIntent>(`
  SELECT DISTINCT intents.*, grants.pool FROM grants JOIN intents ON intents.volume = grants.volume
  WHERE grants.session = ? AND NOT EXISTS (
    SELECT 1 FROM acknowledgements WHERE acknowledgements.volume = grants.volume AND acknowledgements.session = grants.session)
  ORDER BY intents.volume LIMIT ?
`);
/** Shares of volumes that nobody holds: anybody flushes the devices, once (adr/0013). */
export const unheldShares = query<AskedIntent>(`
  SELECT intents.*, volumes.pool FROM intents JOIN volumes ON volumes.id = intents.volume
  WHERE intents.kind = 'share' AND NOT EXISTS (SELECT 1 FROM grants WHERE grants.volume = intents.volume)
    AND NOT EXISTS (SELECT 1 FROM acknowledgements WHERE acknowledgements.volume = intents.volume)
  ORDER BY intents.volume LIMIT ?
`);
/** Sessions that have to acknowledge before the intent on this volume may commit. */
export const missingAcknowledgements = query<{ readonly session: string }>(`
  SELECT DISTINCT session FROM grants WHERE volume = ? AND NOT EXISTS (
    SELECT 1 FROM acknowledgements WHERE acknowledgements.volume = grants.volume AND acknowledgements.session = grants.session)
`);
export const acknowledgedBy = query<{ readonly session: string }>(
  'SELECT session FROM acknowledgements WHERE volume = ? LIMIT 1',
);

export const leasesOfGrant = query<Extents>(`
  SELECT device, start, length FROM leases WHERE volume = ? AND epoch = ? AND session = ? ORDER BY device, start
`);
