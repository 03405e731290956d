// The service Snapshots: of single volumes, and of several at one instant.
import { OpError } from '@holdfast/base';
import type { Handlers, loadMetadataServices, Snapshot, SnapshotGroup } from '@holdfast/rpc';
import type { SnapshotGroupRow, SnapshotRow } from '../state/entities.ts';
import { query } from '../state/query.ts';
import type { ApiLimits } from './api-limits.ts';
import { readPage } from './page.ts';
import type { StateAccess } from './state-access.ts';
import { present, toTimestamp, toWord } from './values.ts';

type Services = Awaited<ReturnType<typeof loadMetadataServices>>;

const snapshotById = query<SnapshotRow>('SELECT * FROM snapshots WHERE id = ? AND is_hidden = 0');
const snapshotNamed = query<SnapshotRow>('SELECT * FROM snapshots WHERE name = ?');
const snapshotsBehind = query<SnapshotRow>(
  'SELECT * FROM snapshots WHERE id > ? AND is_hidden = 0 ORDER BY id LIMIT ?',
);
const snapshotsOfVolume = query<SnapshotRow>(
  'SELECT * FROM snapshots WHERE volume = ? AND id > ? AND is_hidden = 0 ORDER BY id LIMIT ?',
);
const groupById = query<SnapshotGroupRow>('SELECT * FROM snapshot_groups WHERE id = ?');
const groupNamed = query<SnapshotGroupRow>('SELECT * FROM snapshot_groups WHERE name = ?');
const snapshotsOfGroup = query<SnapshotRow>('SELECT * FROM snapshots WHERE group_id = ? ORDER BY id');
/** Of an item of a list beside its name. */
const roughBytes = 256;

/** Brings the intents that make snapshots to their end: the leader's part. */
export interface SnapshotMaker {
  make(asked: { readonly volume: string; readonly name: string }): Promise<void>;
  /** Answers the group's id. */
  makeGroup(asked: { readonly volumes: readonly string[]; readonly name: string }): Promise<string>;
}

export function snapshotsHandlers(
  access: StateAccess,
  limits: ApiLimits,
  maker: SnapshotMaker,
): Handlers<Services['snapshotsService']> {
  const find = async (by: { readonly kind: string; readonly value: string }, isLocal: boolean) => {
    const asked = toWord(by.value, by.kind);
    const statement = by.kind === 'snapshot' ? snapshotById : snapshotNamed;
    const { value: row, revision } = await access.read(isLocal, (database) => database.get(statement, asked));
    if (row === null) throw new OpError('SNAPSHOT_NOT_FOUND', { snapshot: asked });
    return { snapshot: snapshotOf(row), revision };
  };
  return {
    create: async ({ name, volume }) => {
      access.requireLeader();
      await maker.make({ volume: toWord(volume, 'volume'), name: toWord(name, 'name') });
      const { snapshot } = await find({ kind: 'name', value: name }, false);
      return { snapshot };
    },
    createGroup: async ({ name, volumes }) => {
      access.requireLeader();
      const asked = { name: toWord(name, 'name'), volumes: volumes.map((volume) => toWord(volume, 'volumes')) };
      const value = await maker.makeGroup(asked);
      const { group } = await findGroup(access, { kind: 'group', value }, false);
      return { group };
    },
    deleteGroup: async ({ id, group }) =>
      access.act<'deleteGroup'>(id, { kind: 'deleteGroup', group: toWord(group, 'group') }),
    getGroup: async ({ by, isLocal }) => findGroup(access, present(by, 'by'), isLocal),
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

async function findGroup(
  access: StateAccess,
  by: { readonly kind: 'group' | 'name'; readonly value: string },
  isLocal: boolean,
): Promise<{ readonly group: SnapshotGroup; readonly revision: bigint }> {
  const asked = toWord(by.value, by.kind);
  const { value: group, revision } = await access.read(isLocal, (database) => {
    const row = database.get(by.kind === 'group' ? groupById : groupNamed, asked);
    return row === null ? null : groupOf(row, database.all(snapshotsOfGroup, row.id));
  });
  if (group === null) throw new OpError('SNAPSHOT_GROUP_NOT_FOUND', { group: asked });
  return { group, revision };
}

function groupOf({ id, name, created_ms }: SnapshotGroupRow, snapshots: readonly SnapshotRow[]): SnapshotGroup {
  return { id, name, createTime: toTimestamp(created_ms), snapshots: snapshots.map(snapshotOf) };
}

function snapshotOf({ id, name, volume, extents, clones, created_ms, group_id }: SnapshotRow): Snapshot {
  return {
    ...{ id, name: name ?? '', volume, group: group_id ?? '' },
    extents: BigInt(extents),
    clones: BigInt(clones),
    createTime: toTimestamp(created_ms),
  };
}
