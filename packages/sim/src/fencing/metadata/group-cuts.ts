// A cut over a group of volumes (F9, decision record 20): one entry asks for it, one ends it, and in between each volume has an intent
// that neither commits nor is withdrawn by itself.
import { accept, refuse, type Answer, type Command, type IntendGroup } from './command.ts';
import { drop, isFlushed, missingFor, share } from './intents.ts';
import type { IntentState, MetadataState, VolumeState } from './state.ts';

export interface GroupPart {
  readonly volume: VolumeState;
  readonly intent: IntentState;
}

/** Of all groups, or of one. */
export function groupParts({ volumes }: MetadataState, group: string | null = null): GroupPart[] {
  return Object.values(volumes).flatMap((volume) => {
    const open = volume.intents.filter(({ cut }) => cut !== null && (group ?? cut.group) === cut.group);
    return open.map((intent) => ({ volume, intent }));
  });
}

export function intendGroup(state: MetadataState, { group, proposal, volumes }: IntendGroup): Answer {
  const found = volumes.map(({ volume, snapshot }) => ({ volume: state.volumes[volume] ?? null, snapshot }));
  const parts: { volume: VolumeState; snapshot: string }[] = [];
  for (const { volume, snapshot } of found) {
    if (volume === null || volume.isDeleting) return refuse('not-found');
    if (state.pools[volume.pool]?.openGeneration !== state.generation) return refuse('older-generation');
    if (volume.decided.includes(group) || volume.intents.some(({ id }) => id === group)) return accept();
    if (volume.snapshots[snapshot] !== undefined) return accept();
    if (volume.intents.length > 0) return refuse('busy');
    parts.push({ volume, snapshot });
  }
  for (const { volume, snapshot } of parts) {
    volume.revision++;
    const { revision } = volume;
    const cut = { group, proposal };
    volume.intents.push({ id: group, kind: 'share', cut, revision, snapshot, from: 0, to: 0, acknowledged: [] });
  }
  return accept();
}

export function missingForGroup(parts: readonly GroupPart[]): string[] {
  return parts.flatMap(({ volume, intent }) => missingFor(volume, intent));
}

export function isGroupFlushed(parts: readonly GroupPart[]): boolean {
  return parts.every(({ intent }) => isFlushed(intent));
}

/** That all of them held at one instant is the leader's word; it stays true, whoever says it and when. */
export function commitGroup(state: MetadataState, { group }: Extract<Command, { kind: 'commit-group' }>): Answer {
  const parts = groupParts(state, group);
  if (parts.length === 0) return refuse('not-found');
  const missing = missingForGroup(parts);
  if (missing.length > 0 || !isGroupFlushed(parts)) return refuse('conflict', missing);
  for (const { volume, intent } of parts) {
    drop(volume, intent);
    volume.committedRevision = intent.revision;
    share(state, volume, intent.snapshot);
  }
  return accept();
}

export function withdrawGroup(state: MetadataState, { group }: Extract<Command, { kind: 'withdraw-group' }>): Answer {
  for (const { volume, intent } of groupParts(state, group)) drop(volume, intent);
  return accept();
}
