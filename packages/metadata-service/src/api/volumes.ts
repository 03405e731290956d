// The service Volumes.
import { OpError } from '@holdfast/base';
import type { Handlers, loadMetadataServices, Volume, VolumeGrant } from '@holdfast/rpc';
import type { StateDatabase } from '../state/database.ts';
import type { AttachmentRow, GrantRow, IntentRow, VolumeRow } from '../state/entities.ts';
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
