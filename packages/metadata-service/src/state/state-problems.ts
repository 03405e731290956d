// What must hold of every state, proved from its rows: each extent of a device is in exactly one place, every sum is the sum of its
// rows, no map overlaps itself, and nothing refers to what is not there. Reads everything; for the simulator's judge and for tests.
import type { StateDatabase } from './database.ts';
import type { DeviceRow, LineageRow, PoolRow, RunRow } from './entities.ts';
import { query } from './query.ts';

interface Place {
  readonly device: number;
  readonly start: number;
  readonly length: number;
  readonly kind: string;
}

const pools = query<PoolRow>('SELECT * FROM pools ORDER BY name');
const devices = query<DeviceRow>('SELECT * FROM devices ORDER BY number');
const lineages = query<LineageRow>('SELECT * FROM lineages ORDER BY number');
const runs = query<RunRow>('SELECT * FROM runs ORDER BY lineage, death, logical');
const placesOf = query<Place>(`
  WITH asked (number) AS (VALUES (?))
  SELECT device, start, length, 'free' AS kind FROM free_runs WHERE device = (SELECT number FROM asked)
  UNION ALL SELECT device, start, length, 'leased' FROM leases WHERE device = (SELECT number FROM asked)
  UNION ALL SELECT device, start, length, 'quarantined' FROM quarantine WHERE device = (SELECT number FROM asked)
  UNION ALL SELECT device, physical, length, 'mapped' FROM runs WHERE device = (SELECT number FROM asked)
  ORDER BY 2
`);
const promised = query<{ readonly extents: number | null }>(
  'SELECT SUM(extents) AS extents FROM volumes WHERE pool = ?',
);
const strays = query<{ readonly problem: string }>(`
  SELECT 'grant without volume: ' || volume AS problem FROM grants WHERE volume NOT IN (SELECT id FROM volumes)
  UNION ALL SELECT 'intent without volume: ' || volume FROM intents WHERE volume NOT IN (SELECT id FROM volumes)
  UNION ALL SELECT 'unmap of no volume: ' || volume FROM ended_unmaps WHERE volume NOT IN (SELECT id FROM volumes)
  UNION ALL SELECT 'unmap beyond its volume: ' || volume FROM ended_unmaps JOIN volumes ON volumes.id = volume
    WHERE ended_unmaps.revision > volumes.revision
  UNION ALL SELECT 'attachment without volume: ' || volume FROM attachments WHERE volume NOT IN (SELECT id FROM volumes)
  UNION ALL SELECT 'acknowledgement without intent: ' || volume FROM acknowledgements
    WHERE volume NOT IN (SELECT volume FROM intents)
  UNION ALL SELECT 'grant that its certificate left: ' || grants.session FROM grants JOIN session_pools
    ON session_pools.session = grants.session AND session_pools.pool = grants.pool WHERE session_pools.certificate IS NOT NULL
  UNION ALL SELECT 'two grants that conflict: ' || one.volume FROM grants AS one JOIN grants AS two
    ON one.volume = two.volume AND one.epoch < two.epoch WHERE one.mode <> 'read' OR two.mode <> 'read'
  UNION ALL SELECT 'lease without grant: ' || volume FROM leases WHERE NOT EXISTS (
    SELECT 1 FROM grants WHERE grants.volume = leases.volume AND grants.epoch = leases.epoch
    UNION ALL SELECT 1 FROM session_pools
      WHERE session_pools.session = leases.session AND session_pools.pool = leases.pool AND certificate IS NOT NULL)
  UNION ALL SELECT 'lineage without its snapshot: ' || number FROM lineages WHERE origin IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM snapshots WHERE lineage = origin AND generation = origin_generation)
  UNION ALL SELECT 'group without snapshots: ' || id FROM snapshot_groups
    WHERE id NOT IN (SELECT group_id FROM snapshots WHERE group_id IS NOT NULL)
  UNION ALL SELECT 'snapshot without its group: ' || id FROM snapshots
    WHERE group_id IS NOT NULL AND group_id NOT IN (SELECT id FROM snapshot_groups)
  UNION ALL SELECT 'clones of ' || id || ' are not ' || clones FROM snapshots WHERE clones <> (
    SELECT COUNT(*) FROM lineages WHERE origin = snapshots.lineage AND origin_generation = snapshots.generation)
`);
const counts = query<Readonly<Record<string, number>>>(`
  SELECT volumes, (SELECT COUNT(*) FROM volumes) AS volumes_there, snapshots, (SELECT COUNT(*) FROM snapshots) AS snapshots_there,
    changes, (SELECT COUNT(*) FROM changes) AS changes_there, clients, (SELECT COUNT(*) FROM clients) AS clients_there,
    certificates, (SELECT COUNT(*) FROM certificates) AS certificates_there FROM cluster
`);

export function stateProblems(database: StateDatabase): string[] {
  const problems = database.all(strays).map(({ problem }) => problem);
  const sums = new Map<string, number>();
  for (const device of database.all(devices)) problems.push(...deviceProblems(database, device, sums));
  for (const pool of database.all(pools)) problems.push(...poolProblems(database, pool, sums));
  problems.push(...mapProblems(database));
  const row: Readonly<Record<string, number>> = database.get(counts) ?? {};
  for (const [name, count] of Object.entries(row)) {
    const there = row[`${name}_there`] ?? count;
    if (there !== count) problems.push(`${there} ${name}, and ${count} are counted`);
  }
  return problems;
}

function deviceProblems(database: StateDatabase, device: DeviceRow, sums: Map<string, number>): string[] {
  const problems: string[] = [];
  let at = 0;
  let free = 0;
  let before = '';
  for (const { start, length, kind } of database.all(placesOf, device.number)) {
    if (start !== at) problems.push(`device ${device.number}: ${kind} at ${start}, and ${at} is where the last ended`);
    if (kind === 'free' && before === 'free') problems.push(`device ${device.number}: two free runs meet at ${start}`);
    at = start + length;
    before = kind;
    if (kind === 'free') free += length;
    const key = `${device.pool} ${kind}`;
    sums.set(key, (sums.get(key) ?? 0) + length);
  }
  if (at !== device.extents) problems.push(`device ${device.number} ends at ${at}, not ${device.extents}`);
  if (free !== device.free) problems.push(`device ${device.number} has ${free} free, not ${device.free}`);
  return problems;
}

function poolProblems(database: StateDatabase, pool: PoolRow, sums: ReadonlyMap<string, number>): string[] {
  const problems: string[] = [];
  for (const kind of ['free', 'leased', 'mapped', 'quarantined'] as const) {
    const sum = sums.get(`${pool.name} ${kind}`) ?? 0;
    if (sum !== pool[kind]) problems.push(`pool ${pool.name} has ${sum} ${kind}, not ${pool[kind]}`);
  }
  if (pool.free + pool.leased + pool.mapped + pool.quarantined !== pool.total)
    problems.push(`pool ${pool.name} does not add up`);
  const provisioned = database.get(promised, pool.name)?.extents ?? 0;
  if (provisioned !== pool.provisioned)
    problems.push(`pool ${pool.name} promised ${provisioned}, not ${pool.provisioned}`);
  return problems;
}

function mapProblems(database: StateDatabase): string[] {
  const problems: string[] = [];
  const owned = new Map<number, number>();
  let before: RunRow | null = null;
  for (const run of database.all(runs)) {
    const isSameList = before?.lineage === run.lineage && before.death === run.death;
    if (isSameList && before !== null && before.logical + before.length > run.logical)
      problems.push(`runs of lineage ${run.lineage} overlap at ${run.logical}`);
    if (run.length <= 0 || run.birth >= run.death) problems.push(`run ${run.lineage} ${run.logical} is none`);
    if (run.device !== 0) owned.set(run.lineage, (owned.get(run.lineage) ?? 0) + run.length);
    before = run;
  }
  for (const { number, owned: counted } of database.all(lineages)) {
    if ((owned.get(number) ?? 0) !== counted)
      problems.push(`lineage ${number} owns ${owned.get(number) ?? 0}, not ${counted}`);
    owned.delete(number);
  }
  return [...problems, ...[...owned.keys()].map((number) => `runs of lineage ${number}, which is not there`)];
}
