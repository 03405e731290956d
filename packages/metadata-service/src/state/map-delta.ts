// What an engine that knows a volume's map up to a revision has to learn: the feed says which places have changed, the map what is
// there. So it ends with what is true however many changes there were in one place, and nobody keeps old maps. Only reads.
import type { StateDatabase } from './database.ts';
import type { IntentRow, VolumeRow } from './entities.ts';
import { decodeTrace, type Places } from './map-trace.ts';
import { Bound, segments, type Segment } from './map-view.ts';
import { query } from './query.ts';
import { State } from './state.ts';

/** What holds of a whole map. */
export interface MapHead {
  readonly extents: number;
  /** The revision of the last cut: an engine that took an open intent's instead would admit writes above a cut that it never made. */
  readonly cut: number;
  /** The newest snapshot generation that sees this map; null where none does. */
  readonly sharedTo: number | null;
  /** The open intent; null if there is none. */
  readonly intent: string | null;
}

export interface MapDelta {
  readonly head: MapHead;
  /** Everything up to this revision has been told. */
  readonly revision: number;
  readonly places: readonly Places[];
  readonly segments: readonly Segment[];
  /** Behind `revision` there is more. */
  readonly isMore: boolean;
}

export interface DeltaAsked {
  readonly volume: VolumeRow;
  readonly after: number;
  /** Whose own changes are left out; null for nobody's. */
  readonly except: number | null;
  readonly placesMax: number;
  readonly segmentsMax: number;
}

interface TraceRow {
  readonly revision: number;
  readonly detail: Uint8Array;
}
const tracesBehind = query<TraceRow>(`
  SELECT revision, detail FROM changes WHERE kind = 'map' AND key = ? AND revision > ? ORDER BY revision LIMIT ?
`);
const lastTrace = query<{ readonly revision: number | null }>(
  "SELECT MAX(revision) AS revision FROM changes WHERE kind = 'map' AND key = ?",
);
const newestSnapshot = query<{ readonly generation: number | null }>(
  'SELECT MAX(generation) AS generation FROM snapshots WHERE lineage = ?',
);
const intentOn = query<IntentRow>('SELECT * FROM intents WHERE volume = ?');
/** Runs of a map that one reading passes, for each depth of clones. */
const runsPassedMax = 2_048;
/** Changes that one delta goes through. */
const tracesMax = 256;

export function headOf(database: StateDatabase, { id, extents, narrowed, lineage }: VolumeRow): MapHead {
  return {
    extents,
    cut: narrowed,
    sharedTo: database.get(newestSnapshot, lineage)?.generation ?? null,
    intent: database.get(intentOn, id)?.id ?? null,
  };
}

/** False also where it cannot be known any more. */
export function isUnchangedSince(database: StateDatabase, volume: string, revision: number): boolean {
  if (revision < State.read(database).compacted) return false;
  return (database.get(lastTrace, volume)?.revision ?? 0) <= revision;
}

/** Null if there is too much to tell, or nobody knows it any more: the map is to be read anew. */
export function mapDelta(database: StateDatabase, asked: DeltaAsked): MapDelta | null {
  const { volume, after, except, placesMax, segmentsMax } = asked;
  const { compacted, applied } = State.read(database);
  if (after < compacted) return null;
  const rows = database.all(tracesBehind, volume.id, after, tracesMax);
  const places: Places[] = [];
  let told = after;
  let isMore = rows.length === tracesMax;
  for (const { revision, detail } of rows) {
    const trace = decodeTrace(detail);
    const untold = trace.epoch === except ? [] : trace.places;
    if (places.length > 0 && places.length + untold.length > placesMax) {
      isMore = true;
      break;
    }
    places.push(...untold);
    told = revision;
  }
  const union = united(places);
  const found = segmentsIn(database, volume.lineage, union, segmentsMax);
  if (found === null) return null;
  const revision = isMore ? told : Math.max(after, applied);
  return { head: headOf(database, volume), revision, places: union, segments: found, isMore };
}

/** In order, each place once. */
function united(places: readonly Places[]): Places[] {
  const union: { start: number; length: number }[] = [];
  for (const { start, length } of places.toSorted((left, right) => left.start - right.start)) {
    const last = union.at(-1);
    if (last === undefined || last.start + last.length < start) union.push({ start, length });
    else last.length = Math.max(last.length, start + length - last.start);
  }
  return union;
}

function segmentsIn(
  database: StateDatabase,
  lineage: number,
  places: readonly Places[],
  limit: number,
): Segment[] | null {
  const found: Segment[] = [];
  const bound = new Bound(runsPassedMax);
  for (const { start, length } of places) {
    const view = { lineage, generation: null };
    for (const segment of segments(database, view, { from: start, to: start + length }, bound)) {
      if (found.length === limit) return null;
      found.push(segment);
    }
    if (bound.stoppedAt !== null) return null;
  }
  return found;
}

export interface MapPage {
  readonly segments: readonly Segment[];
  /** Where the next page begins; null behind the last. */
  readonly next: number | null;
}

/** What a lineage maps from a place on, as a snapshot of a generation sees it, or as the volume does. */
export function mapPage(
  database: StateDatabase,
  view: { readonly lineage: number; readonly generation: number | null },
  { from, to, limit }: { readonly from: number; readonly to: number; readonly limit: number },
): MapPage {
  const found: Segment[] = [];
  const bound = new Bound(runsPassedMax);
  for (const segment of segments(database, view, { from, to }, bound)) {
    if (found.length === limit) return { segments: found, next: segment.logical };
    found.push(segment);
  }
  return { segments: found, next: bound.stoppedAt };
}
