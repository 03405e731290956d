// Narrowing waits (F9): what takes something away from a running engine is said in the log first, and happens when every session
// whose grant could use the old entries has acknowledged, or is certified.
//
// Whoever lost the answer asks again by the same id. A share is found by its snapshot's name, and one that was withdrawn may begin again: it
// is a snapshot of a later moment, and frees nothing. An unmap would take away what was written since, over an engine that believes to have
// acknowledged it. So it names the revision at which it was first asked for, and begins at no other: a volume's revision grows with every
// intent, the unmap's own among them. The last one that ended is remembered to answer whoever asks again; others are refused (adr/0013).
import { OpError } from '@holdfast/base';
import { checkAgent } from './agents.ts';
import type { CommandOf, ResultOf } from './commands.ts';
import type { EndedUnmapRow, GrantRow, IntentRow, SnapshotGroupRow, SnapshotRow, VolumeRow } from './entities.ts';
import { openPoolOf } from './extents.ts';
import { cutOut, putRun } from './map-change.ts';
import { encodeTrace } from './map-trace.ts';
import { lineageOf } from './map-view.ts';
import { change, insert, query } from './query.ts';
import { found, limitReached, type State } from './state.ts';
import { stateLimits } from './state-limits.ts';
import { malformed } from './values.ts';
import { volumeOf } from './volumes.ts';

const intentOn = query<IntentRow>('SELECT * FROM intents WHERE volume = ?');
const insertIntent = insert<IntentRow>('intents', [
  ...(['volume', 'id', 'kind', 'revision', 'snapshot', 'name', 'start', 'stop', 'group_id', 'cut'] as const),
]);
const intentsOfGroup = query<IntentRow>('SELECT * FROM intents WHERE group_id = ? ORDER BY volume');
const moveStart = change('UPDATE intents SET start = ? WHERE volume = ?');
const deleteIntent = change('DELETE FROM intents WHERE volume = ?');
const endedUnmap = query<EndedUnmapRow>('SELECT * FROM ended_unmaps WHERE volume = ?');
const rememberUnmap = change('REPLACE INTO ended_unmaps VALUES (?, ?, ?, ?)');
const deleteAcknowledgements = change('DELETE FROM acknowledgements WHERE volume = ?');
const putAcknowledgement = change('INSERT INTO acknowledgements VALUES (?, ?) ON CONFLICT DO NOTHING');
const missing = query<GrantRow>(`
  SELECT * FROM grants WHERE volume = ? AND NOT EXISTS (
    SELECT 1 FROM acknowledgements
    WHERE acknowledgements.volume = grants.volume AND acknowledgements.session = grants.session) ORDER BY epoch
`);
const anyAcknowledgement = query<{ readonly session: string }>(
  'SELECT session FROM acknowledgements WHERE volume = ? LIMIT 1',
);
const raiseRevision = change('UPDATE volumes SET revision = ? WHERE id = ?');
const setNarrowed = change('UPDATE volumes SET narrowed = ?, changes = changes + 1 WHERE id = ?');
const snapshotById = query<SnapshotRow>('SELECT * FROM snapshots WHERE id = ?');
const intentsFor = query<IntentRow>('SELECT * FROM intents WHERE snapshot = ? OR name = ?');
const snapshotNamed = query<SnapshotRow>('SELECT * FROM snapshots WHERE name = ?');
const countSnapshots = query<{ readonly count: number }>('SELECT COUNT(*) AS count FROM snapshots WHERE lineage = ?');
const insertSnapshot = insert<SnapshotRow>('snapshots', [
  ...([
    'id',
    'name',
    'volume',
    'lineage',
    'generation',
    'extents',
    'clones',
    'is_hidden',
    'created_ms',
    'group_id',
  ] as const),
]);
const insertGroup = insert<SnapshotGroupRow>('snapshot_groups', ['id', 'name', 'created_ms']);
/** Of a change that somebody else made than the volume's engine. */
const noEngine = 0;
const alone = { group_id: null, cut: 0 };
const raiseGeneration = change('UPDATE lineages SET generation = generation + 1 WHERE number = ?');

export function intend(state: State, command: CommandOf<'intend'>): ResultOf<'intend'> {
  const volume = volumeOf(state, command.volume);
  const { intent: id, what: kind, snapshot, name, start, stop } = command;
  openPoolOf(state, volume.pool);
  const open = state.database.get(intentOn, volume.id);
  if (open?.id === id) return { revision: open.revision };
  if (kind === 'share' && isThere(state, volume, toShare(command))) return { revision: volume.narrowed };
  if (kind === 'unmap' && (start >= stop || stop > volume.extents)) throw malformed(`extents from ${start} to ${stop}`);
  const ended = kind === 'unmap' ? endedBefore(state, volume, command) : null;
  if (ended !== null) return { revision: ended.revision };
  checkIdle(state, volume.id);
  return { revision: beginIntent(state, volume, { id, kind, snapshot, name, start, stop, ...alone }) };
}

/** The unmap of this id, if it was committed already; null if it may begin. */
function endedBefore(
  { database }: State,
  { id: volume, revision: current }: VolumeRow,
  { intent, expected }: CommandOf<'intend'>,
): EndedUnmapRow | null {
  if (expected === null) throw malformed('an unmap without the revision at which it was asked for');
  const ended = database.get(endedUnmap, volume);
  if (ended?.id === intent && ended.is_committed === 1) return ended;
  if (ended?.id === intent) throw new OpError('INTENT_WITHDRAWN', { volume, intent });
  if (expected !== current) throw new OpError('VOLUME_REVISION_CHANGED', { volume, expected, current });
  return null;
}

export function checkIdle({ database }: State, volume: string): void {
  const open = database.get(intentOn, volume);
  if (open !== null) throw new OpError('VOLUME_BUSY', { volume, reason: `the intent ${open.id} is not over` });
}

export function beginIntent(
  state: State,
  { id: volume, revision: before }: VolumeRow,
  intent: Omit<IntentRow, 'volume' | 'revision'>,
): number {
  const revision = before + 1;
  state.database.run(raiseRevision, revision, volume);
  state.database.insert(insertIntent, { volume, revision, ...intent });
  state.note('intent', volume);
  return revision;
}

export interface Share {
  readonly intent: string;
  readonly snapshot: string;
  readonly name: string;
}

function toShare({ intent, snapshot, name }: CommandOf<'intend'>): Share {
  if (snapshot === null || name === null) throw malformed('a share without the snapshot that it makes');
  return { intent, snapshot, name };
}

/** Whether the snapshot was made already, by an earlier intent of this name. What another intent is to make is taken as well. */
export function isThere({ database, cluster }: State, volume: VolumeRow, { intent, snapshot, name }: Share): boolean {
  const known = database.get(snapshotNamed, name);
  if (known?.lineage === volume.lineage) return true;
  const intended = database
    .all(intentsFor, snapshot, name)
    .some((each) => each.volume !== volume.id || each.id !== intent);
  // Also the id of one that is deleted and kept for its clones.
  const isTaken = known !== null || database.get(snapshotById, snapshot) !== null;
  if (isTaken || intended) throw new OpError('SNAPSHOT_EXISTS', { snapshot: name });
  const { snapshots: limit, snapshotsPerVolume } = stateLimits;
  if (cluster.snapshots >= limit) throw limitReached('snapshots', limit);
  const count = database.get(countSnapshots, volume.lineage)?.count ?? 0;
  if (count >= snapshotsPerVolume) throw limitReached(`snapshots of the volume ${volume.id}`, snapshotsPerVolume);
  return false;
}

interface Named {
  readonly volume: string;
  readonly intent: string;
  readonly revision: number;
}

/**
 * What is said of an intent may arrive when that was withdrawn and begun again by its id: an engine's word of an earlier cut, or the word of
 * a leader that was deposed since. Each begins at a revision of its own.
 */
function intentOf({ database }: State, { volume, intent: id, revision }: Named): IntentRow {
  const intent = database.get(intentOn, volume);
  const isIt = intent?.id === id && intent.revision === revision;
  return found(isIt ? intent : null, () => new OpError('INTENT_NOT_FOUND', { volume, intent: id }));
}

/** Nothing admitted below the intent's revision is in flight; for a share, it is flushed and converted. */
export function acknowledge(state: State, command: CommandOf<'acknowledge'>): object {
  const { id: session } = checkAgent(state, command);
  const { volume } = intentOf(state, command);
  if (state.database.run(putAcknowledgement, volume, session) > 0) state.note('intent', volume);
  return {};
}

/**
 * Checks the grants that exist at this moment, not those that existed when it was proposed. An unmap takes as many as it needs; a
 * cut over several volumes is one.
 */
export function commitIntent(state: State, command: CommandOf<'commitIntent'>): ResultOf<'commitIntent'> {
  const intent = intentOf(state, command);
  const all = together(state, intent);
  for (const each of all) checkComplete(state, each);
  for (const { volume, revision } of all) state.database.run(setNarrowed, revision, volume);
  const { revision } = intent;
  if (intent.kind === 'unmap' && !unmap(state, volumeOf(state, intent.volume), intent))
    return { revision, isDone: false };
  for (const each of all) {
    if (each.kind === 'share') share(state, volumeOf(state, each.volume), { intent: each, atMs: command.atMs });
    endIntent(state, each, 'committed');
  }
  if (intent.group_id !== null) nameGroup(state, intent.group_id, { name: intent.id, created_ms: command.atMs });
  return { revision, isDone: true };
}

function checkComplete({ database }: State, { volume, kind }: IntentRow): void {
  const left = database.all(missing, volume);
  if (left.length > 0) {
    const sessions = left.map(({ session }) => session).join(', ');
    throw new OpError('INTENT_INCOMPLETE', { volume, sessions });
  }
  // A snapshot of what only a device's cache holds could still change: whoever acknowledges has flushed (adr/0013).
  if (kind === 'share' && database.get(anyAcknowledgement, volume) === null)
    throw new OpError('INTENT_INCOMPLETE', { volume, sessions: 'of any node, for a flush' });
}

/** The intents that end with this one. */
function together({ database }: State, intent: IntentRow): IntentRow[] {
  return intent.group_id === null ? [intent] : database.all(intentsOfGroup, intent.group_id);
}

function nameGroup({ database }: State, id: string, of: Omit<SnapshotGroupRow, 'id'>): void {
  database.insert(insertGroup, { id, ...of });
}

/** O(1): what is born up to this generation is in the snapshot, and no run is touched. */
function share(
  state: State,
  volume: VolumeRow,
  { intent, atMs }: { readonly intent: IntentRow; readonly atMs: number },
): void {
  const { lineage, extents } = volume;
  const { generation } = lineageOf(state.database, lineage);
  const id = intent.snapshot ?? intent.id;
  const fresh = { clones: 0, is_hidden: 0, created_ms: atMs, group_id: intent.group_id };
  state.database.insert(insertSnapshot, {
    id,
    name: intent.name,
    volume: volume.id,
    lineage,
    generation,
    extents,
    ...fresh,
  });
  state.database.run(raiseGeneration, lineage);
  state.cluster.snapshots++;
  state.note('snapshot', id);
  state.noteMap(volume.id, encodeTrace({ epoch: noEngine, places: [] }));
}

function unmap(state: State, volume: VolumeRow, { start, stop }: IntentRow): boolean {
  const lineage = lineageOf(state.database, volume.lineage);
  const end = cutOut(state, lineage, { from: start, to: stop, limit: stateLimits.stepsPerCommand });
  if (lineage.origin !== null) putRun(state, lineage, { logical: start, length: end - start, device: 0, physical: 0 });
  state.noteMap(volume.id, encodeTrace({ epoch: noEngine, places: [{ start, length: end - start }] }));
  if (end < stop) state.database.run(moveStart, end, volume.id);
  return end === stop;
}

export function withdrawIntent(state: State, command: CommandOf<'withdrawIntent'>): object {
  const intent = state.database.get(intentOn, command.volume);
  if (intent?.id !== command.intent || intent.revision !== command.revision) return {};
  for (const each of together(state, intent)) endIntent(state, each, 'withdrawn');
  return {};
}

function endIntent(state: State, intent: IntentRow, as: 'committed' | 'withdrawn'): void {
  const { volume, id, kind, revision } = intent;
  if (kind === 'unmap') state.database.run(rememberUnmap, volume, id, revision, Number(as === 'committed'));
  state.database.run(deleteIntent, volume);
  state.database.run(deleteAcknowledgements, volume);
  state.note('intent', volume, true);
}
