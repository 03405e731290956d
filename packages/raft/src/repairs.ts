// Damaged slots, filled without a leader: otherwise three members with a scratch each would wait for one another for ever.
//
// - Any peer fills a slot that has the same log up to there or further, or knows the slot to be committed, as the leader must have known
//   who wrote what stands behind it.
// - What a peer has let go of stands in its snapshot. It gives that, part by part, without remembering to whom; the asker says which
//   part is next. A snapshot fills the hole and takes nothing away: it is taken only where this log is known, durably, to lead through
//   its last entry. A crash between its installation and the log's next write then finds a log that it belongs to.
import type { LogIndex } from '@holdfast/base';
import { membersOf } from './configuration.ts';
import { entryBytes, type Entry } from './entry.ts';
import type { RaftEvent } from './event.ts';
import { greater, lesser, noIndex, type MemberId, type Position } from './ids.ts';
import type { MessageOf } from './message.ts';
import { takePart } from './snapshot-receiver.ts';
import { configurationOf, type Fault, type State } from './state.ts';
import { repairEntry, saveVote, say } from './storage.ts';

/** Slots that are asked for, and answered, in one message. */
export const repairSlotsMax = 256;

/**
 * Where this log ends in entries that nobody else has, it may still be another one's before those. So each round asks by the end of
 * an earlier term, down to the slots, and then from the last one again. One member a round is asked for its snapshot besides, each for
 * as many rounds as there are such places.
 */
export function askForRepairs(state: State, fault: Fault): void {
  const slots = state.log.damagedIndices(repairSlotsMax);
  const [first] = slots;
  if (first === undefined) return;
  const places = state.log.lastKnownOfTerms(first);
  const round = fault.rounds++;
  const last = places[round % places.length] ?? state.log.lastKnown;
  const others = membersOf(configurationOf(state)).filter((member) => member !== state.self);
  forgetStuckSnapshot(state);
  const giver = state.incoming?.giver ?? others[Math.floor(round / places.length) % others.length];
  for (const member of others) {
    say(state, member, { kind: 'repair-request', slots, last, part: member === giver ? nextPart(state) : null });
  }
}

function nextPart({ incoming }: State): MessageOf<'repair-request'>['part'] {
  return { id: incoming?.mark.id ?? null, offset: incoming?.nextOffset ?? 0 };
}

/** Who gives it may be gone, or have a newer one by now. */
function forgetStuckSnapshot(state: State): void {
  const { incoming, settings } = state;
  if (incoming?.step !== 'receiving') return;
  incoming.askedRounds++;
  if (incoming.askedRounds > settings.snapshotRetryTicks) state.incoming = null;
}

/** What the other log had in these slots: where both are the same, and what is committed. */
export function handleRepairRequest(state: State, message: MessageOf<'repair-request'>): void {
  const { from, slots, last } = message;
  const shared = heldThrough(state, last);
  const same = slots.filter((index) => index <= shared);
  const committed = slots.filter((index) => index > shared && index <= state.commit);
  sayRepairs(state, from, { slots: same, place: last });
  sayRepairs(state, from, { slots: committed, place: null });
  readSnapshotFor(state, message);
}

/** Up to where every log that leads through `place` holds what this one does, or what is committed here; 0 if nothing says so. */
function heldThrough(state: State, place: Position): LogIndex {
  return greater(state.log.sharedUpTo(place) ?? noIndex, committedBefore(state, place));
}

/**
 * Up to where every log that leads through `place` holds what is committed here. Whoever wrote the entry there led in its term; what was
 * committed in that term stood in its log, because only it can have committed it, and what was committed in an earlier one did, because
 * it won its election. Of what was committed in a later term it need not have had anything.
 */
function committedBefore({ commit, commitTerm }: State, place: Position): LogIndex {
  return commitTerm !== null && commitTerm <= place.term ? lesser(commit, place.index) : noIndex;
}

interface Repairs {
  readonly slots: readonly LogIndex[];
  readonly place: Position | null;
}

/** As many as an append carries, at least one; the asker asks again for the rest. */
function sayRepairs(state: State, to: MemberId, { slots, place }: Repairs): void {
  const entries: Entry[] = [];
  let leftBytes = state.settings.appendBytesMax;
  for (const index of slots) {
    const entry = state.log.entryAt(index);
    if (entry === null) continue;
    leftBytes -= entryBytes(entry);
    if (leftBytes < 0 && entries.length > 0) break;
    entries.push(entry);
  }
  if (entries.length > 0) say(state, to, { kind: 'repair-response', entries, place });
}

/** The latest that the other log is known to lead through; where nothing says so, it may still know so itself of the least. */
function readSnapshotFor(state: State, { from, slots, last, part }: MessageOf<'repair-request'>): void {
  const { base } = state.log;
  if (part === null || !slots.some((index) => index <= base.index)) return;
  const { id, offset } = part;
  const mostIndex = id === null ? greater(base.index, heldThrough(state, last)) : state.applied;
  state.out.snapshots.push({
    kind: 'snapshot-read',
    to: from,
    id,
    leastIndex: base.index,
    mostIndex,
    offset,
    repairs: last,
  });
}

type SnapshotRead = Extract<RaftEvent, { readonly kind: 'snapshot-read' }>;

export function giveSnapshotPart(state: State, { to, chunk }: SnapshotRead, last: Position): void {
  if (chunk === null) return;
  const place = chunk.mark.index <= heldThrough(state, last) ? last : null;
  say(state, to, { kind: 'repair-snapshot', ...chunk, place });
}

export function handleRepairResponse(state: State, { entries, place }: MessageOf<'repair-response'>): void {
  const { log, commit } = state;
  // The question may be from before a crash or a cut: then this log need not lead through its place any more.
  if (place !== null && !log.leadsThrough(place)) return;
  // Behind what is known to be committed here, this log may be another than the committed one.
  const limit = place === null ? commit : place.index;
  for (const entry of entries) if (entry.index <= limit && log.isDamaged(entry.index)) repairEntry(state, entry);
}

export function handleRepairSnapshot(state: State, message: MessageOf<'repair-snapshot'>): void {
  const { from, mark, offset, place } = message;
  const { log, incoming } = state;
  // A leader knows best what this log needs.
  if (state.leader !== null) return;
  // Doubled, or asked of another one before: an answer to it would be asked for beside the one that is under way.
  if (incoming !== null && (incoming.mark.id !== mark.id || incoming.nextOffset !== offset)) return;
  // What was repaired a moment ago may be damaged again for the next start: then nothing would say there that the log is the same.
  if (state.writes.length > 0) return;
  const [hole] = log.damagedIndices(1);
  if (hole === undefined || hole > mark.index || mark.index <= state.applied) return;
  if (place !== null && mark.index <= place.index && log.leadsThrough(place)) learnCommit(state, mark.index);
  if (log.leadsThrough(mark) || mark.index <= state.writes.durableCommit) takePart(state, message, from);
  // Asked for again when this write is durable.
  else if (mark.index <= state.commit) saveVote(state);
}

/** A snapshot is of what is committed; in which term, nobody said. */
function learnCommit(state: State, index: LogIndex): void {
  if (index <= state.commit) return;
  state.commit = index;
  state.commitTerm = null;
}
