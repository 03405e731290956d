// Cuts over several volumes at one instant. Each volume gets an intent, all of one id, and the commit of any is that of all. Writers hold
// their writes for the cut; that all of them did so at one moment is what the leader knows that proposed it (adr/0020).
import { OpError } from '@holdfast/base';
import type { CommandOf, ResultOf } from './commands.ts';
import type { GrantRow, IntentRow, SnapshotGroupRow, SnapshotRow, VolumeRow } from './entities.ts';
import { openPoolOf } from './extents.ts';
import { beginIntent, checkIdle, isThere } from './intents.ts';
import { query } from './query.ts';
import { limitReached, type State } from './state.ts';
import { stateLimits } from './state-limits.ts';
import { malformed } from './values.ts';
import { deleteSnapshot, volumeOf } from './volumes.ts';

const groupNamed = query<SnapshotGroupRow>('SELECT * FROM snapshot_groups WHERE name = ?');
const groupById = query<SnapshotGroupRow>('SELECT * FROM snapshot_groups WHERE id = ?');
const snapshotsOf = query<SnapshotRow>('SELECT * FROM snapshots WHERE group_id = ? ORDER BY id');
const underWay = query<IntentRow>('SELECT * FROM intents WHERE id = ? AND group_id IS NOT NULL LIMIT 1');
const intentsOfGroup = query<IntentRow>('SELECT * FROM intents WHERE group_id = ? ORDER BY volume');

const anyGrant = query<GrantRow>('SELECT * FROM grants WHERE volume = ? LIMIT 1');

type Members = CommandOf<'intendGroup'>['members'];

/** The intent's id is the group's name: whoever asks again meanwhile waits for the same cut, and behind it finds the group. */
export function intendGroup(state: State, command: CommandOf<'intendGroup'>): ResultOf<'intendGroup'> {
  const { intent: name, group: id, members } = command;
  checkMembers(members);
  const known = groupOf(state, name, members);
  if (known !== null) return known;
  if (state.database.get(groupById, id) !== null || state.database.all(intentsOfGroup, id).length > 0)
    throw new OpError('SNAPSHOT_EXISTS', { snapshot: id });
  const { snapshots: limit } = stateLimits;
  if (state.cluster.snapshots + members.length > limit) throw limitReached('snapshots', limit);
  const volumes = members.map((member) => checkMember(state, { intent: name, ...member }));
  // From an intent to its end no grant is given (F9): where nobody writes, nobody will.
  const isHeld = volumes.some((volume) => state.database.get(anyGrant, volume.id) !== null);
  const cut = isHeld ? command.cut : 0;
  for (const [at, volume] of volumes.entries()) {
    const { snapshot = null, name: snapshotName = null } = members[at] ?? {};
    const share = { kind: 'share', snapshot, name: snapshotName, start: 0, stop: 0 } as const;
    beginIntent(state, volume, { id: name, ...share, group_id: id, cut });
  }
  return { group: id, isMade: false };
}

function checkMembers(members: Members): void {
  const count = ({ size }: ReadonlySet<string>): boolean => size === members.length;
  if (members.length === 0) throw malformed('a group without volumes');
  if (!count(new Set(members.map(({ volume }) => volume)))) throw malformed('one volume twice in a group');
  const names = new Set(members.map(({ name }) => name));
  if (!count(names) || !count(new Set(members.map(({ snapshot }) => snapshot)))) throw malformed('one snapshot twice');
}

/** The group of that name: made, or on its way; of the same volumes, or the name is taken. */
function groupOf(
  { database }: State,
  name: string,
  members: Members,
): { readonly group: string; readonly isMade: boolean } | null {
  const made = database.get(groupNamed, name);
  const group = made?.id ?? database.get(underWay, name)?.group_id ?? null;
  if (group === null) return null;
  const parts = made === null ? database.all(intentsOfGroup, group) : database.all(snapshotsOf, group);
  const volumes = new Set(parts.map(({ volume }) => volume));
  const isSame = volumes.size === members.length && members.every(({ volume }) => volumes.has(volume));
  if (!isSame) throw new OpError('SNAPSHOT_EXISTS', { snapshot: name });
  return { group, isMade: made !== null };
}

function checkMember(state: State, member: Members[number] & { readonly intent: string }): VolumeRow {
  const volume = volumeOf(state, member.volume);
  openPoolOf(state, volume.pool);
  // One of that name was cut alone: it is of another instant.
  if (isThere(state, volume, member)) throw new OpError('SNAPSHOT_EXISTS', { snapshot: member.name });
  checkIdle(state, volume.id);
  return volume;
}

/** With all of its snapshots; one that is not there is deleted already. */
export function deleteGroup(state: State, { group }: CommandOf<'deleteGroup'>): object {
  for (const { id: snapshot } of state.database.all(snapshotsOf, group))
    deleteSnapshot(state, { kind: 'deleteSnapshot', snapshot });
  return {};
}
