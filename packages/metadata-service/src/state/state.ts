// What a handler works on: the database, the cluster's one row, and where in the log it is. Whoever changes a row that others may
// watch says so with `note`. A refusal is an OpError of the table, thrown before anything is changed.
import { invariant, OpError, type LogIndex, type Term } from '@holdfast/base';
import { ClientBook } from './client-book.ts';
import type { StateDatabase } from './database.ts';
import type { ClusterRow } from './entities.ts';
import { change, insert, query } from './query.ts';
import { SettingsBook } from './settings-book.ts';
import { stateLimits } from './state-limits.ts';

const selectCluster = query<ClusterRow>('SELECT * FROM cluster');
const updateCluster = change(`
  UPDATE cluster SET schema = ?, version = ?, generation = ?, applied = ?, digest = ?, lineages = ?, devices = ?, nodes = ?,
    volumes = ?, snapshots = ?, clients = ?, members = ?, certificates = ?, changes = ?, compacted = ?
`);
interface ChangeRow {
  readonly revision: number;
  readonly number: number;
  readonly kind: string;
  readonly key: string;
  readonly is_deleted: number;
  readonly detail: Uint8Array | null;
}
const insertChange = insert<ChangeRow>('changes', ['revision', 'number', 'kind', 'key', 'is_deleted', 'detail']);
interface AuditRow {
  readonly revision: number;
  readonly at_ms: number;
  readonly who: string;
  readonly what: string;
}
const insertAudit = insert<AuditRow>('audit', ['revision', 'at_ms', 'who', 'what']);
const lastAudit = query<{ readonly revision: number | null }>('SELECT MAX(revision) AS revision FROM audit');
const trimAudit = change(
  'DELETE FROM audit WHERE revision <= (SELECT revision FROM audit ORDER BY revision DESC LIMIT 1 OFFSET ?)',
);

export type ChangeKind =
  'volume' | 'snapshot' | 'pool' | 'device' | 'node' | 'session' | 'grant' | 'intent' | 'setting' | 'map' | 'member';

export class State {
  readonly database: StateDatabase;
  readonly book: ClientBook;
  readonly settings: SettingsBook;
  /** Read once, kept in step, and written with each batch. */
  cluster: ClusterRow;
  /** Of the entry that is being applied. */
  index = 0 as LogIndex;
  term = 0 as Term;
  #notes = 0;
  /** The revision of the audit's last line; null before it was read. */
  #auditedAt: number | null = null;

  constructor(database: StateDatabase) {
    this.database = database;
    this.book = new ClientBook(database);
    this.settings = new SettingsBook(database);
    this.cluster = State.read(database);
  }

  static read(database: StateDatabase): ClusterRow {
    const row = database.get(selectCluster);
    invariant(row !== null, 'a state has its cluster');
    return row;
  }

  /** Behind a batch that was taken back: what is in the database counts. */
  reread(): void {
    this.cluster = State.read(this.database);
    this.book.reread();
    this.settings.reread();
    this.#auditedAt = null;
  }

  enter(index: LogIndex, term: Term): void {
    this.index = index;
    this.term = term;
    this.#notes = 0;
  }

  save(): void {
    const { schema, version, generation, applied, digest, ...rest } = this.cluster;
    const { lineages, devices, nodes, volumes, snapshots, clients, members, certificates, changes, compacted } = rest;
    const counted = [lineages, devices, nodes, volumes, snapshots, clients, members, certificates, changes, compacted];
    this.database.run(updateCluster, schema, version, generation, applied, digest, ...counted);
    this.book.save();
    this.settings.save();
  }

  /** Something to watch has changed: the feed says what, and whoever wants to know how reads it. */
  note(kind: ChangeKind, key: string, isDeleted = false): void {
    this.#tell({ kind, key, is_deleted: Number(isDeleted), detail: null });
  }

  /** The map of a volume has changed, there: see map-trace.ts. */
  noteMap(volume: string, detail: Uint8Array): void {
    this.#tell({ kind: 'map', key: volume, is_deleted: 0, detail });
  }

  #tell(change: Omit<ChangeRow, 'revision' | 'number'>): void {
    this.cluster.changes++;
    this.database.insertLater(insertChange, { revision: this.index, number: this.#notes++, ...change });
  }

  audit(atMs: number, who: string, what: string): void {
    const { audit: limit, auditTrimRevisions: every } = stateLimits;
    const before = this.#auditedAt ?? this.database.get(lastAudit)?.revision ?? 0;
    this.database.insertLater(insertAudit, { revision: this.index, at_ms: atMs, who, what });
    this.#auditedAt = this.index;
    // It counts what is kept: with each line it would be most of what a command costs.
    if (Math.floor(before / every) === Math.floor(this.index / every)) return;
    this.database.writeRows();
    this.database.run(trimAudit, limit);
  }

  /** F3: what only a leader may say counts in its own term; another one has decided otherwise since. */
  checkTerm(term: number): void {
    if (term !== this.term) throw new OpError('LEADER_TERM_OLD', { term, current: this.term });
  }
}

export function limitReached(what: string, limit: number): OpError {
  return new OpError('STATE_LIMIT_REACHED', { what, limit });
}

export function found<Row>(row: Row | null, error: () => OpError): Row {
  if (row === null) throw error();
  return row;
}
