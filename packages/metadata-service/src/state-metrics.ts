// The metadata as metrics: what fills up, and what is waited for. The state is asked at every scrape, by indexes and small tables.
import type { Metrics } from '@holdfast/telemetry';
import type { SessionLeader } from './leader/session-leader.ts';
import type { StateDatabase } from './state/database.ts';
import type { PoolRow } from './state/entities.ts';
import type { MetadataMachine } from './state/machine.ts';
import { query } from './state/query.ts';
import { State } from './state/state.ts';

const allPools = query<PoolRow>('SELECT * FROM pools ORDER BY name');
const countNodes = query<{ readonly count: number }>('SELECT COUNT(*) AS count FROM nodes');
const countLive = query<{ readonly count: number }>('SELECT COUNT(*) AS count FROM sessions WHERE ended IS NULL');
const countUncertified = query<{ readonly count: number }>(`
  SELECT COUNT(*) AS count FROM session_pools
  WHERE pool = ? AND ended_revision IS NOT NULL AND is_silent = 0 AND certificate IS NULL
`);

export interface MeasuredState {
  readonly machine: Pick<MetadataMachine, 'database'>;
  readonly sessions: Pick<SessionLeader, 'status'>;
}

export function measureState(metrics: Metrics, { machine, sessions }: MeasuredState): void {
  /** A state that was replaced may know other pools. */
  let told: readonly string[] = [];
  metrics.onScrape(() => {
    const { database } = machine;
    // Metrics are told until the process ends, also behind its member's end.
    if (!database.isOpen) return;
    const { generation, volumes, snapshots } = State.read(database);
    const nodes = database.get(countNodes)?.count ?? 0;
    const items = { volumes, snapshots, nodes, sessions: database.get(countLive)?.count ?? 0 };
    for (const [of, count] of Object.entries(items)) metrics.gauge('holdfast_metadata_items').set({ of }, count);
    metrics.gauge('holdfast_storm_guard').set({}, Number(sessions.status.storm !== null));
    const pools = database.all(allPools);
    for (const pool of told) forget(metrics, pool);
    told = pools.map(({ name }) => name);
    for (const pool of pools) tell(metrics, database, { pool, generation });
  });
}

const places = ['total', 'free', 'leased', 'mapped', 'quarantined', 'promised'] as const;

function tell(
  metrics: Metrics,
  database: StateDatabase,
  { pool: row, generation }: { readonly pool: PoolRow; readonly generation: number },
): void {
  const { name: pool, provisioned: promised, ...sums } = row;
  for (const of of places) metrics.gauge('holdfast_pool_extents').set({ pool, of }, { ...sums, promised }[of]);
  metrics.gauge('holdfast_pool_open').set({ pool }, Number(row.open_generation === generation));
  const uncertified = database.get(countUncertified, pool)?.count ?? 0;
  metrics.gauge('holdfast_sessions_uncertified').set({ pool }, uncertified);
}

function forget(metrics: Metrics, pool: string): void {
  for (const of of places) metrics.gauge('holdfast_pool_extents').remove({ pool, of });
  metrics.gauge('holdfast_pool_open').remove({ pool });
  metrics.gauge('holdfast_sessions_uncertified').remove({ pool });
}
