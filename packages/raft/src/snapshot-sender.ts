// A leader's side of a snapshot: the host reads it in parts, one under way at a time, and the follower says which part it
// wants next. So a stream that broke, or a follower that was restarted, goes on where it was; a follower that never saw this
// snapshot asks for its beginning.
import { OpError } from '@holdfast/base';
import type { RaftEvent } from './event.ts';
import type { MemberId } from './ids.ts';
import type { MessageOf } from './message.ts';
import type { Progress } from './progress.ts';
import { giveSnapshotPart } from './repairs.ts';
import type { Leading, OutgoingSnapshot, State } from './state.ts';
import { say } from './storage.ts';

export function startSnapshot(state: State, leading: Leading, progress: Progress): void {
  progress.becomeSnapshot(state.log.base.index);
  const outgoing: OutgoingSnapshot = { mark: null, offset: 0, isReading: false, ticksSinceProgress: 0 };
  leading.snapshots.set(progress.member, outgoing);
  readPart(state, progress.member, outgoing);
}

function readPart(state: State, to: MemberId, outgoing: OutgoingSnapshot): void {
  outgoing.isReading = true;
  state.out.snapshots.push({
    kind: 'snapshot-read',
    to,
    id: outgoing.mark?.id ?? null,
    leastIndex: state.log.base.index,
    mostIndex: state.applied,
    offset: outgoing.offset,
    repairs: null,
  });
}

type SnapshotRead = Extract<RaftEvent, { readonly kind: 'snapshot-read' }>;

/** The host read a part, or has no such snapshot any more. */
export function handleSnapshotRead(state: State, event: SnapshotRead): void {
  const { to, chunk, repairs } = event;
  if (repairs !== null) {
    giveSnapshotPart(state, event, repairs);
    return;
  }
  const outgoing = state.leading?.snapshots.get(to);
  const progress = state.leading?.progress.get(to);
  // The follower left, caught up or has another leader: what was read for it is of no use.
  if (outgoing === undefined || progress === undefined || !outgoing.isReading) return;
  outgoing.isReading = false;
  if (chunk === null) {
    state.leading?.snapshots.delete(to);
    progress.becomeProbe();
    // The next answer to a heartbeat tries again; at once would be a loop without an end.
    progress.isProbeSent = true;
    return;
  }
  if (chunk.mark.index < state.log.base.index) {
    state.out.refused = new OpError('RAFT_SNAPSHOT_OUTDATED', {
      index: chunk.mark.index,
      least: state.log.base.index,
    });
    return;
  }
  outgoing.mark = chunk.mark;
  progress.snapshotIndex = chunk.mark.index;
  const { mark, offset, data, isLast } = chunk;
  say(state, to, { kind: 'snapshot-chunk', mark, offset, data, isLast });
}

export function handleSnapshotResponse(state: State, leading: Leading, message: MessageOf<'snapshot-response'>): void {
  const { from, id, nextOffset } = message;
  const outgoing = leading.snapshots.get(from);
  if (outgoing === undefined || outgoing.mark?.id !== id || outgoing.isReading) return;
  // A doubled answer asks for what was sent already.
  if (nextOffset === outgoing.offset) return;
  outgoing.offset = nextOffset;
  outgoing.ticksSinceProgress = 0;
  readPart(state, from, outgoing);
}

/** What is on its way for too long is sent again. */
export function tickSnapshots(state: State, leading: Leading): void {
  for (const [member, outgoing] of leading.snapshots) {
    outgoing.ticksSinceProgress++;
    if (outgoing.isReading || outgoing.ticksSinceProgress < state.settings.snapshotRetryTicks) continue;
    outgoing.ticksSinceProgress = 0;
    readPart(state, member, outgoing);
  }
}
