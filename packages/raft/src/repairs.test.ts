import { expect, test } from '@jest/globals';
import { toLogIndex, toTerm } from '@holdfast/base';
import { SeededRandom } from '@holdfast/base/internal';
import { votersOnly } from './configuration.ts';
import { entry, entryOfTerm, from, identity, other, said } from './core-testing.ts';
import { RaftCore } from './core.ts';
import { entryBytes, noData } from './entry.ts';
import { toMemberId, type Position } from './ids.ts';
import type { MessageBody, MessageOf } from './message.ts';
import { emptyReplica } from './recovered.ts';
import { settingsDefault } from './settings.ts';

const founders = votersOnly([1, 2, 3].map(toMemberId));
const place = (term: number, index: number): Position => ({ term: toTerm(term), index: toLogIndex(index) });

test.each([
  {
    what: 'its log leads through the place',
    index: 3,
    place: place(4, 4),
    isTaken: true,
  },
  {
    what: 'its log has another entry there',
    index: 3,
    place: place(3, 4),
    isTaken: false,
  },
  { what: 'its log ends before', index: 3, place: place(4, 5), isTaken: false },
  {
    what: 'the slot lies behind the place',
    index: 3,
    place: place(4, 1),
    isTaken: false,
  },
  { what: 'both know the slot to be committed', index: 2, place: null, isTaken: true },
  { what: 'only the other one knows it to be committed', index: 3, place: null, isTaken: false },
])('a peer fills a damaged slot, or does not: $what', ({ index, place, isTaken }) => {
  const recovered = {
    ...emptyReplica(founders),
    vote: { term: toTerm(4), votedFor: null },
    commit: toLogIndex(2),
    entries: [entry(1), entry(4)],
    faulty: [2, 3].map((slot) => ({ index: toLogIndex(slot), term: toTerm(0) })),
  };
  const core = new RaftCore({ identity, settings: settingsDefault, random: new SeededRandom('repairs'), recovered });
  const { write } = core.step(from(4, { kind: 'repair-response', entries: [entry(index)], place }));
  expect(write?.repairs.map((repaired) => repaired.index) ?? []).toEqual(isTaken ? [index] : []);
});

test.each([
  { what: 'all that fit into an append', dataBytes: 100, repaired: [1, 2, 3] },
  { what: 'no more than fit', dataBytes: 150, repaired: [1, 2] },
  { what: 'one that is too large alone', dataBytes: 1000, repaired: [1] },
])('a peer answers a question for damaged slots with $what', ({ dataBytes, repaired }) => {
  const entries = [1, 2, 3, 4].map((index) => ({ ...entry(index), data: new Uint8Array(dataBytes) }));
  const recovered = {
    ...emptyReplica(founders),
    vote: { term: toTerm(4), votedFor: null },
    entries,
  };
  const settings = { ...settingsDefault, appendBytesMax: 3 * entryBytes({ data: new Uint8Array(100) }) };
  const core = new RaftCore({ identity, settings, random: new SeededRandom('repairs'), recovered });
  const question = { kind: 'repair-request', slots: [1, 2, 3].map(toLogIndex), last: entry(4), part: null } as const;
  const [answer] = said(core, from(4, question), 'repair-response');
  expect(answer?.entries.map(({ index }) => index)).toEqual(repaired);
});

test('a replica with damaged slots asks by the end of one term after the other, the latest first, down to the first slot', () => {
  const recovered = {
    ...emptyReplica(founders),
    vote: { term: toTerm(9), votedFor: null },
    entries: [entry(1), entry(2), { ...entry(5), ...place(6, 5) }, { ...entry(6), ...place(6, 6) }],
    faulty: [place(4, 3), place(0, 4), place(8, 7), place(0, 8)],
  };
  const core = new RaftCore({ identity, settings: settingsDefault, random: new SeededRandom('places'), recovered });
  const rounds = Array.from({ length: 4 }, () => {
    const ticks = Array.from({ length: settingsDefault.heartbeatTicks }, () => core.step({ kind: 'tick' }).messages);
    return ticks.flat().flatMap((each) => (each.kind === 'repair-request' && each.to === other ? [each] : []));
  });
  expect(rounds.map(([question]) => question?.last)).toEqual([place(8, 7), place(6, 6), place(4, 3), place(8, 7)]);
  expect(rounds.map((questions) => questions.map(({ slots }) => slots))).toEqual(Array(4).fill([[3, 4, 7, 8]]));
});

test.each([
  { what: 'that was led in the term of the commit', term: 5, isGiven: true },
  { what: 'that was led in a later one', term: 8, isGiven: true },
  { what: 'that was led in an earlier one', term: 3, isGiven: false },
  {
    what: 'whose leader may have been deposed before, for all that was heard since',
    term: 5,
    heard: 7,
    isGiven: false,
  },
  { what: 'that was led in the term in which it was heard of', term: 7, heard: 7, isGiven: true },
  { what: 'when a vote may be lost here, and with it the term', term: 8, isVoteLost: true, isGiven: false },
  { what: 'when the state machine knows of more than the log', term: 8, applied: 2, commit: 1, isGiven: false },
])('what is committed here is given to a log $what: $isGiven', (row) => {
  const { term, heard = null, isVoteLost = false, applied = 0, commit = 2, isGiven } = row;
  const recovered = {
    ...emptyReplica(founders),
    vote: { term: toTerm(5), votedFor: null },
    commit: toLogIndex(commit),
    applied: toLogIndex(applied),
    entries: [entry(1), entry(2), entry(3)],
    ambiguity: isVoteLost ? { term: null } : null,
  };
  const core = new RaftCore({ identity, settings: settingsDefault, random: new SeededRandom('committed'), recovered });
  if (heard !== null) {
    const previous = { term: toTerm(4), index: toLogIndex(3) };
    core.step(from(heard, { kind: 'append', previous, entries: [], commit: toLogIndex(3) }));
  }
  // Of these slots the other log has nothing but what stands behind them.
  const slots = [1, 2, 3].map(toLogIndex);
  const question = { kind: 'repair-request', slots, last: place(term, 2), part: null } as const;
  const answers = said(core, from(9, question), 'repair-response');
  const given = answers
    .filter(({ place }) => place !== null)
    .flatMap(({ entries }) => entries.map(({ index }) => index));
  expect(given).toEqual(isGiven ? [1, 2] : []);
});

/** A member whose log begins behind 4/2, after a snapshot of all up to 4/3, and ends at 4/5. */
function startGiver(commit: number): RaftCore {
  const recovered = {
    ...emptyReplica(founders),
    vote: { term: toTerm(5), votedFor: null },
    commit: toLogIndex(commit),
    snapshot: { ...emptyReplica(founders).snapshot, ...place(4, 2) },
    applied: toLogIndex(3),
    entries: [entry(3), entry(4), entry(5)],
  };
  return new RaftCore({ identity, settings: settingsDefault, random: new SeededRandom('giver'), recovered });
}

const anyPart = { id: null, offset: 0 };

test.each([
  { what: 'no further than it is like the other log', last: place(4, 3), part: anyPart, mostIndex: 3 },
  {
    what: 'no further than what is committed, for a log that was led later',
    last: place(5, 9),
    part: anyPart,
    mostIndex: 4,
  },
  {
    what: 'the least, where nothing says that the other log leads further',
    last: place(3, 9),
    part: anyPart,
    mostIndex: 2,
  },
  { what: 'the one that was begun', last: place(3, 9), part: { id: 'begun', offset: 7 }, mostIndex: 3 },
  { what: 'none, unless it is asked for a part', last: place(4, 5), part: null, mostIndex: null },
  { what: 'none for slots that it has', last: place(4, 5), part: anyPart, slot: 3, mostIndex: null },
])(
  'a member that is asked for slots which it has let go of reads a snapshot: $what',
  ({ mostIndex, slot = 2, ...row }) => {
    const question = { kind: 'repair-request', slots: [toLogIndex(slot)], last: row.last, part: row.part } as const;
    const { snapshots } = startGiver(4).step(from(4, question));
    const read = { kind: 'snapshot-read', to: other, leastIndex: 2, mostIndex, ...row.part, repairs: row.last };
    expect(snapshots).toEqual(mostIndex === null ? [] : [read]);
  },
);

test.each([
  { index: 3, last: place(4, 3), told: place(4, 3) },
  { index: 4, last: place(4, 3), told: null },
  { index: 2, last: place(3, 9), told: null },
])('a part of a snapshot up to $index, asked for by $last, is said to be of that log only if it is: $told', (row) => {
  const mark = { ...emptyReplica(founders).snapshot, id: 'mark', ...place(4, row.index) };
  const chunk = { mark, offset: 0, data: noData, isLast: true };
  const read = { kind: 'snapshot-read', to: other, repairs: row.last } as const;
  const core = startGiver(4);
  expect(said(core, { ...read, chunk }, 'repair-snapshot').map((each) => each.place)).toEqual([row.told]);
  expect(core.step({ ...read, chunk: null }).messages).toEqual([]);
});

/** A member that cannot read slot 3, of term 2 or 3, and whose log says up to `commit` that it is committed. */
function startAsker({ commit = 2, applied = 1 } = {}): RaftCore {
  const recovered = {
    ...emptyReplica(founders),
    vote: { term: toTerm(4), votedFor: null },
    commit: toLogIndex(commit),
    applied: toLogIndex(applied),
    entries: [entryOfTerm(1, 2), entryOfTerm(2, 2), { ...entry(4), kind: 'empty' as const }, entry(5)],
    faulty: [place(0, 3)],
  };
  return new RaftCore({ identity, settings: settingsDefault, random: new SeededRandom('asker'), recovered });
}

const gift = (index: number, of: Position | null, change: object = {}): MessageOf<'repair-snapshot'> & MessageBody => {
  const mark = { ...emptyReplica(founders).snapshot, id: 'gift', ...place(Math.min(index, 4), index) };
  return { kind: 'repair-snapshot', mark, offset: 0, data: noData, isLast: true, place: of, ...change } as never;
};

const isTaken = (core: RaftCore, term: number, message: MessageBody): boolean =>
  core.step(from(term, message)).snapshots.some(({ kind }) => kind === 'snapshot-write');

test.each([
  { what: 'its log leads through the last entry', index: 4, taken: true },
  { what: 'the last entry is one that its log calls committed', index: 3, commit: 3, taken: true },
  { what: 'nothing says that the slot held the last entry', index: 3, taken: false },
  {
    what: 'its log has another last entry',
    index: 4,
    change: { mark: { ...gift(4, null).mark, ...place(3, 4) } },
    taken: false,
  },
  { what: 'its log ends before', index: 6, taken: false },
  { what: 'the hole lies behind', index: 2, taken: false },
  { what: 'its state has more', index: 4, applied: 4, taken: false },
  { what: 'it is the middle of one that was not begun', index: 4, change: { offset: 9 }, taken: false },
])(
  'without a leader a member takes a snapshot for its hole, or does not: $what',
  ({ index, taken, change, ...row }) => {
    // Also from a member that knows of other terms.
    for (const term of [2, 4]) expect(isTaken(startAsker(row), term, gift(index, null, change))).toBe(taken);
  },
);

test('what its log is told to hold is taken once a start would know of it', () => {
  const core = startAsker();
  const told = gift(3, place(4, 5));
  const { write, snapshots } = core.step(from(4, told));
  expect([write?.commit, snapshots]).toEqual([3, []]);
  expect(isTaken(core, 4, gift(3, null))).toBe(false);
  core.step({ kind: 'stored', ticket: write?.ticket ?? 0 });
  expect(isTaken(core, 4, gift(3, null))).toBe(true);
});

test('a last entry that was repaired, and is not durable yet, says nothing: a start could find the slot damaged', () => {
  const recovered = {
    ...emptyReplica(founders),
    vote: { term: toTerm(4), votedFor: null },
    entries: [entryOfTerm(1, 2), { ...entry(4), kind: 'empty' as const }],
    faulty: [place(0, 2), place(0, 3)],
  };
  const core = new RaftCore({ identity, settings: settingsDefault, random: new SeededRandom('late'), recovered });
  const { write } = core.step(from(4, { kind: 'repair-response', entries: [entryOfTerm(3, 3)], place: place(4, 4) }));
  expect(write?.repairs.length).toBe(1);
  expect(isTaken(core, 4, gift(3, null))).toBe(false);
  core.step({ kind: 'stored', ticket: write?.ticket ?? 0 });
  expect(isTaken(core, 4, gift(3, null))).toBe(true);
});

test.each([
  { what: 'through which its log does not lead', of: place(3, 5) },
  { what: 'that lies before', of: place(2, 2) },
])('a place $what tells nothing', ({ of }) => {
  const { write, snapshots } = startAsker().step(from(4, gift(3, of)));
  expect([write, snapshots]).toEqual([null, []]);
});

const asked = (core: RaftCore): { to: number; part: object | null }[] => {
  const ticks = Array.from({ length: settingsDefault.heartbeatTicks }, () => core.step({ kind: 'tick' }).messages);
  return ticks.flat().flatMap((each) => (each.kind === 'repair-request' ? [{ to: each.to, part: each.part }] : []));
};

test('a member asks for the next part at once, and again if none comes, and begins with another giver after a while', () => {
  const core = startAsker();
  const first = gift(4, null, { isLast: false });
  expect(isTaken(core, 4, first)).toBe(true);
  const next = { id: 'gift', offset: 9 };
  const written = { kind: 'snapshot-written', id: 'gift', nextOffset: 9 } as const;
  expect(said(core, written, 'repair-request').map(({ to, part }) => [to, part])).toEqual([[other, next]]);
  // A disk that was full, a part that came twice, and another one's snapshot ask for nothing.
  expect(said(core, from(4, first), 'repair-request')).toEqual([]);
  expect(isTaken(core, 4, gift(4, null, { mark: { ...first.mark, id: 'other' }, offset: 9 }))).toBe(false);
  for (let round = 0; round < settingsDefault.snapshotRetryTicks; round++) {
    expect(asked(core)).toEqual([
      { to: 2, part: next },
      { to: 3, part: null },
    ]);
  }
  const later = Array.from({ length: 2 }, () => asked(core).find(({ part }) => part !== null));
  expect(later.map((each) => each?.to)).toEqual(expect.arrayContaining([2, 3]));
  expect(later.map((each) => each?.part)).toEqual([anyPart, anyPart]);
});

test('a part that could not be written is not asked for at once', () => {
  const core = startAsker();
  isTaken(core, 4, gift(4, null, { isLast: false }));
  expect(said(core, { kind: 'snapshot-written', id: 'gift', nextOffset: 0 }, 'repair-request')).toEqual([]);
});

test('with a leader nobody else’s snapshot is taken, and what was begun is let go of', () => {
  const core = startAsker();
  isTaken(core, 4, gift(4, null, { isLast: false }));
  core.step({ kind: 'snapshot-written', id: 'gift', nextOffset: 9 });
  said(core, from(5, { kind: 'heartbeat', commit: toLogIndex(0), context: 1, sleepAt: null }), 'heartbeat-response');
  expect(isTaken(core, 5, gift(4, null, { offset: 9 }))).toBe(false);
  for (let tick = 0; tick < 2 * settingsDefault.electionTicks; tick++) core.step({ kind: 'tick' });
  expect(core.status.leader).toBeNull();
  expect(isTaken(core, 5, gift(4, null, { offset: 9 }))).toBe(false);
  expect(isTaken(core, 5, gift(4, null))).toBe(true);
});

test('a snapshot fills the hole, leaves what lies behind it, and brings the change of members that the hole took', () => {
  const core = startAsker();
  const configuration = votersOnly([1, 2, 4].map(toMemberId));
  const { mark } = gift(4, null, { mark: { ...gift(4, null).mark, configuration } });
  isTaken(core, 4, gift(4, null, { mark }));
  core.step({ kind: 'snapshot-written', id: 'gift', nextOffset: 1 });
  const effects = core.step({ kind: 'snapshot-installed', id: 'gift', isInstalled: true });
  expect([effects.configuration, effects.write?.purgeTo, effects.write?.snapshot]).toEqual([configuration, 4, null]);
  expect(core.status).toMatchObject({ configuration, applied: 4, damaged: [], base: place(4, 4), last: place(4, 5) });
});

test('a leader’s snapshot of what is applied already still tells who the members were, where the log cannot', () => {
  const core = startAsker({ commit: 4, applied: 4 });
  const configuration = votersOnly([1, 2, 4].map(toMemberId));
  const mark = { ...gift(3, null).mark, configuration };
  core.step(from(5, { kind: 'snapshot-chunk', mark, offset: 0, data: noData, isLast: true }));
  expect([core.status.configuration, core.mark('own').configuration]).toEqual([configuration, configuration]);
});

test.each([
  { what: 'behind it is this leader’s', term: 4, kept: 5 },
  { what: 'behind it is another one’s', term: 5, kept: 4 },
])('a leader’s append fills a slot of which nobody knows the term where the log stays if what stands $what', (row) => {
  const core = startAsker();
  const entries = [entryOfTerm(3, 3), entryOfTerm(4, row.term)];
  const { write } = core.step(from(5, { kind: 'append', previous: place(2, 2), entries, commit: toLogIndex(0) }));
  expect([core.status.last.index, write?.truncateAfter ?? null]).toEqual([row.kept, row.kept === 5 ? null : 2]);
});

test('a slot before the first entry of a leader’s term is asked for as the entry of the term before that it was', () => {
  const recovered = {
    ...emptyReplica(founders),
    vote: { term: toTerm(4), votedFor: null },
    entries: [entryOfTerm(1, 3), entryOfTerm(2, 3), { ...entryOfTerm(4, 4), kind: 'empty' as const }],
    faulty: [place(0, 3)],
    ambiguity: { term: null },
  };
  const core = new RaftCore({ identity, settings: settingsDefault, random: new SeededRandom('first'), recovered });
  const ticks = Array.from({ length: 2 * settingsDefault.heartbeatTicks }, () => core.step({ kind: 'tick' }).messages);
  const asked = ticks.flat().flatMap((each) => (each.kind === 'repair-request' ? [each.last] : []));
  // By the end of its own term, which nobody else has, and by the slot itself.
  expect(asked).toEqual(expect.arrayContaining([place(4, 4), place(3, 3)]));
  const { write } = core.step(from(5, { kind: 'repair-response', entries: [entryOfTerm(3, 3)], place: place(3, 3) }));
  expect([write?.repairs.length, core.status.damaged]).toEqual([1, []]);
});
