// What changed, by revision (the index of the entry that changed it): a watcher reads the feed from where it was and then the rows
// that it names, so it always ends with what is true. The oldest changes are forgotten when there are too many, a few with each
// command; who was away for longer is told to list everything again.
import { OpError } from '@holdfast/base';
import type { StateDatabase } from './database.ts';
import { change, query } from './query.ts';
import { State, type ChangeKind } from './state.ts';
import { stateLimits } from './state-limits.ts';

export interface Change {
  readonly revision: number;
  readonly kind: ChangeKind;
  readonly key: string;
  readonly isDeleted: boolean;
}
export interface Changes {
  readonly changes: readonly Change[];
  /** Read on from here: everything up to this revision has been told. */
  readonly revision: number;
}

interface FeedRow {
  readonly revision: number;
  readonly number: number;
  readonly kind: ChangeKind;
  readonly key: string;
  readonly is_deleted: number;
}
const oldest = query<Pick<FeedRow, 'revision'>>(
  'SELECT revision FROM changes ORDER BY revision, number LIMIT 1 OFFSET ?',
);
const after = query<FeedRow>('SELECT * FROM changes WHERE revision > ? ORDER BY revision, number LIMIT ?');
const ofRevision = query<FeedRow>('SELECT * FROM changes WHERE revision = ? AND number > ? ORDER BY number');
const forget = change('DELETE FROM changes WHERE revision <= ?');

export function compactFeed(state: State): void {
  const { cluster, database } = state;
  if (cluster.changes <= stateLimits.changes) return;
  const last = database.get(oldest, stateLimits.changesPerCommand - 1);
  if (last === null) return;
  cluster.compacted = last.revision;
  cluster.changes -= database.run(forget, last.revision);
}

/** Whole revisions, at least one if there is any, and roughly `limit` changes. */
export function changesAfter(database: StateDatabase, revision: number, limit: number): Changes {
  const { compacted, applied } = State.read(database);
  if (revision < compacted) throw new OpError('REVISION_COMPACTED', { revision, oldest: compacted });
  const rows = database.all(after, revision, limit);
  const last = rows.at(-1);
  if (last === undefined || rows.length < limit) return { changes: rows.map(toChange), revision: applied };
  const rest = database.all(ofRevision, last.revision, last.number);
  return { changes: [...rows, ...rest].map(toChange), revision: last.revision };
}

function toChange({ revision, kind, key, is_deleted }: FeedRow): Change {
  return { revision, kind, key, isDeleted: is_deleted === 1 };
}
