import { expect, test } from '@jest/globals';
import { toLogIndex, toTerm, type Term } from '@holdfast/base';
import { SeededRandom } from '@holdfast/base/internal';
import { votersOnly } from './configuration.ts';
import { entry, entryOfTerm, from, identity, other, said } from './core-testing.ts';
import { RaftCore } from './core.ts';
import type { Entry } from './entry.ts';
import type { RaftEvent } from './event.ts';
import { toMemberId } from './ids.ts';
import type { Message, MessageBody } from './message.ts';
import { encodeConfiguration } from './payload.ts';
import { emptyReplica } from './recovered.ts';
import { settingsDefault } from './settings.ts';

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
  { what: 'of its term', before: 3, term: 4, commit: 1, stays: true },
  { what: 'that cannot have been of another term', before: 4, term: 0, commit: 1, stays: true },
  { what: 'of which nobody knows the term', before: 3, term: 0, commit: 1, stays: false },
  { what: 'that is committed', before: 3, term: 0, commit: 3, stays: true },
])('a start whose snapshot ends in a damaged slot $what keeps what lies behind it: $stays', (row) => {
  const installed = { ...emptyReplica().snapshot, index: toLogIndex(2), term: toTerm(4) };
  const recovered = {
    ...emptyReplica(votersOnly([1, 2, 3].map(toMemberId))),
    vote: { term: toTerm(5), votedFor: null },
    entries: [entryOfTerm(1, row.before), { ...entryOfTerm(3, 5), kind: 'empty' as const }],
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
