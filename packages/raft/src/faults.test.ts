import { expect, test } from '@jest/globals';
import { toLogIndex, toTerm, type Term } from '@holdfast/base';
import { SeededRandom } from '@holdfast/base/internal';
import { votersOnly } from './configuration.ts';
import { RaftCore } from './core.ts';
import { entryBytes, noData, type Entry } from './entry.ts';
import type { RaftEvent } from './event.ts';
import { toGroupId, toMemberId, type Position } from './ids.ts';
import type { Message, MessageBody, MessageKind, MessageOf } from './message.ts';
import { encodeConfiguration } from './payload.ts';
import { emptyReplica } from './recovered.ts';
import { settingsDefault } from './settings.ts';

const identity = { cluster: 'test', group: toGroupId(1), self: toMemberId(1) };
const other = toMemberId(2);
const entry = (index: number): Entry => ({
  index: toLogIndex(index),
  term: toTerm(4),
  kind: 'command',
  data: noData,
  proposal: null,
});
const last = { term: toTerm(4), index: toLogIndex(9) };

/** A replica that woke up in term 4 and may have lost the end of its log behind entry 3; each life draws for itself. */
function wakeSuspect(lostTerm: number | null = null, life = 'faults'): RaftCore {
  const recovered = {
    ...emptyReplica(votersOnly([1, 2, 3].map(toMemberId))),
    vote: { term: toTerm(4), votedFor: null },
    entries: [entry(1), entry(2), entry(3)],
    ambiguity: { term: lostTerm === null ? null : toTerm(lostTerm) },
  };
  return new RaftCore({ identity, settings: settingsDefault, random: new SeededRandom(life), recovered });
}

function from(term: number, body: MessageBody): RaftEvent {
  const message = {
    cluster: 'test',
    group: identity.group,
    from: other,
    to: identity.self,
    term: toTerm(term),
    ...body,
  };
  return { kind: 'message', message };
}

/** What it says of one kind, to whomever, also what waits for its disk. */
function said<Kind extends MessageKind>(core: RaftCore, event: RaftEvent, kind: Kind): MessageOf<Kind>[] {
  const isOfKind = (message: Message): message is MessageOf<Kind> & Message => message.kind === kind;
  const { messages, write } = core.step(event);
  const later = write === null ? [] : core.step({ kind: 'stored', ticket: write.ticket }).messages;
  return [...messages, ...later].filter(isOfKind);
}

const voteRequest = (recovery: number | null): MessageBody => ({
  kind: 'vote-request',
  last,
  isTransfer: false,
  isRecovery: recovery !== null,
  context: recovery ?? 0,
});
const preVoteRequest = (candidacy: number): MessageBody => ({
  kind: 'pre-vote-request',
  candidacy: toTerm(candidacy),
  last,
});
const isGranted = (core: RaftCore, term: number, recovery: number | null): boolean | undefined =>
  said(core, from(term, voteRequest(recovery)), 'vote-response')[0]?.isGranted;

test.each([5, 6, 7, 60])('a suspect replica that woke up in term 4 grants no vote in term %i', (term) => {
  expect(isGranted(wakeSuspect(), term, null)).toBe(false);
});

/** What its answer to a pre-vote for this candidacy names. */
const contextOf = (core: RaftCore, candidacy: number): number | null =>
  said(core, from(4, preVoteRequest(candidacy)), 'pre-vote-response')[0]?.context ?? null;

test('a suspect replica tells where its log ends, in which start, and in which terms it may have voted', () => {
  const [answer] = said(wakeSuspect(), from(4, preVoteRequest(6)), 'pre-vote-response');
  expect(answer).toMatchObject({ isGranted: false, isSuspect: true, voteFloor: 5, last: { term: 4, index: 3 } });
  expect(answer?.context).toBeGreaterThan(0);
});

test('it grants a recovery only to a candidate who has its answer to the pre-vote since it woke up', () => {
  const core = wakeSuspect();
  const context = contextOf(core, 6);
  expect(isGranted(core, 6, context)).toBe(true);
  expect(isGranted(wakeSuspect(), 6, 0)).toBe(false);
});

test('what it answered in an earlier life counts for nothing, also where the question comes a second time', () => {
  const earlier = contextOf(wakeSuspect(null, 'earlier'), 6);
  const core = wakeSuspect(null, 'later');
  expect(contextOf(core, 6)).not.toBe(earlier);
  expect(isGranted(core, 6, earlier)).toBe(false);
});

test('an answer from when it trusted its log, which names no start, gets no recovery from a suspect', () => {
  const core = wakeSuspect();
  contextOf(core, 6);
  expect(isGranted(core, 6, 0)).toBe(false);
});

test('not even a recovery gets its vote in the next term, where it may have voted before', () => {
  const core = wakeSuspect();
  expect(isGranted(core, 5, contextOf(core, 5))).toBe(false);
});

const append = (term: number, index: number, count: number): MessageBody => ({
  kind: 'append',
  previous: { term: toTerm(4), index: toLogIndex(index) },
  entries: Array.from({ length: count }, (_, at) => ({ ...entry(index + 1 + at), term: toTerm(term) })),
  commit: toLogIndex(index + count),
});

/** Hears its leader of `term` and asks where it must catch up. */
function ask(core: RaftCore, term: number): number {
  said(core, from(term, append(term, 3, 1)), 'append-accepted');
  const [question] = said(core, { kind: 'tick' }, 'catch-up-request');
  return question?.context ?? 0;
}

test('what its leader sent before it woke up does not tell how far it must catch up, an answer to its own question does', () => {
  const core = wakeSuspect();
  const context = ask(core, 4);
  const answer = (asked: number): RaftEvent =>
    from(4, { kind: 'catch-up-response', context: asked, lastIndex: toLogIndex(6) });
  core.step(answer(context + 1));
  said(core, from(4, append(4, 4, 2)), 'append-accepted');
  expect(core.status.isSuspect).toBe(true);
  core.step(answer(context));
  expect(core.status.isSuspect).toBe(false);
});

test('an entry that is not durable yet is not caught up with', () => {
  const core = wakeSuspect();
  const context = ask(core, 4);
  core.step(from(4, { kind: 'catch-up-response', context, lastIndex: toLogIndex(5) }));
  const { write } = core.step(from(4, append(4, 4, 1)));
  expect(core.status.isSuspect).toBe(true);
  core.step({ kind: 'stored', ticket: write?.ticket ?? 0 });
  expect(core.status.isSuspect).toBe(false);
});

test('the log may forget the ambiguity only when no vote can be given twice: in a later term, or with this one’s vote spent', () => {
  const settledIn = (term: number): boolean => {
    const core = wakeSuspect();
    const context = ask(core, term);
    const answer = from(term, { kind: 'catch-up-response', context, lastIndex: toLogIndex(4) });
    const { write } = core.step(answer);
    if (write?.isSettled === true) expect(write.vote).toEqual({ term: term as Term, votedFor: other });
    return write?.isSettled ?? false;
  };
  expect([4, 5, 6].map(settledIn)).toEqual([false, true, true]);
});

test('a leader of a later term has to be asked again how far it goes', () => {
  const core = wakeSuspect();
  const context = ask(core, 4);
  core.step(from(4, { kind: 'catch-up-response', context, lastIndex: toLogIndex(6) }));
  said(core, from(6, append(6, 4, 2)), 'append-accepted');
  expect(core.status.isSuspect).toBe(true);
  const [question] = said(core, { kind: 'tick' }, 'catch-up-request');
  core.step(from(6, { kind: 'catch-up-response', context: question?.context ?? 0, lastIndex: toLogIndex(6) }));
  expect(core.status.isSuspect).toBe(false);
});

test('a lost entry of a later term moves the terms without a vote', () => {
  const core = wakeSuspect(8);
  const [answer] = said(core, from(4, preVoteRequest(9)), 'pre-vote-response');
  expect([answer?.isSuspect, answer?.voteFloor]).toEqual([false, 9]);
});

test('a vote that both places lost leaves the term of the log, and no vote of it is known', () => {
  const recovered = {
    ...emptyReplica(votersOnly([1, 2, 3].map(toMemberId))),
    entries: [entry(1)],
    ambiguity: { term: null },
  };
  const core = new RaftCore({ identity, settings: settingsDefault, random: new SeededRandom('vote'), recovered });
  expect([core.status.term, core.status.votedFor, core.status.isSuspect]).toEqual([4, null, true]);
  const { write } = core.step({ kind: 'tick' });
  expect(write?.vote).toEqual({ term: 4, votedFor: null });
});

test.each([
  { what: 'the last one', later: null, members: [1, 2, 3, 4] },
  { what: 'not the last one', later: votersOnly([1, 2].map(toMemberId)), members: [1, 2] },
])('a configuration that a repair brings back counts: $what', ({ later, members }) => {
  const configured = (index: number, configuration: ReturnType<typeof votersOnly>): Entry => ({
    ...entry(index),
    kind: 'configuration',
    data: encodeConfiguration(configuration),
  });
  const recovered = {
    ...emptyReplica(votersOnly([1, 2, 3].map(toMemberId))),
    vote: { term: toTerm(4), votedFor: null },
    entries: [entry(1), later === null ? entry(3) : configured(3, later)],
    faulty: [{ term: toTerm(4), index: toLogIndex(2) }],
  };
  const core = new RaftCore({ identity, settings: settingsDefault, random: new SeededRandom('repair'), recovered });
  const repaired = configured(2, votersOnly([1, 2, 3, 4].map(toMemberId)));
  const previous = { term: toTerm(4), index: toLogIndex(1) };
  core.step(from(4, { kind: 'append', previous, entries: [repaired], commit: toLogIndex(0) }));
  expect(core.status.configuration.voters).toEqual(members);
});

test.each([
  { what: 'of its term', term: 4, commit: 1, stays: true },
  { what: 'of which nobody knows the term', term: 0, commit: 1, stays: false },
  { what: 'that is committed', term: 0, commit: 3, stays: true },
])('a start whose snapshot ends in a damaged slot $what keeps what lies behind it: $stays', (row) => {
  const installed = { ...emptyReplica().snapshot, index: toLogIndex(2), term: toTerm(4) };
  const recovered = {
    ...emptyReplica(votersOnly([1, 2, 3].map(toMemberId))),
    vote: { term: toTerm(4), votedFor: null },
    entries: [entry(1), entry(3)],
    commit: toLogIndex(row.commit),
    faulty: [{ index: toLogIndex(2), term: toTerm(row.term) }],
    installed,
    applied: installed.index,
  };
  const core = new RaftCore({ identity, settings: settingsDefault, random: new SeededRandom('faults'), recovered });
  expect(core.status.last.index).toBe(row.stays ? 3 : 2);
});

test('a leader answers how far it goes when a quorum has confirmed it since it was asked', () => {
  const recovered = emptyReplica(votersOnly([1, 2, 3].map(toMemberId)));
  const core = new RaftCore({ identity, settings: settingsDefault, random: new SeededRandom('leader'), recovered });
  const hear = (message: Partial<Message>, body: MessageBody): Message[] => {
    const event = from(1, body);
    if (event.kind !== 'message') return [];
    return [...core.step({ kind: 'message', message: { ...event.message, ...message } as Message }).messages];
  };
  core.step({ kind: 'campaign' });
  const granted = {
    isGranted: true,
    isSuspect: false,
    context: 0,
    last: { term: toTerm(0), index: toLogIndex(0) },
    voteFloor: toTerm(0),
  };
  const preVote = { kind: 'pre-vote-response', candidacy: toTerm(1), ...granted } as const;
  const { write } = core.step(from(0, preVote));
  core.step({ kind: 'stored', ticket: write?.ticket ?? 0 });
  hear({}, { kind: 'vote-response', isGranted: true });
  expect(core.status.role).toBe('leader');

  const contexts = new Set<number>();
  const beat = (): number => {
    const beats = Array.from({ length: settingsDefault.heartbeatTicks }, () => core.step({ kind: 'tick' }).messages);
    for (const each of beats.flat()) if (each.kind === 'heartbeat') contexts.add(each.context);
    return Math.max(...contexts);
  };
  const confirm = (context: number): Message[] =>
    hear({}, { kind: 'heartbeat-response', context, isAsleep: false, version: 1 });
  const answers = (messages: Message[]): number[] =>
    messages.flatMap((each) => (each.kind === 'catch-up-response' ? [each.context, each.to] : []));
  const before = beat();
  const question = { kind: 'catch-up-request', context: 77, lastIndex: toLogIndex(0) } as const;
  const asker = { from: toMemberId(3) };
  expect(answers(hear(asker, question))).toEqual([]);
  expect(answers(confirm(before))).toEqual([]);
  const after = beat();
  // Asked again, it is the same question.
  expect(answers(hear(asker, question))).toEqual([]);
  expect(answers(confirm(after))).toEqual([77, 3]);
});

test.each([
  {
    what: 'its log leads through the place',
    index: 3,
    place: { term: toTerm(4), index: toLogIndex(4) },
    isTaken: true,
  },
  {
    what: 'its log has another entry there',
    index: 3,
    place: { term: toTerm(3), index: toLogIndex(4) },
    isTaken: false,
  },
  { what: 'its log ends before', index: 3, place: { term: toTerm(4), index: toLogIndex(5) }, isTaken: false },
  {
    what: 'the slot lies behind the place',
    index: 3,
    place: { term: toTerm(4), index: toLogIndex(1) },
    isTaken: false,
  },
  { what: 'both know the slot to be committed', index: 2, place: null, isTaken: true },
  { what: 'only the other one knows it to be committed', index: 3, place: null, isTaken: false },
])('a peer fills a damaged slot, or does not: $what', ({ index, place, isTaken }) => {
  const recovered = {
    ...emptyReplica(votersOnly([1, 2, 3].map(toMemberId))),
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
    ...emptyReplica(votersOnly([1, 2, 3].map(toMemberId))),
    vote: { term: toTerm(4), votedFor: null },
    entries,
  };
  const settings = { ...settingsDefault, appendBytesMax: 3 * entryBytes({ data: new Uint8Array(100) }) };
  const core = new RaftCore({ identity, settings, random: new SeededRandom('repairs'), recovered });
  const question = { kind: 'repair-request', slots: [1, 2, 3].map(toLogIndex), last: entry(4) } as const;
  const [answer] = said(core, from(4, question), 'repair-response');
  expect(answer?.entries.map(({ index }) => index)).toEqual(repaired);
});

test('a replica with damaged slots asks by the end of one term after the other, the latest first, down to the first slot', () => {
  const place = (term: number, index: number): Position => ({ term: toTerm(term), index: toLogIndex(index) });
  const recovered = {
    ...emptyReplica(votersOnly([1, 2, 3].map(toMemberId))),
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
    ...emptyReplica(votersOnly([1, 2, 3].map(toMemberId))),
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
  const question = { kind: 'repair-request', slots, last: { term: toTerm(term), index: toLogIndex(2) } } as const;
  const answers = said(core, from(9, question), 'repair-response');
  const given = answers
    .filter(({ place }) => place !== null)
    .flatMap(({ entries }) => entries.map(({ index }) => index));
  expect(given).toEqual(isGiven ? [1, 2] : []);
});
