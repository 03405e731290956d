// Allocation ahead of need, and conversion at a flush: what an engine leased becomes part of a map once a device flush made it
// durable, and leaves it when the engine's user discards it. Every entry names where it expects the map to be (compare-and-set),
// so one that comes late changes nothing.
import { invariant, OpError } from '@holdfast/base';
import type { CommandOf, ResultOf } from './commands.ts';
import type { Extents, GrantRow, IntentRow, LineageRow, VolumeRow } from './entities.ts';
import { countLeaseRuns, endLease, leasedBy, leaseExtents, leaseOf, openPoolOf, useLease } from './extents.ts';
import { checkAgent } from './agents.ts';
import { countRuns, cutOut, putRun } from './map-change.ts';
import { encodeTrace, joined } from './map-trace.ts';
import { lineageOf, segments } from './map-view.ts';
import { change, query } from './query.ts';
import { limitReached, type State } from './state.ts';
import { stateLimits } from './state-limits.ts';
import { malformed } from './values.ts';
import { volumeOf } from './volumes.ts';

const grantAt = query<GrantRow>('SELECT * FROM grants WHERE volume = ? AND epoch = ?');
const intentOn = query<IntentRow>('SELECT * FROM intents WHERE volume = ?');
const countChange = change('UPDATE volumes SET changes = changes + 1 WHERE id = ?');

type Convert = CommandOf<'convert'>;
type Discard = CommandOf<'discard'>;
type Entry = Convert['entries'][number];
type Place = Pick<Entry, 'logical' | 'length'>;
type OfGrant = Pick<Convert, 'session' | 'agent' | 'volume' | 'epoch'>;

/** F4, F5: only who holds this epoch to write. */
function checkWriter({ database }: State, { session, volume, epoch }: OfGrant): void {
  const grant = database.get(grantAt, volume, epoch);
  if (grant?.session === session && grant.mode !== 'read') return;
  throw new OpError('GRANT_FENCED', { session, volume, epoch });
}

export function allocate(state: State, command: CommandOf<'allocate'>): ResultOf<'allocate'> {
  checkAgent(state, command);
  const volume = volumeOf(state, command.volume);
  checkWriter(state, command);
  const pool = openPoolOf(state, volume.pool);
  const { free, quarantined } = pool;
  if (free === 0) throw new OpError('POOL_FULL', { pool: pool.name, free, quarantined });
  const { session, epoch } = command;
  // What has a place in the volume, and no more: an engine that asks without end takes nothing from others.
  const room = volume.extents - leasedBy(state, volume.id, epoch);
  if (room <= 0) throw limitReached(`extents leased for the volume ${volume.id}`, volume.extents);
  const extents = Math.min(command.extents, room);
  return { runs: leaseExtents(state, pool.name, extents, { session, volume: volume.id, epoch }) };
}

/** The engine uses them for nothing, and nothing of them is in flight: its word, as at a release. */
export function returnLeases(state: State, command: CommandOf<'returnLeases'>): object {
  checkAgent(state, command);
  checkWriter(state, command);
  const { volume, epoch, runs } = command;
  checkDisjoint(runs);
  for (const run of runs) checkLeased(state, run, command);
  const count = countLeaseRuns(state, volume, epoch) + runs.length;
  const { leaseRunsPerGrant: limit } = stateLimits;
  if (count > limit) throw limitReached(`runs leased for the volume ${volume}`, limit);
  for (const run of runs) {
    const lease = leaseOf(state, run, command);
    invariant(lease !== null, 'what was checked is leased');
    endLease(state, lease, run);
  }
  return {};
}

export function convert(state: State, command: Convert): ResultOf<'convert'> {
  checkAgent(state, command);
  const volume = volumeOf(state, command.volume);
  checkWriter(state, command);
  checkRevision(state, volume, command.revision);
  checkOrder(volume, command.entries);
  checkDisjoint(command.entries);
  const lineage = lineageOf(state.database, volume.lineage);
  const pending = command.entries.filter((entry) => !isMapped(state, lineage, entry));
  if (pending.length === 0) return { changes: volume.changes };
  checkRoom(state, lineage, { command, pending });
  for (const entry of pending) checkEntry(state, lineage, { command, entry });
  for (const entry of pending) put(state, lineage, { command, entry });
  return noteChange(state, volume, { epoch: command.epoch, entries: pending });
}

/** F9: the engine that holds the volume alone takes it away from itself, so the command is its acknowledgement, too. */
export function discard(state: State, command: Discard): ResultOf<'discard'> {
  checkAgent(state, command);
  const volume = volumeOf(state, command.volume);
  checkWriter(state, command);
  checkRevision(state, volume, command.revision);
  checkOrder(volume, command.entries);
  const lineage = lineageOf(state.database, volume.lineage);
  // A repetition finds nothing there.
  const pending = command.entries.filter((entry) => !isUnmapped(state, lineage, entry));
  if (pending.length === 0) return { changes: volume.changes };
  checkSteps(state, lineage, pending);
  for (const entry of pending) {
    if (isExpected(state, lineage, entry)) continue;
    throw new OpError('MAP_ENTRY_CHANGED', { volume: volume.id, extent: entry.logical });
  }
  for (const { logical, length } of pending) {
    cutOut(state, lineage, { from: logical, to: logical + length, limit: stateLimits.stepsPerCommand });
    if (lineage.origin !== null) putRun(state, lineage, { logical, length, device: 0, physical: 0 });
  }
  return noteChange(state, volume, { epoch: command.epoch, entries: pending });
}

function noteChange(
  state: State,
  { id, changes }: VolumeRow,
  { epoch, entries }: { readonly epoch: number; readonly entries: readonly Place[] },
): { readonly changes: number } {
  state.database.run(countChange, id);
  state.noteMap(id, encodeTrace({ epoch, places: joined(entries) }));
  return { changes: changes + 1 };
}

interface OneEntry {
  readonly command: Convert;
  readonly entry: Entry;
}

function put(state: State, lineage: LineageRow, { command, entry }: OneEntry): void {
  const { logical, length, device, start } = entry;
  // Looked up again: the entry before may have taken a part of the same lease.
  const lease = leaseOf(state, entry, command);
  invariant(lease !== null, 'what was checked is leased');
  useLease(state, lease, entry);
  cutOut(state, lineage, { from: logical, to: logical + length, limit: stateLimits.stepsPerCommand });
  putRun(state, lineage, { logical, length, device, physical: start });
}

/**
 * F9: what was admitted above an open intent must not slip below its cut, so it waits for the intent's end; what was admitted below
 * a narrowing that was committed is of a writer that never acknowledged it.
 */
function checkRevision({ database }: State, volume: VolumeRow, revision: number): void {
  const intent = database.get(intentOn, volume.id);
  if (intent !== null && intent.revision <= revision) {
    throw new OpError('VOLUME_BUSY', { volume: volume.id, reason: `the intent ${intent.id} is not over` });
  }
  if (revision >= volume.narrowed && revision <= volume.revision) return;
  throw new OpError('MAP_REVISION_OLD', { volume: volume.id, revision, current: volume.revision });
}

/** In the order of their places, without overlaps. */
function checkOrder(volume: VolumeRow, entries: readonly Place[]): void {
  let end = 0;
  for (const { logical, length } of entries) {
    if (logical < end) throw malformed('entries that overlap or are not in order');
    end = logical + length;
  }
  if (end > volume.extents) throw malformed(`an entry behind the end of the volume, ${volume.extents}`);
}

function checkDisjoint(runs: readonly Extents[]): void {
  const places = runs.toSorted((left, right) => left.device - right.device || left.start - right.start);
  for (const [at, { device, start }] of places.entries()) {
    const before = places[at - 1];
    if (before?.device === device && before.start + before.length > start) throw malformed('one extent twice');
  }
}

/** A repetition finds its entries in the map. */
function isMapped(
  { database }: State,
  { number: lineage }: LineageRow,
  { logical, length, device, start }: Entry,
): boolean {
  const [segment] = segments(database, { lineage, generation: null }, { from: logical, to: logical + length });
  if (segment?.logical !== logical || segment.length !== length || segment.lineage !== lineage) return false;
  return segment.device === device && segment.physical === start;
}

function isUnmapped({ database }: State, { number: lineage }: LineageRow, { logical, length }: Place): boolean {
  const [segment] = segments(database, { lineage, generation: null }, { from: logical, to: logical + length });
  return segment === undefined;
}

function checkSteps(state: State, { number: lineage }: LineageRow, pending: readonly Place[]): void {
  const { stepsPerCommand } = stateLimits;
  let runs = 0;
  for (const { logical, length } of pending) {
    runs += countRuns(state, lineage, { from: logical, to: logical + length, limit: stepsPerCommand + 1 });
    if (runs > stepsPerCommand) throw limitReached('runs that one command replaces', stepsPerCommand);
  }
}

function checkRoom(
  state: State,
  lineage: LineageRow,
  { command, pending }: { readonly command: Convert; readonly pending: readonly Entry[] },
): void {
  const { leaseRunsPerGrant } = stateLimits;
  checkSteps(state, lineage, pending);
  // Each entry may leave its lease in two parts.
  const leases = countLeaseRuns(state, command.volume, command.epoch) + pending.length;
  if (leases > leaseRunsPerGrant) throw limitReached(`runs leased for the volume ${command.volume}`, leaseRunsPerGrant);
}

function checkEntry(state: State, lineage: LineageRow, { command, entry }: OneEntry): void {
  const { volume } = command;
  if (!isExpected(state, lineage, entry)) throw new OpError('MAP_ENTRY_CHANGED', { volume, extent: entry.logical });
  checkLeased(state, entry, command);
}

function checkLeased(state: State, run: Extents, of: OfGrant): void {
  if (leaseOf(state, run, of) !== null) return;
  const { volume, epoch } = of;
  throw new OpError('LEASE_UNKNOWN', { device: run.device, extent: run.start, volume, epoch });
}

/** The whole entry is unmapped, or goes on from one place of one device, as the engine believes. */
function isExpected(
  { database }: State,
  { number: lineage }: LineageRow,
  { logical, length, expect }: Pick<Entry, 'logical' | 'length' | 'expect'>,
): boolean {
  const view = { lineage, generation: null };
  let at = logical;
  let steps = 0;
  for (const segment of segments(database, view, { from: logical, to: logical + length })) {
    if (expect === null || segment.logical !== at || segment.device !== expect.device) return false;
    if (segment.physical !== expect.start + at - logical || ++steps > stateLimits.stepsPerCommand) return false;
    at += segment.length;
  }
  return expect === null || at === logical + length;
}
