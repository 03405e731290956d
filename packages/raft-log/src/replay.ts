// From the batches of a chunk to the state of every group. For a sound batch this is what the writer did when the batch
// became durable; for any other one it keeps every record that verifies, learns from the tables what is missing, and says
// so: a slot below the durable mark is faulty, one in the tail is cut and ambiguous.
//
// The same bytes always give the same state: what a recovery cut from the tail stays in the file, and each later open
// comes to the same verdict on it.
import type { Chunk } from './chunk.ts';
import { bitOf, decodeTable, existsAfter, hasKind, type TableRow } from './batch-table.ts';
import type { FoundBatch, FoundRecord, Range } from './chunk-scan.ts';
import { batchHeadBytes } from './batch-head.ts';
import { copyOf, type RecordKind } from './format.ts';
import { Group } from './group.ts';
import { decodeState, emptyState, type Ambiguity, type GroupState } from './group-state.ts';
import type { RecordHeader } from './record-header.ts';
import { Slots } from './slots.ts';
import { decodeVote } from './vote-record.ts';

/** What one batch has told so far. */
interface Context {
  readonly chunk: Chunk;
  /** It verifies, and so does everything before it. */
  readonly isSound: boolean;
  /** Tail or abandoned: nothing in it is known to have been acknowledged. */
  readonly isCut: boolean;
  /** Where records are lost of which nothing tells what they were; infinite if none are. */
  readonly holePosition: number;
  /** Groups with a hole in what is cut: what follows the hole is cut with it. */
  readonly blocked: Set<number>;
  /** The kinds of which a record was found, by group. */
  readonly seen: Map<number, number>;
  /** The entries that were found, by group. */
  readonly found: Map<number, Slots>;
}

export class Replay {
  readonly groups: Map<number, Group>;
  /** The last record that was applied is a clean end. */
  isClosed = false;
  /** Something does not verify, or what a recovery kept of it may have rotted: from there on each batch is held against its table. */
  #isDamaged = false;
  /** Among it something of which nobody knows what it was. */
  #isUnknown = false;

  constructor(groups: Map<number, Group> = new Map<number, Group>()) {
    this.groups = groups;
  }

  apply(chunk: Chunk, batch: FoundBatch): void {
    const { standing } = batch;
    const isCut = standing === 'tail' || standing === 'abandoned';
    const seen = seenKinds(batch.records);
    this.#isDamaged ||= standing !== 'sound';
    const isSound = standing === 'sound' && !this.#isDamaged;
    const holePosition = isSound ? Infinity : holeIn(batch);
    const found = isSound ? new Map<number, Slots>() : foundEntries(batch.records);
    const context = { chunk, isSound, isCut, holePosition, blocked: new Set<number>(), seen, found };
    const originals = isSound ? null : originalsOf(batch.records);
    const commits = batch.isUnknown ? this.#commits() : new Map<number, number>();
    this.isClosed = false;
    for (const record of batch.records) {
      if (record.header.isCopy && (originals === null || originals.has(keyOf(record.header)))) continue;
      this.#applyRecord(record, context);
    }
    if (batch.rowsOfNext !== null) this.#reconcile(batch.rowsOfNext, context);
    if (batch.isUnknown) this.#suspectAll(context, commits);
  }

  #commits(): Map<number, number> {
    return new Map([...this.groups].map(([id, { durable }]) => [id, durable.commit]));
  }

  #applyRecord(record: FoundRecord, context: Context): void {
    const { header, payload } = record;
    if (header.kind === 'table') {
      if (payload !== null && !context.isSound) this.#reconcile(decodeTable(payload).rows, context);
    } else if (isCutOff(record, context)) return;
    else if (header.kind === 'entry') this.#applyEntry(record, context);
    else if (header.kind === 'close') this.isClosed = payload !== null;
    else if (payload !== null) this.#applyChange(header, payload);
  }

  #applyChange(header: RecordHeader, payload: Uint8Array): void {
    if (header.kind === 'destroy') return this.#destroy(header.group);
    if (header.kind === 'create') return this.#create(header.group);
    if (isOfNoGroup(header.kind)) return;
    const group = this.#groupOf(header.group);
    group.durable = this.#changed(group, header, payload);
  }

  #changed(group: Group, header: RecordHeader, payload: Uint8Array): GroupState {
    const state = group.durable;
    switch (header.kind) {
      case 'vote':
        return withVote(state, header, decodeVote(payload));
      case 'commit':
        // It never speaks of more than the log has. What nothing else is left of was there, and is committed.
        if (header.index > state.lastIndex) loseSlots(group, header.index);
        return { ...group.durable, commit: header.index };
      case 'userData':
        return { ...state, userData: copyOf(payload), isUserDataLost: false };
      case 'settle':
        // A vote may have rotted since. The one that stands behind the settlement tells that none is missed.
        return { ...state, ambiguity: null };
      case 'truncate':
        return truncated(group, header.index, null);
      case 'purge':
        return purged(group, header.index, header.term);
      case 'snapshot':
        return replaced(group, header.index, header.term);
      default:
        return state;
    }
  }

  #applyEntry({ header, position, payload }: FoundRecord, context: Context): void {
    const group = this.#groupOf(header.group);
    const { index, term } = header;
    const { purgedIndex, lastIndex } = group.durable;
    if (index <= purgedIndex) return;
    if (header.isRepair) {
      if (payload !== null && index <= lastIndex) repaired(group, header, { chunk: context.chunk, position });
      return;
    }
    // What is missing may never have been acknowledged: to keep what follows would make slots that no peer can fill.
    if (context.isCut && (payload === null || index > lastIndex + 1)) context.blocked.add(group.id);
    if (context.blocked.has(group.id)) return;
    if (index <= lastIndex) group.durable = truncated(group, index - 1, null);
    else if (index > lastIndex + 1) loseSlots(group, index - 1);
    group.appendEntry(context.chunk, { index, term, position });
    if (payload === null) group.faulty.add(index, index);
    group.durable = { ...group.durable, lastIndex: index, lastTerm: term };
  }

  #reconcile(rows: readonly TableRow[], context: Context): void {
    for (const row of rows) {
      if (context.isCut) this.#suspect(row, context);
      else this.#complete(row, context);
    }
  }

  /** A batch that was durable: what its table says happened, whatever of its records is left. */
  #complete(row: TableRow, context: Context): void {
    if (!existsAfter(row)) return this.#destroy(row.group);
    const group = this.#groupOf(row.group);
    if (row.purgedIndex > group.durable.purgedIndex) group.durable = purged(group, row.purgedIndex, row.purgedTerm);
    if (row.lastIndex < group.durable.lastIndex) group.durable = truncated(group, row.lastIndex, row.lastTerm);
    if (row.lastIndex > group.durable.lastIndex) loseSlots(group, row.lastIndex);
    const { purgedIndex, lastTerm } = group.durable;
    if (row.lastIndex > purgedIndex && row.lastTerm !== lastTerm) loseSlot(group, row.lastIndex, row.lastTerm);
    this.#loseReplaced(group, row, context);
    if (isMissing(row, 'vote', context)) group.durable = { ...group.durable, isVoteLost: true };
    if (isMissing(row, 'userData', context)) group.durable = { ...group.durable, isUserDataLost: true };
  }

  /** What the batch wrote and is lost took the place of what is there, which must not pass for it. */
  #loseReplaced(group: Group, row: TableRow, { found, holePosition }: Context): void {
    if (row.firstIndex === 0) return;
    // Where a cut is lost, what was found before it may be of a leader whose entries the batch itself took back.
    const isCutLost = holePosition < Infinity && hasKind(row, 'truncate');
    const isOfLast = (index: number): boolean => group.index.terms.at(index) === row.lastTerm;
    const first = Math.max(row.firstIndex, group.durable.purgedIndex + 1);
    for (let index = first; index <= row.lastIndex; index++) {
      const isFound = found.get(group.id)?.has(index) === true && (!isCutLost || isOfLast(index));
      if (group.faulty.has(index) || isFound) continue;
      loseSlot(group, index, index === row.lastIndex ? row.lastTerm : 0);
    }
  }

  /** A batch that may or may not have been acknowledged: what is missing of it may be missed. */
  #suspect(row: TableRow, context: Context): void {
    const group = this.groups.get(row.group);
    if (group === undefined) return;
    const { durable } = group;
    const isWhole =
      existsAfter(row) &&
      row.lastIndex === durable.lastIndex &&
      row.lastTerm === durable.lastTerm &&
      row.purgedIndex <= durable.purgedIndex &&
      !isMissing(row, 'vote', context) &&
      !isMissing(row, 'userData', context);
    if (isWhole) return;
    suspect(group, { from: firstMissing(durable, row, context), to: row.lastIndex, term: row.lastTerm });
  }

  /** Something is lost of which nobody knows what it was: it may have been any group's. */
  #suspectAll(context: Context, commitsBefore: ReadonlyMap<number, number>): void {
    this.#isUnknown ||= !context.isCut;
    for (const group of this.groups.values()) {
      suspect(group, { from: group.durable.lastIndex + 1, to: null, term: null });
      if (context.isCut) continue;
      // It may have held a cut, and other entries in the place of these. What was committed before is never cut; a commit
      // that was found in here may speak of what took its place.
      const { purgedIndex, lastIndex } = group.durable;
      const kept = Math.max(commitsBefore.get(group.id) ?? 0, purgedIndex);
      for (let index = kept + 1; index <= lastIndex; index++) loseSlot(group, index, 0);
      group.durable = { ...group.durable, isVoteLost: true, isUserDataLost: true };
    }
  }

  #create(id: number): void {
    if (!this.groups.has(id)) this.groups.set(id, new Group(id));
  }

  #destroy(id: number): void {
    this.groups.get(id)?.clear();
    this.groups.delete(id);
  }

  /** A group whose creation is lost is there all the same. What else was lost with it may have been its vote. */
  #groupOf(id: number): Group {
    const known = this.groups.get(id);
    if (known !== undefined) return known;
    const group = new Group(id, { ...emptyState, isVoteLost: this.#isUnknown, isUserDataLost: this.#isUnknown });
    this.groups.set(id, group);
    return group;
  }
}

/**
 * Whether a record of a tail stands behind something that is lost. It may have followed a cut, or entries in the place of others,
 * so it is not known what it means. A vote and user data take the place of everything before them.
 */
function isCutOff(
  { header: { kind, group }, position }: FoundRecord,
  { isCut, holePosition, blocked }: Context,
): boolean {
  if (!isCut || kind === 'vote' || kind === 'userData') return false;
  return position > holePosition || (blocked.has(group) && kind !== 'entry');
}

/** A head holds no records, and a payload that does not verify is known for what it is by its header. */
function holeIn({ position, head, records, damages }: FoundBatch): number {
  const known = new Set(records.filter(({ payload }) => payload === null).map((record) => record.position));
  const isHead = (damage: Range): boolean =>
    head === null && damage.position === position && damage.lengthBytes === batchHeadBytes;
  return damages.find((damage) => !known.has(damage.position) && !isHead(damage))?.position ?? Infinity;
}

function foundEntries(records: readonly FoundRecord[]): Map<number, Slots> {
  const found = new Map<number, Slots>();
  for (const { kind, group, index, isRepair } of records.map(({ header }) => header)) {
    if (kind !== 'entry' || isRepair) continue;
    const slots = found.get(group) ?? new Slots();
    found.set(group, slots);
    slots.add(index, index);
  }
  return found;
}

/** The first slot that the batch may have written and of which it holds nothing. */
function firstMissing({ lastIndex }: GroupState, { group, firstIndex }: TableRow, { found }: Context): number {
  let first = lastIndex + 1;
  while (firstIndex > 0 && first > firstIndex && found.get(group)?.has(first - 1) !== true) first--;
  return first;
}

/** A state is read with its checkpoint, a footer with its chunk. */
function isOfNoGroup(kind: RecordKind): boolean {
  return kind === 'checkpoint' || kind === 'state' || kind === 'gap' || kind === 'footer';
}

export interface Checkpoint {
  readonly states: ReadonlyMap<number, GroupState>;
  /** Every group that it had is there, by one of the two copies. */
  readonly isWhole: boolean;
}

/** What the first batch of a chunk says of every group. */
export function readCheckpoint(batch: FoundBatch): Checkpoint {
  const states = new Map<number, GroupState>();
  let expected = -1;
  for (const { header, payload } of batch.records) {
    if (payload === null) continue;
    if (header.kind === 'checkpoint') expected = header.index;
    if (header.kind === 'state') states.set(header.group, decodeState(payload));
  }
  return { states, isWhole: states.size === expected };
}

/** Slots that were written and of which nothing is left. */
export function loseSlots(group: Group, toIndex: number): void {
  const from = group.durable.lastIndex + 1;
  group.faulty.add(from, toIndex);
  group.index.terms.append(from, 0);
  group.durable = { ...group.durable, lastIndex: toIndex, lastTerm: 0 };
}

/** A slot that holds something else than it should. */
function loseSlot(group: Group, index: number, term: number): void {
  group.faulty.add(index, index);
  group.index.terms.set(index, term);
  if (index === group.durable.lastIndex) group.durable = { ...group.durable, lastTerm: term };
}

function suspect(group: Group, ambiguity: Ambiguity): void {
  const before = group.durable.ambiguity;
  group.durable = { ...group.durable, ambiguity: before === null ? ambiguity : wider(before, ambiguity) };
}

function wider(left: Ambiguity, right: Ambiguity): Ambiguity {
  const larger = (one: number | null, other: number | null): number | null =>
    one === null || other === null ? null : Math.max(one, other);
  return {
    from: Math.min(left.from, right.from),
    to: larger(left.to, right.to),
    term: larger(left.term, right.term),
  };
}

/**
 * A later vote counts, and never an earlier one: copies and leftovers of the tail come in any order. The last one is said again.
 * The story of the doubt: the vote of term 9 was lost, the replica knew of term 5, a leader who was deposed said 6, and that was
 * saved. If 6 passed for the newest at the next start, the replica would vote in 9 a second time. So a vote that makes up for a lost
 * one is that of a life which knew all, and one that was written in doubt says so and ends nothing.
 */
function withVote(state: GroupState, { term, isInDoubt }: RecordHeader, vote: number | null): GroupState {
  if (term < state.term || (term === state.term && state.vote !== null && state.vote !== vote)) return state;
  return { ...state, term, vote, isVoteLost: isInDoubt };
}

function truncated(group: Group, index: number, lastTerm: number | null): GroupState {
  const { durable } = group;
  if (index >= durable.lastIndex) return durable;
  group.truncateAfter(index);
  const known = index <= durable.purgedIndex ? durable.purgedTerm : group.index.terms.at(index);
  return { ...durable, lastIndex: index, lastTerm: lastTerm ?? known };
}

function purged(group: Group, index: number, term: number): GroupState {
  const { durable } = group;
  if (index <= durable.purgedIndex) return durable;
  if (index > durable.lastIndex) return replaced(group, index, term);
  group.purgeTo(index);
  return { ...durable, purgedIndex: index, purgedTerm: term };
}

function replaced(group: Group, index: number, term: number): GroupState {
  group.clear();
  const { durable } = group;
  const commit = Math.max(durable.commit, index);
  return { ...durable, purgedIndex: index, purgedTerm: term, lastIndex: index, lastTerm: term, commit };
}

function repaired(group: Group, header: RecordHeader, at: { chunk: Chunk; position: number }): void {
  group.index.repair(at.chunk, header.index, at.position);
  group.index.terms.set(header.index, header.term);
  group.faulty.remove(header.index, header.index);
  if (header.index === group.durable.lastIndex) group.durable = { ...group.durable, lastTerm: header.term };
}

function isMissing(row: TableRow, kind: 'vote' | 'userData', context: Context): boolean {
  return hasKind(row, kind) && ((context.seen.get(row.group) ?? 0) & bitOf(kind)) === 0;
}

function seenKinds(records: readonly FoundRecord[]): Map<number, number> {
  const seen = new Map<number, number>();
  for (const { header, payload } of records) {
    if (payload === null || header.kind === 'entry') continue;
    seen.set(header.group, (seen.get(header.group) ?? 0) | bitOf(header.kind));
  }
  return seen;
}

function keyOf({ kind, group, index, term }: RecordHeader): string {
  return `${kind}/${group}/${index}/${term}`;
}

function originalsOf(records: readonly FoundRecord[]): Set<string> {
  return new Set(
    records.filter(({ header, payload }) => payload !== null && !header.isCopy).map(({ header }) => keyOf(header)),
  );
}
