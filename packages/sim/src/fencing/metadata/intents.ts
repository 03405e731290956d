// Narrowing waits (F9): what takes something away from a running engine is said in the log first, and happens when every session
// whose grant could use the old entries has acknowledged, or is certified.
import { referAll } from './extents.ts';
import { copyMap, unmapRange } from './maps.ts';
import { refuseAgent } from './agents.ts';
import { accept, refuse, type Answer, type Command, type Intend, type OfIntent } from './command.ts';
import type { IntentState, MetadataState, VolumeState } from './state.ts';

const decidedMax = 32;

export function intend(state: MetadataState, command: Intend): Answer {
  const volume = state.volumes[command.volume];
  if (volume === undefined || volume.isDeleting) return refuse('not-found');
  if (state.pools[volume.pool]?.openGeneration !== state.generation) return refuse('older-generation');
  const open = volume.intents.find(({ id }) => id === command.intent);
  if (open !== undefined) return accept({ revision: open.revision });
  if (volume.snapshots[command.snapshot] !== undefined) return accept({ revision: volume.revision });
  // A share that was withdrawn begins again by its id (decision record 13).
  if (command.what !== 'share' && volume.decided.includes(command.intent)) return accept({ revision: volume.revision });
  if (volume.intents.length > 0) return refuse('busy');
  volume.revision++;
  const { intent: id, what: kind, snapshot, from, to } = command;
  volume.intents.push({ id, kind, cut: null, revision: volume.revision, snapshot, from, to, acknowledged: [] });
  return accept({ revision: volume.revision });
}

function find(state: MetadataState, of: OfIntent): [VolumeState, IntentState] | null {
  const volume = state.volumes[of.volume];
  const intent = volume?.intents.find(({ id, revision }) => id === of.intent && revision === of.revision);
  return volume === undefined || intent === undefined ? null : [volume, intent];
}

export function acknowledge(state: MetadataState, command: Extract<Command, { kind: 'acknowledge' }>): Answer {
  const refusal = refuseAgent(state, command);
  if (refusal !== null) return refusal;
  const found = find(state, command);
  if (found === null) return refuse('not-found');
  const { acknowledged } = found[1];
  if (!acknowledged.includes(command.session)) acknowledged.push(command.session);
  return accept();
}

/** A snapshot of what only a device's cache holds could still change: whoever acknowledges has flushed (decision record 13). */
export function isFlushed({ kind, acknowledged }: IntentState): boolean {
  return kind !== 'share' || acknowledged.length > 0;
}

/** Sessions that have to acknowledge before the intent may commit. */
export function missingFor(volume: VolumeState, { acknowledged }: IntentState): string[] {
  return volume.grants.map(({ session }) => session).filter((session) => !acknowledged.includes(session));
}

/** Checks the grants that exist at this moment, not those that existed when it was proposed. */
export function commit(state: MetadataState, command: Extract<Command, { kind: 'commit' }>): Answer {
  const found = find(state, command);
  if (found === null) return refuse('not-found');
  const [volume, intent] = found;
  if (intent.cut !== null) return refuse('not-allowed');
  const missing = missingFor(volume, intent);
  if (missing.length > 0 || !isFlushed(intent)) return refuse('conflict', missing);
  drop(volume, intent);
  volume.committedRevision = intent.revision;
  if (intent.kind === 'share') share(state, volume, intent.snapshot);
  else unmapRange(state, volume, intent.from, intent.to);
  if (intent.kind === 'shrink') volume.extents = intent.from;
  return accept({ revision: intent.revision });
}

export function share(state: MetadataState, volume: VolumeState, snapshot: string): void {
  const pool = state.pools[volume.pool];
  const map = copyMap(volume.map);
  volume.snapshots[snapshot] = map;
  volume.snapshotGeneration++;
  if (pool !== undefined) referAll(pool, map);
}

export function withdraw(state: MetadataState, command: Extract<Command, { kind: 'withdraw' }>): Answer {
  const found = find(state, command);
  if (found !== null && found[1].cut === null) drop(...found);
  return accept();
}

export function drop(volume: VolumeState, intent: IntentState): void {
  volume.intents = volume.intents.filter((each) => each !== intent);
  volume.decided = [...volume.decided, intent.id].slice(-decidedMax);
}
