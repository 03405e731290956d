// The cluster versions, and the tables of the state as their steps: step n is what a cluster version n adds, and runs when the entry that
// raises the version is applied, at the same index on every member. So an older release never meets a table that it does
// not know. Steps that were released are never changed. Commands name the version from which they are proposed (commands.ts).
//
// Every table is STRICT and has a primary key by which it is hashed and dumped. Sums (of pools, lineages, devices) are kept by the
// statements that move extents, and proved against the rows by the tests.

export interface SchemaStep {
  /** The cluster version that brings it. */
  readonly version: number;
  /** What becomes possible with it, one line each, for whoever decides about `holdfast metadata finalize`. */
  readonly brings: readonly string[];
  readonly sql: string;
}

/** A row of `runs` that nothing has overwritten: it dies at no snapshot generation that there will ever be. */
export const living = Number.MAX_SAFE_INTEGER;

const clusterTables = `
  CREATE TABLE cluster (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    schema INTEGER NOT NULL,
    version INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    applied INTEGER NOT NULL,
    digest INTEGER NOT NULL,
    lineages INTEGER NOT NULL,
    devices INTEGER NOT NULL,
    nodes INTEGER NOT NULL,
    volumes INTEGER NOT NULL,
    snapshots INTEGER NOT NULL,
    clients INTEGER NOT NULL,
    members INTEGER NOT NULL,
    certificates INTEGER NOT NULL,
    changes INTEGER NOT NULL,
    compacted INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE clients (client INTEGER PRIMARY KEY, highest INTEGER NOT NULL, opened_ms INTEGER NOT NULL) STRICT;
  CREATE INDEX clients_opened ON clients (opened_ms);
  CREATE TABLE answers (
    client INTEGER NOT NULL, place INTEGER NOT NULL, sequence INTEGER NOT NULL, answer BLOB NOT NULL,
    PRIMARY KEY (client, place)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE changes (
    revision INTEGER NOT NULL, number INTEGER NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, is_deleted INTEGER NOT NULL,
    detail BLOB, PRIMARY KEY (revision, number)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX changes_map ON changes (key, revision) WHERE kind = 'map';
  CREATE TABLE members (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, peer_address TEXT NOT NULL, api_address TEXT NOT NULL
  ) STRICT;
  CREATE TABLE invitations (
    name TEXT PRIMARY KEY, token_hash BLOB NOT NULL, ends_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE operations (
    key TEXT PRIMARY KEY, kind TEXT NOT NULL, owner TEXT NOT NULL, started_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE audit (
    revision INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL
  ) STRICT;
`;

const poolTables = `
  CREATE TABLE pools (
    name TEXT PRIMARY KEY,
    fencing TEXT NOT NULL,
    tier TEXT NOT NULL,
    is_best_effort INTEGER NOT NULL,
    drain_bound_ms INTEGER,
    fences_per_hour INTEGER NOT NULL,
    oversubscription INTEGER NOT NULL,
    extent_bytes INTEGER NOT NULL,
    open_generation INTEGER NOT NULL,
    proof TEXT,
    total INTEGER NOT NULL,
    free INTEGER NOT NULL,
    leased INTEGER NOT NULL,
    mapped INTEGER NOT NULL,
    quarantined INTEGER NOT NULL,
    provisioned INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE devices (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, pool TEXT NOT NULL, extents INTEGER NOT NULL, free INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX devices_pool ON devices (pool, free);
  CREATE TABLE free_runs (
    device INTEGER NOT NULL, start INTEGER NOT NULL, length INTEGER NOT NULL, PRIMARY KEY (device, start)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX free_lengths ON free_runs (device, length, start);
  CREATE TABLE quarantine (
    pool TEXT NOT NULL, revision INTEGER NOT NULL, device INTEGER NOT NULL, start INTEGER NOT NULL, length INTEGER NOT NULL,
    PRIMARY KEY (pool, revision, device, start)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE leases (
    device INTEGER NOT NULL, start INTEGER NOT NULL, length INTEGER NOT NULL,
    pool TEXT NOT NULL, session TEXT NOT NULL, volume TEXT NOT NULL, epoch INTEGER NOT NULL,
    PRIMARY KEY (device, start)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX leases_grant ON leases (volume, epoch);
  CREATE INDEX leases_session ON leases (session, pool);
`;

const volumeTables = `
  CREATE TABLE lineages (
    number INTEGER PRIMARY KEY,
    pool TEXT NOT NULL,
    generation INTEGER NOT NULL,
    origin INTEGER,
    origin_generation INTEGER,
    depth INTEGER NOT NULL,
    owned INTEGER NOT NULL,
    is_volume INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE volumes (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    lineage INTEGER NOT NULL UNIQUE,
    tenant TEXT NOT NULL,
    pool TEXT NOT NULL,
    extents INTEGER NOT NULL,
    is_shared INTEGER NOT NULL,
    attributes TEXT NOT NULL,
    mutable_attributes TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    epoch_generation INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    narrowed INTEGER NOT NULL,
    changes INTEGER NOT NULL,
    is_disputed INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE snapshots (
    id TEXT PRIMARY KEY,
    name TEXT UNIQUE,
    volume TEXT NOT NULL,
    lineage INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    extents INTEGER NOT NULL,
    clones INTEGER NOT NULL,
    is_hidden INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    group_id TEXT,
    UNIQUE (lineage, generation)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX snapshots_group ON snapshots (group_id, id) WHERE group_id IS NOT NULL;
  CREATE TABLE snapshot_groups (
    id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, created_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX snapshots_volume ON snapshots (volume, id);
  CREATE TABLE runs (
    lineage INTEGER NOT NULL,
    death INTEGER NOT NULL,
    logical INTEGER NOT NULL,
    length INTEGER NOT NULL,
    device INTEGER NOT NULL,
    physical INTEGER NOT NULL,
    birth INTEGER NOT NULL,
    PRIMARY KEY (lineage, death, logical)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE reclaims (
    number INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    lineage INTEGER NOT NULL,
    session TEXT NOT NULL,
    pool TEXT NOT NULL,
    born_after INTEGER NOT NULL,
    died_to INTEGER NOT NULL,
    death INTEGER NOT NULL,
    logical INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX reclaims_pool ON reclaims (pool, number);
  CREATE INDEX reclaims_lineage ON reclaims (lineage);
`;

const fencingTables = `
  CREATE TABLE nodes (
    name TEXT PRIMARY KEY,
    number INTEGER NOT NULL UNIQUE,
    machine TEXT NOT NULL,
    incarnation INTEGER NOT NULL,
    agent INTEGER NOT NULL,
    session TEXT NOT NULL,
    off_by TEXT,
    off_incarnation INTEGER,
    taint INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE forgotten_nodes (
    id INTEGER PRIMARY KEY CHECK (id = 1), incarnation INTEGER NOT NULL, agent INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    node TEXT NOT NULL,
    generation INTEGER NOT NULL,
    incarnation INTEGER NOT NULL,
    boot TEXT NOT NULL,
    secret_hash BLOB NOT NULL,
    ttl_ms INTEGER NOT NULL,
    drain_bound_ms INTEGER NOT NULL,
    agent INTEGER NOT NULL,
    ended TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX sessions_node ON sessions (node);
  CREATE INDEX sessions_live ON sessions (generation, id) WHERE ended IS NULL;
  CREATE TABLE session_pools (
    session TEXT NOT NULL,
    pool TEXT NOT NULL,
    ended_revision INTEGER,
    certificate INTEGER,
    is_silent INTEGER NOT NULL,
    PRIMARY KEY (session, pool)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX session_pools_loud ON session_pools (pool, ended_revision) WHERE ended_revision IS NOT NULL AND is_silent = 0;
  CREATE TABLE attachments (
    volume TEXT NOT NULL, node TEXT NOT NULL, mode TEXT NOT NULL, is_undoing INTEGER NOT NULL, PRIMARY KEY (volume, node)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX attachments_node ON attachments (node, volume);
  CREATE TABLE grants (
    volume TEXT NOT NULL, epoch INTEGER NOT NULL, session TEXT NOT NULL, node TEXT NOT NULL, pool TEXT NOT NULL, mode TEXT NOT NULL,
    PRIMARY KEY (volume, epoch)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX grants_session ON grants (session, pool);
  CREATE TABLE certificates (
    revision INTEGER NOT NULL,
    number INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    kind TEXT NOT NULL,
    session TEXT NOT NULL,
    pool TEXT NOT NULL,
    volume TEXT,
    epoch INTEGER,
    stated_by TEXT NOT NULL,
    PRIMARY KEY (revision, number)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX certificates_volume ON certificates (volume, epoch);
  CREATE INDEX certificates_session ON certificates (session, pool);
  CREATE TABLE fences (
    session TEXT PRIMARY KEY, at_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX fences_at ON fences (at_ms);
  CREATE TABLE intents (
    volume TEXT PRIMARY KEY,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    revision INTEGER NOT NULL,
    snapshot TEXT,
    name TEXT,
    start INTEGER NOT NULL,
    stop INTEGER NOT NULL,
    group_id TEXT,
    cut INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX intents_group_name ON intents (id) WHERE group_id IS NOT NULL;
  CREATE INDEX intents_group ON intents (group_id, volume) WHERE group_id IS NOT NULL;
  CREATE INDEX intents_snapshot ON intents (snapshot);
  CREATE INDEX intents_name ON intents (name);
  CREATE TABLE acknowledgements (
    volume TEXT NOT NULL, session TEXT NOT NULL, PRIMARY KEY (volume, session)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE ended_unmaps (
    volume TEXT PRIMARY KEY, id TEXT NOT NULL, revision INTEGER NOT NULL, is_committed INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
`;

const firstCluster = `
  INSERT INTO cluster VALUES (1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
`;

export const schemaSteps: readonly SchemaStep[] = [
  {
    version: 1,
    brings: ['pools, volumes, snapshots, sessions and grants'],
    sql: clusterTables + poolTables + volumeTables + fencingTables + firstCluster,
  },
];

/** The highest cluster version that a program with these steps knows. */
export function knownVersion(steps: readonly SchemaStep[]): number {
  return Math.max(...steps.map(({ version }) => version));
}
