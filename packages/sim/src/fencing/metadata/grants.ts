// Attachments and grants (F4, F5, F8): who may open a volume, and in which epoch.
import { refuseAgent } from './agents.ts';
import { accept, refuse, type Answer, type Command } from './command.ts';
import {
  conflicts,
  sessionOf,
  type GrantMode,
  type MetadataState,
  type SessionState,
  type VolumeState,
} from './state.ts';

export function publish(state: MetadataState, command: Extract<Command, { kind: 'publish' }>): Answer {
  const volume = usableVolume(state, command.volume);
  if (volume === null) return refuse('not-found');
  if (state.pools[volume.pool]?.openGeneration !== state.generation) return refuse('older-generation');
  const session = sessionOf(state, command.node);
  if (session === null) return refuse('not-allowed');
  const { node, mode } = command;
  if (volume.isShared !== (mode === 'role')) return refuse('not-allowed');
  const others = Object.entries(volume.attachments).filter(([other]) => other !== node);
  const isElsewhere = others.some(([, each]) => !each.isUndoing && conflicts(each.mode, mode));
  if (isElsewhere && !volume.isShared) return refuse('busy');
  if (volume.attachments[node]?.isUndoing === true) return refuse('busy');
  if (volume.isShared) {
    volume.attachments[node] ??= { mode, isUndoing: false };
    return accept({ epoch: volume.epoch });
  }
  const answer = give(volume, session, mode);
  if (answer.refusal === null) volume.attachments[node] ??= { mode, isUndoing: false };
  return answer;
}

function usableVolume(state: MetadataState, name: string): VolumeState | null {
  const volume = state.volumes[name];
  return volume === undefined || volume.isDeleting ? null : volume;
}

/** The grant that stands, or one with the next epoch if nothing conflicts. */
function give(volume: VolumeState, session: SessionState, mode: GrantMode): Answer {
  const own = volume.grants.find((grant) => grant.session === session.id && grant.mode === mode);
  if (own !== undefined) return accept({ epoch: own.epoch, session: session.id });
  const against = volume.grants.filter((grant) => conflicts(grant.mode, mode) || grant.session === session.id);
  if (against.length > 0) {
    return refuse(
      'conflict',
      against.map((grant) => grant.session),
    );
  }
  // F9: from an intent to its end nobody is given what could use the old entries.
  if (volume.intents.length > 0) return refuse('busy');
  volume.epoch++;
  if (mode === 'read') volume.lastReadEpoch = volume.epoch;
  else volume.lastWriteEpoch = volume.epoch;
  volume.grants.push({ epoch: volume.epoch, node: session.node, session: session.id, mode });
  return accept({ epoch: volume.epoch, session: session.id });
}

/** Succeeds when nothing of the node's grants is left without a certificate. */
export function unpublish(state: MetadataState, command: Extract<Command, { kind: 'unpublish' }>): Answer {
  const volume = state.volumes[command.volume];
  const attachment = volume?.attachments[command.node];
  if (volume === undefined || attachment === undefined) return accept();
  attachment.isUndoing = true;
  const left = volume.grants.filter(({ node }) => node === command.node);
  if (left.length > 0)
    return refuse(
      'conflict',
      left.map(({ session }) => session),
    );
  Reflect.deleteProperty(volume.attachments, command.node);
  return accept();
}

/** F4: the agent says that no device of the volume stands on its node. A node that asks for the role comes here, too. */
export function stage(state: MetadataState, command: Extract<Command, { kind: 'stage' }>): Answer {
  const refusal = refuseAgent(state, command);
  if (refusal !== null) return refusal;
  const session = state.sessions[command.session];
  const volume = usableVolume(state, command.volume);
  if (volume === null || session === undefined) return refuse('not-found');
  if (state.pools[volume.pool]?.openGeneration !== state.generation) return refuse('older-generation');
  const attachment = volume.attachments[session.node];
  if (attachment === undefined || attachment.isUndoing || attachment.mode !== command.mode)
    return refuse('not-allowed');
  if (volume.epoch < command.lowerBound) return refuse('older-generation');
  return give(volume, session, command.mode);
}
