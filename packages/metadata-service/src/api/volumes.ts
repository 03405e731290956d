// The services Volumes and Snapshots.
import { OpError } from '@holdfast/base';
import type { Handlers, loadMetadataServices, Snapshot, Timestamp, Volume, VolumeGrant } from '@holdfast/rpc';
import type { StateDatabase } from '../state/database.ts';
import type { AttachmentRow, GrantRow, IntentRow, SnapshotRow, VolumeRow } from '../state/entities.ts';
import { query } from '../state/query.ts';
import type { ApiLimits } from './api-limits.ts';
import { readPage } from './page.ts';
import type { StateAccess } from './state-access.ts';
import { fromChoice, present, toNumber, toWord } from './values.ts';

type Services = Awaited<ReturnType<typeof loadMetadataServices>>;

const volumeById = query<VolumeRow>('SELECT * FROM volumes WHERE id = ?');
const volumeNamed = query<VolumeRow>('SELECT * FROM volumes WHERE name = ?');
const volumesBehind = query<VolumeRow>('SELECT * FROM volumes WHERE id > ? ORDER BY id LIMIT ?');
const volumesAtNode = query<VolumeRow>(`
  SELECT volumes.* FROM attachments JOIN volumes ON volumes.id = attachments.volume
  WHERE attachments.node = ? AND attachments.volume > ? ORDER BY attachments.volume LIMIT ?
`);
const attachmentsOf = query<AttachmentRow>('SELECT * FROM attachments WHERE volume = ? ORDER BY node');
const grantsOf = query<GrantRow & { readonly ended: string | null }>(`
  SELECT grants.*, sessions.ended FROM grants LEFT JOIN sessions ON sessions.id = grants.session
  WHERE grants.volume = ? ORDER BY grants.epoch
`);
const intentOn = query<IntentRow>('SELECT * FROM intents WHERE volume = ?');
const snapshotById = query<SnapshotRow>('SELECT * FROM snapshots WHERE id = ? AND is_hidden = 0');
const snapshotNamed = query<SnapshotRow>('SELECT * FROM snapshots WHERE name = ?');
const snapshotsBehind = query<SnapshotRow>(
  'SELECT * FROM snapshots WHERE id > ? AND is_hidden = 0 ORDER BY id LIMIT ?',
);
const snapshotsOfVolume = query<SnapshotRow>(
  'SELECT * FROM snapshots WHERE volume = ? AND id > ? AND is_hidden = 0 ORDER BY id LIMIT ?',
);

/** Of an item of a list beside its texts. */
const roughBytes = 256;

export function volumesHandlers(access: StateAccess, limits: ApiLimits): Handlers<Services['volumesService']> {
  return {
    create: async ({ id, name, tenant, pool, extents, isShared, attributes }) =>
      access.propose<'createVolume'>(id, {
        kind: 'createVolume',
        volume: access.newId(),
        name: toWord(name, 'name'),
        tenant,
        pool: toWord(pool, 'pool'),
        extents: toNumber(extents, 'extents'),
        isShared,
        attributes,
      }),
    clone: async ({ id, name, tenant, snapshot, extents, attributes }) =>
      access.propose<'cloneVolume'>(id, {
        kind: 'cloneVolume',
        volume: access.newId(),
        name: toWord(name, 'name'),
        tenant,
        snapshot: toWord(snapshot, 'snapshot'),
        extents: toNumber(extents, 'extents'),
        attributes,
      }),
    expand: async ({ id, volume, extents }) => {
      const answer = await access.propose<'expandVolume'>(id, {
        kind: 'expandVolume',
        volume: toWord(volume, 'volume'),
        extents: toNumber(extents, 'extents'),
      });
      return { extents: BigInt(answer.extents) };
    },
    modify: async ({ id, volume, expectedAttributes: expected, mutableAttributes }) =>
      access.act<'modifyVolume'>(id, {
        ...{ kind: 'modifyVolume', volume: toWord(volume, 'volume'), expected, mutableAttributes },
      }),
    delete: async ({ id, volume }) =>
      access.act<'deleteVolume'>(id, { kind: 'deleteVolume', volume: toWord(volume, 'volume') }),
    get: async ({ by, isLocal }) => {
      const { kind, value: word } = present(by, 'by');
      const asked = toWord(word, kind);
      const { value: found, revision } = await access.read(isLocal, (database) => {
        const row = database.get(kind === 'volume' ? volumeById : volumeNamed, asked);
        return row === null ? null : { volume: volumeOf(database, row), ...usersOf(database, row) };
      });
      if (found === null) throw new OpError('VOLUME_NOT_FOUND', { volume: asked });
      return { ...found, revision };
    },
    list: async ({ isLocal, node, ...page }) => {
      const { value, revision } = await access.read(isLocal, (database) => {
        const behind = (id: string, limit: number): VolumeRow[] =>
          node === '' ? database.all(volumesBehind, id, limit) : database.all(volumesAtNode, node, id, limit);
        return readPage<Volume>(page, {
          limits,
          behind: (id, limit) => behind(id, limit).map((row) => volumeOf(database, row)),
          idOf: ({ id }) => id,
          bytesOf: ({ name, tenant, attributes, mutableAttributes, nodes }) =>
            roughBytes +
            [name, tenant, attributes, mutableAttributes, ...nodes].reduce(
              (sum, text) => sum + Buffer.byteLength(text),
              0,
            ),
        });
      });
      return { volumes: value.rows, nextPageToken: value.nextPageToken, revision };
    },
  };
}

function volumeOf(database: StateDatabase, row: VolumeRow): Volume {
  const { id, name, tenant, pool, attributes } = row;
  return {
    ...{ id, name, tenant, pool, attributes },
    extents: BigInt(row.extents),
    isShared: row.is_shared === 1,
    epoch: BigInt(row.epoch),
    mapRevision: BigInt(row.revision),
    isDisputed: row.is_disputed === 1,
    mutableAttributes: row.mutable_attributes,
    nodes: database.all(attachmentsOf, id).map(({ node }) => node),
  };
}

/** Who may use it, and what waits for them. */
function usersOf(database: StateDatabase, { id }: VolumeRow): { grants: VolumeGrant[]; intent: string } {
  const grants = database.all(grantsOf, id).map(({ epoch, session, node, mode, ended }) => {
    return { epoch: BigInt(epoch), session, node, mode: fromChoice(mode), isEnded: ended !== null };
  });
  return { grants, intent: database.get(intentOn, id)?.id ?? '' };
}

/** Brings the intent that makes a snapshot to its end: the leader's part. Null where this server cannot. */
export type MakeSnapshot = (asked: { readonly volume: string; readonly name: string }) => Promise<void>;

export function snapshotsHandlers(
  access: StateAccess,
  limits: ApiLimits,
  make: MakeSnapshot | null,
): Handlers<Services['snapshotsService']> {
  const find = async (by: { readonly kind: string; readonly value: string }, isLocal: boolean) => {
    const asked = toWord(by.value, by.kind);
    const statement = by.kind === 'snapshot' ? snapshotById : snapshotNamed;
    const { value: row, revision } = await access.read(isLocal, (database) => database.get(statement, asked));
    if (row === null) throw new OpError('SNAPSHOT_NOT_FOUND', { snapshot: asked });
    return { snapshot: snapshotOf(row), revision };
  };
  return {
    create:
      make === null
        ? null
        : async ({ name, volume }) => {
            access.requireLeader();
            await make({ volume: toWord(volume, 'volume'), name: toWord(name, 'name') });
            const { snapshot } = await find({ kind: 'name', value: name }, false);
            return { snapshot };
          },
    delete: async ({ id, snapshot }) =>
      access.act<'deleteSnapshot'>(id, { kind: 'deleteSnapshot', snapshot: toWord(snapshot, 'snapshot') }),
    get: async ({ by, isLocal }) => find(present(by, 'by'), isLocal),
    list: async ({ isLocal, volume, ...page }) => {
      const { value, revision } = await access.read(isLocal, (database) =>
        readPage<SnapshotRow>(page, {
          limits,
          behind: (id, limit) =>
            volume === ''
              ? database.all(snapshotsBehind, id, limit)
              : database.all(snapshotsOfVolume, volume, id, limit),
          idOf: ({ id }) => id,
          bytesOf: ({ name }) => roughBytes + Buffer.byteLength(name ?? ''),
        }),
      );
      return { snapshots: value.rows.map(snapshotOf), nextPageToken: value.nextPageToken, revision };
    },
  };
}

function snapshotOf({ id, name, volume, extents, clones, created_ms }: SnapshotRow): Snapshot {
  return {
    ...{ id, name: name ?? '', volume },
    extents: BigInt(extents),
    clones: BigInt(clones),
    createTime: toTimestamp(created_ms),
  };
}

export function toTimestamp(atMs: number): Timestamp {
  const seconds = Math.floor(atMs / 1000);
  return { seconds: BigInt(seconds), nanos: Math.round((atMs - seconds * 1000) * 1_000_000) };
}
