// The service Maps: a map page by page. A living map is of one revision if its reader says of which; who reads it without goes on from
// the first page's revision by what has changed since (sessions.proto, FollowMap).
import { OpError } from '@holdfast/base';
import type { Caller, Handlers, loadSessionsServices, sessions } from '@holdfast/rpc';
import type { StateDatabase } from '../state/database.ts';
import type { GrantRow, SnapshotRow, VolumeRow } from '../state/entities.ts';
import { headOf, isUnchangedSince, mapPage } from '../state/map-delta.ts';
import { query } from '../state/query.ts';
import type { MapLimits } from './map-limits.ts';
import { fromHead, fromSegment } from './map-values.ts';
import { pageSizeOf } from './page.ts';
import type { StateAccess } from './state-access.ts';
import { present, toNumber, toWord } from './values.ts';

type Services = Awaited<ReturnType<typeof loadSessionsServices>>;

const volumeById = query<VolumeRow>('SELECT * FROM volumes WHERE id = ?');
const snapshotById = query<SnapshotRow>('SELECT * FROM snapshots WHERE id = ? AND is_hidden = 0');
const grantOfNode = query<GrantRow>('SELECT * FROM grants WHERE volume = ? AND node = ? LIMIT 1');

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
  };
}

/** An agent knows where the extents of its own volumes are, and of nobody else's. */
function checkReader(
  database: StateDatabase,
  caller: Caller,
  { kind, id }: { readonly kind: string; readonly id: string },
): void {
  if (caller.kind !== 'certificate' || caller.identity.role !== 'agent') return;
  const node = caller.identity.node ?? '';
  if (kind === 'volume' && database.get(grantOfNode, id, node) !== null) return;
  throw new OpError('MAP_NOT_GRANTED', { node, of: `the ${kind} ${id}` });
}

function pageOfVolume(database: StateDatabase, id: string, { from, limit, revision }: Asked): Page {
  const volume = database.get(volumeById, id);
  if (volume === null) throw new OpError('VOLUME_NOT_FOUND', { volume: id });
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
  const snapshot = database.get(snapshotById, id);
  if (snapshot === null) throw new OpError('SNAPSHOT_NOT_FOUND', { snapshot: id });
  const { lineage, generation, extents: to } = snapshot;
  const { segments, next } = mapPage(database, { lineage, generation }, { from, to, limit });
  return {
    head: fromHead({ extents: to, cut: 0, sharedTo: generation, intent: null }),
    segments: segments.map((segment) => fromSegment(segment, lineage)),
    next: next === null ? null : BigInt(next),
  };
}
