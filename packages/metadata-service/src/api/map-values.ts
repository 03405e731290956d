// Between what an agent says of maps and the state's commands, and between the state's maps and what is told of them.
import { OpError } from '@holdfast/base';
import type { sessions } from '@holdfast/rpc';
import type { CommandOf } from '../state/commands.ts';
import type { Extents } from '../state/entities.ts';
import type { MapDelta, MapHead } from '../state/map-delta.ts';
import type { Segment } from '../state/map-view.ts';
import type { BySession } from './session-values.ts';
import { present, toNumber, toWord } from './values.ts';

export interface OfGrant {
  readonly volume: string;
  readonly epoch: number;
}

export function toOfGrant({ volume, epoch }: { readonly volume: string; readonly epoch: bigint }): OfGrant {
  return { volume: toWord(volume, 'volume'), epoch: toNumber(epoch, 'epoch') };
}

export function toAllocate(by: BySession, value: sessions.Allocate): CommandOf<'allocate'> {
  return { kind: 'allocate', ...by, ...toOfGrant(value), extents: toCount(value.extents, 'extents') };
}

export function toConvert(by: BySession, { entries, revision, ...value }: sessions.Convert): CommandOf<'convert'> {
  return {
    ...{ kind: 'convert', ...by, ...toOfGrant(value), revision: toNumber(revision, 'revision') },
    entries: entries.map(({ logical, extents, expected }) => ({
      logical: toNumber(logical, 'entries.logical'),
      ...toExtents(extents, 'entries.extents'),
      expect: expected === null ? null : toExpected(expected),
    })),
  };
}

export function toDiscard(by: BySession, { entries, revision, ...value }: sessions.Discard): CommandOf<'discard'> {
  return {
    ...{ kind: 'discard', ...by, ...toOfGrant(value), revision: toNumber(revision, 'revision') },
    entries: entries.map(({ logical, length, expected }) => ({
      logical: toNumber(logical, 'entries.logical'),
      length: toCount(length, 'entries.length'),
      expect: toExpected(present(expected, 'entries.expected')),
    })),
  };
}

export function toReturnLeases(by: BySession, value: sessions.ReturnLeases): CommandOf<'returnLeases'> {
  const runs = value.runs.map((run) => toExtents(run, 'runs'));
  return { kind: 'returnLeases', ...by, ...toOfGrant(value), runs };
}

function toExtents(extents: sessions.Extents | null, field: string): Extents {
  const { device, start, length } = present(extents, field);
  return {
    device: toCount(device, `${field}.device`),
    start: toNumber(start, `${field}.start`),
    length: toCount(length, `${field}.length`),
  };
}

function toExpected({ device, start }: sessions.Expected): { readonly device: number; readonly start: number } {
  return { device: toCount(device, 'expected.device'), start: toNumber(start, 'expected.start') };
}

/** What is counted from one: 0 is what an empty field has. */
function toCount(value: bigint, field: string): number {
  if (value === 0n) throw new OpError('FIELD_MISSING', { field });
  return toNumber(value, field);
}

export function fromExtents({ device, start, length }: Extents): sessions.Extents {
  return { device: BigInt(device), start: BigInt(start), length: BigInt(length) };
}

export function fromHead({ extents, cut, sharedTo, intent }: MapHead): sessions.MapHead {
  return {
    extents: BigInt(extents),
    revision: BigInt(cut),
    sharedTo: sharedTo === null ? null : BigInt(sharedTo),
    intent: intent ?? '',
  };
}

/** `own` is the lineage of whoever is told: what lies in another one is its origin's. */
export function fromSegment(
  { logical, length, device, physical, birth, lineage }: Segment,
  own: number,
): sessions.Segment {
  return {
    logical: BigInt(logical),
    extents: fromExtents({ device, start: physical, length }),
    birth: lineage === own ? BigInt(birth) : null,
  };
}

export function fromDelta({ volume, epoch }: OfGrant, delta: MapDelta, own: number): sessions.MapDelta {
  const { head, revision, places, segments } = delta;
  return {
    ...{ volume, epoch: BigInt(epoch), revision: BigInt(revision), head: fromHead(head), isLost: false },
    places: places.map(({ start, length }) => ({ start: BigInt(start), length: BigInt(length) })),
    segments: segments.map((segment) => fromSegment(segment, own)),
  };
}

export function lostDelta({ volume, epoch }: OfGrant, revision: number): sessions.MapDelta {
  const of = { volume, epoch: BigInt(epoch), revision: BigInt(revision) };
  return { ...of, head: null, places: [], segments: [], isLost: true };
}
