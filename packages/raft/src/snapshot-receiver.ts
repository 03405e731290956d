// A follower's side of a snapshot: parts are written in order, each once, and the whole becomes the state when the host has
// verified and synced it. A snapshot never replaces what the log has and the snapshot has not: one that ends before the
// commit index, or at an entry that the log holds, is answered as had already.
import type { RaftEvent } from './event.ts';
import { acceptLeader } from './follower.ts';
import { greater, type MemberId } from './ids.ts';
import type { MessageOf, SnapshotMark } from './message.ts';
import { noteCommit, type IncomingSnapshot, type State } from './state.ts';
import { beginMarksWith, purgeToSnapshot, replaceLog, say, sayWhenDurable } from './storage.ts';

export function handleSnapshotChunk(state: State, message: MessageOf<'snapshot-chunk'>): void {
  const { from, mark } = message;
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
  takePart(state, message, null);
}

type Part = Pick<MessageOf<'snapshot-chunk'>, 'mark' | 'offset' | 'data' | 'isLast'>;

export function takePart(state: State, { mark, offset, data, isLast }: Part, giver: MemberId | null): void {
  const { incoming } = state;
  if (incoming !== null && incoming.step !== 'receiving') return;
  const isBegun = incoming?.mark.id === mark.id;
  const nextOffset = isBegun ? incoming.nextOffset : 0;
  const isNext = offset === nextOffset;
  state.incoming = { mark, giver, nextOffset, askedRounds: 0, step: 'receiving' };
  if (!isNext) {
    askForPart(state, state.incoming);
    return;
  }
  state.incoming.step = isLast ? 'writing-last' : 'writing';
  state.out.snapshots.push({ kind: 'snapshot-write', mark, offset, data });
}

/** Of the leader, if there is one: what it does not send, it will be asked for in another way. */
function askForPart(state: State, { mark: { id }, giver, nextOffset }: IncomingSnapshot): void {
  const { leader, log } = state;
  if (leader !== null) say(state, leader, { kind: 'snapshot-response', id, nextOffset });
  else if (giver !== null) {
    const part = { id, offset: nextOffset };
    say(state, giver, { kind: 'repair-request', slots: log.damagedIndices(1), last: log.lastKnown, part });
  }
}

/** Whether all that the snapshot stands for is here: applied, or readable in the log with the same last entry. */
function hasAlready(state: State, mark: SnapshotMark): boolean {
  const [hole] = state.log.damagedIndices(1);
  const isHoled = hole !== undefined && hole <= mark.index;
  if (mark.index <= state.applied) {
    if (isHoled) beginMarksWith(state, mark);
    return true;
  }
  if (isHoled) return false;
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
  const { mark } = incoming;
  const isWritten = nextOffset > incoming.nextOffset;
  incoming.nextOffset = nextOffset;
  if (incoming.step === 'writing') {
    incoming.step = 'receiving';
    // A disk that is full will not have room at once: after a while the part comes again.
    if (isWritten) askForPart(state, incoming);
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
    askForPart(state, { ...incoming, nextOffset: 0 });
    return;
  }
  const { mark } = incoming;
  if (isOfThisLog(state, mark)) purgeToSnapshot(state, mark);
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
