// The service Maps: a map page by page. A living map is of one revision if its reader says of which; who reads it without goes on from
// the first page's revision by what has changed since (sessions.proto, FollowMap).
import { invariant, OpError } from '@holdfast/base';
import type { Caller, Handlers, loadSessionsServices, sessions } from '@holdfast/rpc';
import type { StateDatabase } from '../state/database.ts';
import type { GrantRow, LineageRow, PoolRow } from '../state/entities.ts';
import type { SnapshotRow, VolumeRow } from '../state/entities.ts';
import { headOf, isUnchangedSince, mapPage } from '../state/map-delta.ts';
import { difference } from '../state/map-difference.ts';
import { lineageOf } from '../state/map-view.ts';
import { query } from '../state/query.ts';
import type { MapLimits } from './map-limits.ts';
import { fromHead, fromSegment } from './map-values.ts';
import { pageSizeOf } from './page.ts';
import type { StateAccess } from './state-access.ts';
import { present, toNumber, toWord } from './values.ts';

type Services = Awaited<ReturnType<typeof loadSessionsServices>>;

const volumeById = query<VolumeRow>('SELECT * FROM volumes WHERE id = ?');
const snapshotById = query<SnapshotRow>('SELECT * FROM snapshots WHERE id = ? AND is_hidden = 0');
const poolNamed = query<PoolRow>('SELECT * FROM pools WHERE name = ?');
const grantOfNode = query<GrantRow>('SELECT * FROM grants WHERE volume = ? AND node = ? LIMIT 1');

interface MapOf {
  readonly kind: 'volume' | 'snapshot';
  readonly id: string;
}

interface Asked {
  readonly from: number;
  readonly limit: number;
  /** 0 for whichever. */
  readonly revision: number;
}
type Page = Omit<sessions.ReadMapResponse, 'revision'>;

export function mapsHandlers(access: StateAccess, limits: MapLimits): Handlers<Services['mapsService']> {
  const sizes = { pageItemsDefault: limits.pageSegmentsDefault, pageItemsMax: limits.pageSegmentsMax };
  return {
    read: async ({ of, from, pageSize, revision: since, isLocal }, { caller }) => {
      const { kind, value } = present(of, 'of');
      const id = toWord(value, kind);
      const asked = {
        from: toNumber(from, 'from'),
        limit: pageSizeOf(pageSize, sizes),
        revision: toNumber(since, 'revision'),
      };
      const { value: page, revision } = await access.read(isLocal, (database) => {
        checkReader(database, caller, { kind, id });
        return kind === 'volume' ? pageOfVolume(database, id, asked) : pageOfSnapshot(database, id, asked);
      });
      return { ...page, revision };
    },
    compare: async ({ baseSnapshot, target, startingOffset, maxResults, isLocal }) => {
      const { kind, value } = present(target, 'target');
      const id = toWord(value, kind);
      const asked = {
        base: baseSnapshot === '' ? null : baseSnapshot,
        offset: toNumber(startingOffset, 'starting_offset'),
        placesMax: Math.min(toNumber(maxResults, 'max_results') || limits.rangesDefault, limits.rangesMax),
      };
      const { value: page, revision } = await access.read(isLocal, (database) =>
        compare(database, { kind, id }, asked),
      );
      return { ...page, revision };
    },
  };
}

/** An agent knows where the extents of its own volumes are, and of nobody else's. */
function checkReader(database: StateDatabase, caller: Caller, { kind, id }: MapOf): void {
  if (caller.kind !== 'certificate' || caller.identity.role !== 'agent') return;
  const node = caller.identity.node ?? '';
  if (kind === 'volume' && database.get(grantOfNode, id, node) !== null) return;
  throw new OpError('MAP_NOT_GRANTED', { node, of: `the ${kind} ${id}` });
}

function pageOfVolume(database: StateDatabase, id: string, { from, limit, revision }: Asked): Page {
  const volume = volumeOf(database, id);
  if (revision > 0 && !isUnchangedSince(database, id, revision))
    throw new OpError('MAP_CHANGED', { volume: id, revision });
  const { lineage, extents: to } = volume;
  const { segments, next } = mapPage(database, { lineage, generation: null }, { from, to, limit });
  return {
    head: fromHead(headOf(database, volume)),
    segments: segments.map((segment) => fromSegment(segment, lineage)),
    next: next === null ? null : BigInt(next),
  };
}

function pageOfSnapshot(database: StateDatabase, id: string, { from, limit }: Asked): Page {
  const { lineage, generation, extents: to } = snapshotOf(database, id);
  const { segments, next } = mapPage(database, { lineage, generation }, { from, to, limit });
  return {
    head: fromHead({ extents: to, cut: 0, sharedTo: generation, intent: null }),
    segments: segments.map((segment) => fromSegment(segment, lineage)),
    next: next === null ? null : BigInt(next),
  };
}

interface Compared {
  readonly lineage: LineageRow;
  readonly generation: number | null;
  readonly extents: number;
}

function comparedOf(database: StateDatabase, { kind, id }: MapOf): Compared {
  if (kind === 'volume') {
    const { lineage, extents } = volumeOf(database, id);
    return { lineage: lineageOf(database, lineage), generation: null, extents };
  }
  const { lineage, generation, extents } = snapshotOf(database, id);
  return { lineage: lineageOf(database, lineage), generation, extents };
}

function compare(
  database: StateDatabase,
  of: MapOf,
  { base, offset, placesMax }: { readonly base: string | null; readonly offset: number; readonly placesMax: number },
): Omit<sessions.CompareMapsResponse, 'revision'> {
  const { lineage, generation, extents } = comparedOf(database, of);
  const earlier = base === null ? null : snapshotOf(database, base);
  const isEarlier = earlier === null || (generation ?? Number.POSITIVE_INFINITY) > earlier.generation;
  if (earlier !== null && (earlier.lineage !== lineage.number || !isEarlier))
    throw new OpError('SNAPSHOT_UNRELATED', { base: earlier.id, target: of.id });
  const { extent_bytes: extentBytes } = poolOf(database, lineage.pool);
  const from = Math.floor(offset / extentBytes);
  if (from > extents) throw new OpError('FIELD_OUT_OF_RANGE', { field: 'starting_offset', value: offset });
  const views = { base: earlier, target: { lineage: lineage.number, generation } };
  const { places, next } = difference(database, views, { from, to: extents, placesMax });
  const toBytes = (count: number): bigint => BigInt(count) * BigInt(extentBytes);
  return {
    volumeCapacityBytes: toBytes(extents),
    ranges: places.map(({ start, length }) => ({ byteOffset: toBytes(start), sizeBytes: toBytes(length) })),
    nextOffset: next === null ? null : toBytes(next),
  };
}

function volumeOf(database: StateDatabase, volume: string): VolumeRow {
  const row = database.get(volumeById, volume);
  if (row === null) throw new OpError('VOLUME_NOT_FOUND', { volume });
  return row;
}

function snapshotOf(database: StateDatabase, snapshot: string): SnapshotRow {
  const row = database.get(snapshotById, snapshot);
  if (row === null) throw new OpError('SNAPSHOT_NOT_FOUND', { snapshot });
  return row;
}

function poolOf(database: StateDatabase, pool: string): PoolRow {
  const row = database.get(poolNamed, pool);
  invariant(row !== null, 'a lineage is of a pool');
  return row;
}
