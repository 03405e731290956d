// A follower's side of a snapshot: parts are written in order, each once, and the whole becomes the state when the host has
// verified and synced it. A snapshot never replaces what the log has and the snapshot has not: one that ends before the
// commit index, or at an entry that the log holds, is answered as had already.
import type { RaftEvent } from './event.ts';
import { acceptLeader } from './follower.ts';
import { greater } from './ids.ts';
import type { MessageOf, SnapshotMark } from './message.ts';
import { noteCommit, type State } from './state.ts';
import { purgeTo, replaceLog, say, sayWhenDurable } from './storage.ts';

export function handleSnapshotChunk(state: State, message: MessageOf<'snapshot-chunk'>): void {
  const { from, mark, offset, data, isLast } = message;
  if (!acceptLeader(state, from)) return;
  if (state.incoming?.step === 'installing') return;
  if (hasAlready(state, mark)) {
    state.incoming = null;
    state.matched = greater(state.matched, mark.index);
    sayWhenDurable(state, from, {
      kind: 'append-accepted',
      match: state.commit,
      version: state.settings.supportedVersion,
    });
    return;
  }
  if (state.incoming !== null && state.incoming.step !== 'receiving') return;
  if (state.incoming?.mark.id !== mark.id) state.incoming = { mark, nextOffset: 0, step: 'receiving' };
  if (offset !== state.incoming.nextOffset) {
    say(state, from, { kind: 'snapshot-response', id: mark.id, nextOffset: state.incoming.nextOffset });
    return;
  }
  state.incoming.step = isLast ? 'writing-last' : 'writing';
  state.out.snapshots.push({ kind: 'snapshot-write', mark, offset, data });
}

/** Whether all that the snapshot stands for is here: applied, or readable in the log with the same last entry. */
function hasAlready(state: State, mark: SnapshotMark): boolean {
  if (mark.index <= state.applied) return true;
  const [hole] = state.log.damagedIndices(1);
  if (hole !== undefined && hole <= mark.index) return false;
  if (!isOfThisLog(state, mark)) return false;
  noteCommit(state, mark.index);
  return true;
}

/** Whether the log leads through the snapshot's last entry, so that what lies behind it stays. */
function isOfThisLog(state: State, mark: SnapshotMark): boolean {
  return mark.index <= state.commit || state.log.leadsThrough(mark);
}

type SnapshotWritten = Extract<RaftEvent, { readonly kind: 'snapshot-written' }>;

export function handleSnapshotWritten(state: State, { id, nextOffset }: SnapshotWritten): void {
  const { incoming } = state;
  if (incoming?.mark.id !== id) return;
  if (incoming.step !== 'writing' && incoming.step !== 'writing-last') return;
  incoming.nextOffset = nextOffset;
  const { mark } = incoming;
  if (incoming.step === 'writing') {
    incoming.step = 'receiving';
    if (state.leader !== null) say(state, state.leader, { kind: 'snapshot-response', id, nextOffset });
    return;
  }
  // Meanwhile the log may have come further than the snapshot.
  if (hasAlready(state, mark)) {
    state.incoming = null;
    return;
  }
  incoming.step = 'installing';
  state.out.snapshots.push({ kind: 'snapshot-install', mark });
}

type SnapshotInstalled = Extract<RaftEvent, { readonly kind: 'snapshot-installed' }>;

export function handleSnapshotInstalled(state: State, { id, isInstalled }: SnapshotInstalled): void {
  const { incoming } = state;
  if (incoming?.mark.id !== id || incoming.step !== 'installing') return;
  state.incoming = null;
  if (!isInstalled) {
    // Damaged on the way or on disk: asked for again from its beginning.
    if (state.leader !== null) say(state, state.leader, { kind: 'snapshot-response', id, nextOffset: 0 });
    return;
  }
  const { mark } = incoming;
  if (isOfThisLog(state, mark)) purgeTo(state, mark);
  else replaceLog(state, mark);
  noteCommit(state, mark.index);
  state.applied = mark.index;
  state.matched = greater(state.matched, mark.index);
  const { leader } = state;
  if (leader === null || leader === state.self) return;
  sayWhenDurable(state, leader, {
    kind: 'append-accepted',
    match: mark.index,
    version: state.settings.supportedVersion,
  });
}
