// Where two maps differ. An extent that two maps name is the same in both for as long as one of them is a snapshot: it is shared, and
// whoever writes there writes elsewhere. So what lies in the same place is unchanged, and nothing has to be read of the devices.
import type { StateDatabase } from './database.ts';
import { mapPage } from './map-delta.ts';
import type { Places } from './map-trace.ts';
import type { Segment, View } from './map-view.ts';

export interface Difference {
  /** In order, without touching one another. */
  readonly places: readonly Places[];
  /** Where the next part begins; null behind the last. */
  readonly next: number | null;
}

export interface ComparedRange {
  readonly from: number;
  readonly to: number;
  readonly placesMax: number;
}

/** Null for `base` is a map that holds nothing. */
export function difference(
  database: StateDatabase,
  { base, target }: { readonly base: View | null; readonly target: View },
  { from, to, placesMax }: ComparedRange,
): Difference {
  const range = { from, to, limit: segmentsMax };
  const before = base === null ? nothing : mapPage(database, base, range);
  const after = mapPage(database, target, range);
  // Both are known up to there.
  const horizon = Math.min(before.next ?? to, after.next ?? to);
  const places = differing(before.segments, after.segments, { from, to: horizon });
  const beyond = places[placesMax];
  if (beyond !== undefined) return { places: places.slice(0, placesMax), next: beyond.start };
  return { places, next: horizon < to ? horizon : null };
}

/** Of each of the two maps, for one part. */
const segmentsMax = 1_024;
const nothing = { segments: [], next: null };

function differing(
  before: readonly Segment[],
  after: readonly Segment[],
  { from, to }: { readonly from: number; readonly to: number },
): Places[] {
  const places: { start: number; length: number }[] = [];
  const [one, other] = [new Cursor(before), new Cursor(after)];
  for (let at = from; at < to;) {
    const [left, right] = [one.at(at), other.at(at)];
    const end = Math.min(to, left.end, right.end);
    if (left.device !== right.device || left.physical !== right.physical) {
      const last = places.at(-1);
      if (last !== undefined && last.start + last.length === at) last.length += end - at;
      else places.push({ start: at, length: end - at });
    }
    at = end;
  }
  return places;
}

/** What lies at a place, and up to where that goes on; device 0 for nothing. */
interface Found {
  readonly device: number;
  readonly physical: number;
  readonly end: number;
}

/** Only goes forward. */
class Cursor {
  readonly #segments: readonly Segment[];
  #next = 0;

  constructor(segments: readonly Segment[]) {
    this.#segments = segments;
  }

  at(place: number): Found {
    let segment = this.#segments[this.#next];
    while (segment !== undefined && segment.logical + segment.length <= place) segment = this.#segments[++this.#next];
    if (segment === undefined) return { device: 0, physical: 0, end: Number.POSITIVE_INFINITY };
    const { logical, length, device, physical } = segment;
    if (logical > place) return { device: 0, physical: 0, end: logical };
    return { device, physical: physical + place - logical, end: logical + length };
  }
}
