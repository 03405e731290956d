// Attachments and grants (F4, F5, F8): who may open a volume, and in which epoch.
import { OpError } from '@holdfast/base';
import { checkAgent, liveSessionOf } from './agents.ts';
import type { CommandOf, ResultOf } from './commands.ts';
import { conflicts, type AttachmentRow, type GrantMode, type GrantRow, type IntentRow } from './entities.ts';
import type { SessionRow, VolumeRow } from './entities.ts';
import { openPoolOf } from './extents.ts';
import { change, insert, query } from './query.ts';
import { limitReached, type State } from './state.ts';
import { stateLimits } from './state-limits.ts';
import { checkUnheld, volumeOf } from './volumes.ts';

const attachmentsOf = query<AttachmentRow>('SELECT * FROM attachments WHERE volume = ? ORDER BY node');
const attachmentAt = query<AttachmentRow>('SELECT * FROM attachments WHERE volume = ? AND node = ?');
const insertAttachment = insert<AttachmentRow>('attachments', ['volume', 'node', 'mode', 'is_undoing']);
const undoAttachment = change('UPDATE attachments SET is_undoing = 1 WHERE volume = ? AND node = ?');
const deleteAttachment = change('DELETE FROM attachments WHERE volume = ? AND node = ?');
const grantsOf = query<GrantRow>('SELECT * FROM grants WHERE volume = ? ORDER BY epoch');
const countGrants = query<{ readonly count: number }>('SELECT COUNT(*) AS count FROM grants WHERE session = ?');
const insertGrant = insert<GrantRow>('grants', ['volume', 'epoch', 'session', 'node', 'pool', 'mode']);
const insertSessionPool = change(`
  INSERT INTO session_pools (session, pool, ended_revision, certificate, is_silent) VALUES (?, ?, NULL, NULL, 0)
  ON CONFLICT DO NOTHING
`);
const intentOn = query<IntentRow>('SELECT * FROM intents WHERE volume = ?');
const setEpoch = change('UPDATE volumes SET epoch = ?, epoch_generation = ? WHERE id = ?');

function busy(volume: string, reason: string): OpError {
  return new OpError('VOLUME_BUSY', { volume, reason });
}
function wrongMode(volume: string, reason: string): OpError {
  return new OpError('VOLUME_MODE_WRONG', { volume, reason });
}

function usableVolume(state: State, id: string, mode: GrantMode): VolumeRow {
  const volume = volumeOf(state, id);
  // F11: an extent was claimed twice; a person decides, and until then nobody writes.
  if (volume.is_disputed === 1 && mode !== 'read')
    throw wrongMode(id, 'it is read-only until a person decides a dispute over it');
  if ((volume.is_shared === 1) !== (mode === 'role'))
    throw wrongMode(id, 'raw block in MULTI_NODE mode, and only that, has the role');
  openPoolOf(state, volume.pool);
  return volume;
}

export function publish(state: State, { volume: id, node, mode }: CommandOf<'publish'>): ResultOf<'publish'> {
  const { database } = state;
  const volume = usableVolume(state, id, mode);
  const session = liveSessionOf(state, node);
  const attachments = database.all(attachmentsOf, id);
  const own = attachments.find((each) => each.node === node) ?? null;
  if (own?.is_undoing === 1) throw busy(id, `it is being detached from the node ${node}`);
  if (own !== null && own.mode !== mode) throw busy(id, `it is attached to the node ${node} in the mode ${own.mode}`);
  if (own === null && attachments.length >= stateLimits.attachmentsPerVolume) {
    throw limitReached('attachments of the volume', stateLimits.attachmentsPerVolume);
  }
  const isElsewhere = (each: AttachmentRow): boolean =>
    each.node !== node && each.is_undoing === 0 && conflicts(each.mode, mode);
  const elsewhere = volume.is_shared === 1 ? null : attachments.find(isElsewhere);
  if (elsewhere) throw busy(id, `it is attached to the node ${elsewhere.node}`);
  // F8: who asks for the role gets it when it stages, or with its first request.
  const epoch = volume.is_shared === 1 ? volume.epoch : give(state, volume, { session, mode });
  if (own === null) {
    database.insert(insertAttachment, { volume: id, node, mode, is_undoing: 0 });
    state.note('volume', id);
  }
  return { epoch };
}

/** The grant that stands, or one with the next epoch if nothing conflicts. */
function give(
  state: State,
  volume: VolumeRow,
  { session, mode }: { readonly session: SessionRow; readonly mode: GrantMode },
): number {
  const { database, cluster } = state;
  const grants = database.all(grantsOf, volume.id);
  // F4: publishing again where the node's grant stands returns that grant.
  const own = grants.find((grant) => grant.session === session.id && grant.mode === mode);
  if (own !== undefined) return own.epoch;
  // F5: nothing is granted against a grant without a certificate, whatever has become of its session.
  checkUnheld(
    volume.id,
    grants.filter((grant) => conflicts(grant.mode, mode) || grant.session === session.id),
  );
  // F9: from an intent to its end nobody is given what could use the old entries.
  const intent = database.get(intentOn, volume.id);
  if (intent !== null) throw busy(volume.id, `the intent ${intent.id} is not over`);
  const { grantsPerSession: limit } = stateLimits;
  if ((database.get(countGrants, session.id)?.count ?? 0) >= limit) throw limitReached('grants of the session', limit);
  const epoch = volume.epoch + 1;
  const { node } = session;
  database.run(setEpoch, epoch, cluster.generation, volume.id);
  database.insert(insertGrant, { volume: volume.id, epoch, session: session.id, node, pool: volume.pool, mode });
  database.run(insertSessionPool, session.id, volume.pool);
  state.note('grant', volume.id);
  return epoch;
}

/** F5: done when nothing of the node's grants is left without a certificate; from the first time on, no grant is given there. */
export function unpublish(state: State, { volume, node }: CommandOf<'unpublish'>): ResultOf<'unpublish'> {
  const { database } = state;
  const attachment = database.get(attachmentAt, volume, node);
  if (attachment === null) return { isDone: true, waitsFor: [] };
  if (attachment.is_undoing === 0) {
    database.run(undoAttachment, volume, node);
    state.note('volume', volume);
  }
  const left = database.all(grantsOf, volume).filter((grant) => grant.node === node);
  if (left.length > 0) return { isDone: false, waitsFor: left.map(({ session }) => session) };
  database.run(deleteAttachment, volume, node);
  state.note('volume', volume);
  return { isDone: true, waitsFor: [] };
}

/** F4: the agent says that no device of the volume stands on its node. A node that asks for the role comes here, too (F8). */
export function stage(state: State, command: CommandOf<'stage'>): ResultOf<'stage'> {
  const session = checkAgent(state, command);
  const { volume: id, mode, leastEpoch } = command;
  const volume = usableVolume(state, id, mode);
  const attachment = state.database.get(attachmentAt, id, session.node);
  if (attachment?.mode !== mode)
    throw wrongMode(id, `it is not attached to the node ${session.node} in the mode ${mode}`);
  if (attachment.is_undoing === 1) throw busy(id, `it is being detached from the node ${session.node}`);
  if (volume.epoch < leastEpoch) throw wrongMode(id, `epoch ${leastEpoch} was never given`);
  return { epoch: give(state, volume, { session, mode }), session: session.id };
}
