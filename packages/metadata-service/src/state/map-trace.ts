// What a change of a map touched, as the feed keeps it beside the volume's id: the places, and the grant whose engine made it, which knows
// already. Only the places: whoever wants to know what is there reads the map, so that the last word on a place is always the map's.
import { ByteReader, ByteWriter } from '../host/bytes.ts';
import { stateLimits as limits } from './state-limits.ts';
import { number, numberTo, positiveTo, record, someOf } from './values.ts';

export interface Places {
  readonly start: number;
  readonly length: number;
}

export interface MapTrace {
  /** Of the grant that made the change; 0 for one that no engine made. */
  readonly epoch: number;
  /** In their order, without touching one another. None: not what is mapped has changed, but what is shared. */
  readonly places: readonly Places[];
}

const place = record<Places>({
  start: numberTo(limits.extentsPerVolume),
  length: positiveTo(limits.extentsPerVolume),
});
const trace = record<MapTrace>({ epoch: number, places: someOf(place, limits.entriesPerCommand) });
const roughBytes = 64;

export function encodeTrace(value: MapTrace): Uint8Array {
  const to = new ByteWriter(roughBytes);
  trace.write(to, value);
  return to.finish();
}

export function decodeTrace(detail: Uint8Array): MapTrace {
  const from = new ByteReader(detail);
  const value = trace.read(from);
  from.expectEnd();
  return value;
}

/** Entries in their order; those that touch become one. */
export function joined(entries: readonly { readonly logical: number; readonly length: number }[]): Places[] {
  const places: { start: number; length: number }[] = [];
  for (const { logical: start, length } of entries) {
    const last = places.at(-1);
    if (last !== undefined && last.start + last.length === start) last.length += length;
    else places.push({ start, length });
  }
  return places;
}
