// What a handler works on: the database, the cluster's one row, and where in the log it is. Whoever changes a row that others may
// watch says so with `note`. A refusal is an OpError of the table, thrown before anything is changed.
import { invariant, OpError, type LogIndex, type Term } from '@holdfast/base';
import { ClientBook } from './client-book.ts';
import type { StateDatabase } from './database.ts';
import type { ClusterRow } from './entities.ts';
import type { LaterRows } from './later-rows.ts';
import { change, query, together } from './query.ts';
import { SettingsBook } from './settings-book.ts';
import { stateLimits } from './state-limits.ts';

const selectCluster = query<ClusterRow>('SELECT * FROM cluster');
const updateCluster = change(`
  UPDATE cluster SET schema = ?, version = ?, generation = ?, applied = ?, digest = ?, lineages = ?, devices = ?, nodes = ?,
    volumes = ?, snapshots = ?, clients = ?, members = ?, certificates = ?, changes = ?, compacted = ?
`);
type NoteValues = [
  revision: number,
  number: number,
  kind: string,
  key: string,
  isDeleted: number,
  detail: Uint8Array | null,
];
const insertNote = together<NoteValues>('changes', ['revision', 'number', 'kind', 'key', 'is_deleted', 'detail']);
/** The first of its entry, of something that is there: as nearly all are. */
type PlainNoteValues = [revision: number, kind: string, key: string];
const insertPlainNote = together<PlainNoteValues>('changes', ['revision', 'kind', 'key'], {
  fixed: { number: '0', is_deleted: '0' },
});
type AuditValues = [revision: number, atMs: number, who: string, what: string];
const insertAudit = together<AuditValues>('audit', ['revision', 'at_ms', 'who', 'what']);
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
  readonly #notes: LaterRows<NoteValues>;
  readonly #plainNotes: LaterRows<PlainNoteValues>;
  readonly #auditLines: LaterRows<AuditValues>;
  /** Read once, kept in step, and written before anybody reads. */
  cluster: ClusterRow;
  /** Of the entry that is being applied. */
  index = 0 as LogIndex;
  term = 0 as Term;
  /** Notes that this entry has made. */
  #noted = 0;
  /** The revision of the audit's last line; null before it was read. */
  #auditedAt: number | null = null;

  constructor(database: StateDatabase) {
    this.database = database;
    this.book = new ClientBook(database);
    this.settings = new SettingsBook(database);
    this.#notes = database.later(insertNote);
    this.#plainNotes = database.later(insertPlainNote);
    this.#auditLines = database.later(insertAudit);
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
    this.#noted = 0;
  }

  save(): void {
    const { schema, version, generation, applied, digest, ...rest } = this.cluster;
    const { lineages, devices, nodes, volumes, snapshots, clients, members, certificates, changes, compacted } = rest;
    const counted = [lineages, devices, nodes, volumes, snapshots, clients, members, certificates, changes, compacted];
    this.database.run(updateCluster, schema, version, generation, applied, digest, ...counted);
    this.book.save();
  }

  /** Something to watch has changed: the feed says what, and whoever wants to know how reads it. */
  note(kind: ChangeKind, key: string, isDeleted = false): void {
    const number = this.#nextNote();
    if (number === 0 && !isDeleted) this.#plainNotes.add(this.index, kind, key);
    else this.#notes.add(this.index, number, kind, key, Number(isDeleted), null);
  }

  /** The map of a volume has changed, there: see map-trace.ts. */
  noteMap(volume: string, detail: Uint8Array): void {
    this.#notes.add(this.index, this.#nextNote(), 'map', volume, 0, detail);
  }

  #nextNote(): number {
    this.cluster.changes++;
    return this.#noted++;
  }

  audit(atMs: number, who: string, what: string): void {
    const { audit: limit, auditTrimRevisions: every } = stateLimits;
    const before = this.#auditedAt ?? this.database.get(lastAudit)?.revision ?? 0;
    this.#auditLines.add(this.index, atMs, who, what);
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
