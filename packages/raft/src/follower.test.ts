import { expect, test } from '@jest/globals';
import { toLogIndex, toTerm } from '@holdfast/base';
import { SeededRandom } from '@holdfast/base/internal';
import { votersOnly } from './configuration.ts';
import { RaftCore } from './core.ts';
import type { Effects } from './effects.ts';
import { noData, type Entry } from './entry.ts';
import { toGroupId, toMemberId } from './ids.ts';
import type { MessageBody } from './message.ts';
import { emptyReplica } from './recovered.ts';
import { settingsDefault, type Settings } from './settings.ts';

const identity = { cluster: 'test', group: toGroupId(1), self: toMemberId(1) };
const origin = { term: toTerm(0), index: toLogIndex(0) };
const heartbeat: MessageBody = { kind: 'heartbeat', commit: toLogIndex(0), context: 1, sleepAt: null };

function start(settings: Partial<Settings> = {}, seed = 'follower'): RaftCore {
  return new RaftCore({
    identity,
    settings: { ...settingsDefault, ...settings },
    random: new SeededRandom(seed),
    recovered: emptyReplica(votersOnly([1, 2, 3].map(toMemberId))),
  });
}

function hear(core: RaftCore, member: number, term: number, body: MessageBody): Effects {
  const message = {
    cluster: 'test',
    group: identity.group,
    from: toMemberId(member),
    to: identity.self,
    term: toTerm(term),
  };
  return core.step({ kind: 'message', message: { ...message, ...body } });
}

test('a leader of a past term keeps nobody from standing, and hears that its term has passed', () => {
  const core = start();
  hear(core, 2, 5, heartbeat);
  let answers = 0;
  for (let tick = 0; tick < 2 * settingsDefault.electionTicks; tick++) {
    const { messages } = hear(core, 3, 4, heartbeat);
    answers += messages.filter(({ kind, to }) => kind === 'term-notice' && to === 3).length;
    core.step({ kind: 'tick' });
  }
  expect([core.status.role, answers]).toEqual(['pre-candidate', 2 * settingsDefault.electionTicks]);
});

test('an answer to a read of this replica’s life before a restart answers none of this one’s', () => {
  const before = start({}, 'before');
  hear(before, 2, 1, heartbeat);
  const [asked] = before.step({ kind: 'read', ids: [7] }).messages;
  expect(asked?.kind).toBe('read-request');
  const boot = asked?.kind === 'read-request' ? asked.boot : 0;
  const after = start({}, 'after');
  hear(after, 2, 1, heartbeat);
  after.step({ kind: 'read', ids: [7] });
  const late: MessageBody = { kind: 'read-response', id: 7, boot, index: toLogIndex(3) };
  expect(hear(after, 2, 1, late).reads).toEqual([]);
  expect(hear(before, 2, 1, late).reads).toEqual([{ id: 7, index: 3 }]);
});

test('a proposal is refused with the leader’s name where it is not passed on, and without one where nobody is known', () => {
  const core = start({ forwardProposals: false });
  const propose = (): string | undefined => {
    const proposals = [{ id: { session: 1, sequence: 1 }, data: new Uint8Array(1), version: 1 }];
    return core.step({ kind: 'propose', proposals }).refusedProposals[0]?.error.message;
  };
  expect(propose()).toBe('no leader is known');
  hear(core, 2, 1, heartbeat);
  expect(propose()).toBe('member 2 leads');
});

test('a follower whose disk does not answer takes no more than its bound, as if the rest was lost', () => {
  const core = start({ pendingWritesMax: 2 });
  const entries = [1, 2, 3, 4].map((index) => ({
    index: toLogIndex(index),
    term: toTerm(1),
    kind: 'empty' as const,
    data: new Uint8Array(),
    proposal: null,
  }));
  let previous = origin;
  for (const entry of entries) {
    hear(core, 2, 1, { kind: 'append', previous, entries: [entry], commit: toLogIndex(0) });
    previous = entry;
  }
  expect(core.status.last.index).toBe(2);
});

test('a leader that stood still is none any more, and its reads are refused', () => {
  const core = new RaftCore({
    identity,
    settings: settingsDefault,
    random: new SeededRandom('paused'),
    recovered: emptyReplica(votersOnly([toMemberId(1)])),
  });
  core.step({ kind: 'campaign' });
  core.step({ kind: 'stored', ticket: 1 });
  core.step({ kind: 'read', ids: [1] });
  const effects = core.step({ kind: 'paused' });
  expect(effects.role?.role).toBe('follower');
  expect(effects.refusedReads.map(({ error }) => error.code)).toEqual(['RAFT_LEADER_CHANGED']);
});

test('a command that needs a later cluster version, or is too large, is not taken in', () => {
  const core = new RaftCore({
    identity,
    settings: { ...settingsDefault, proposalBytesMax: 10 },
    random: new SeededRandom('gate'),
    recovered: emptyReplica(votersOnly([toMemberId(1)])),
  });
  core.step({ kind: 'campaign' });
  core.step({ kind: 'stored', ticket: 1 });
  const refusal = (bytes: number, version: number): string | undefined => {
    const proposals = [{ id: { session: 1, sequence: 1 }, data: new Uint8Array(bytes), version }];
    return core.step({ kind: 'propose', proposals }).refusedProposals[0]?.error.code;
  };
  expect([refusal(1, 2), refusal(11, 1), refusal(1, 1)]).toEqual([
    'RAFT_VERSION_TOO_LOW',
    'RAFT_PROPOSAL_TOO_LARGE',
    undefined,
  ]);
});

const voteRequest = (term: number, index: number, isTransfer: boolean): MessageBody => ({
  kind: 'vote-request',
  last: { term: toTerm(term), index: toLogIndex(index) },
  isTransfer,
  isRecovery: false,
  context: 0,
});

test('who hears its leader does not follow a candidate into a higher term, unless the leader asked for it', () => {
  const core = start();
  hear(core, 2, 1, heartbeat);
  hear(core, 3, 9, voteRequest(8, 9, false));
  expect([core.status.term, core.status.leader]).toEqual([1, 2]);
  hear(core, 3, 9, voteRequest(8, 9, true));
  expect([core.status.term, core.status.votedFor]).toEqual([9, 3]);
});

test.each([
  { term: 1, index: 9, isGranted: false },
  { term: 2, index: 1, isGranted: false },
  { term: 2, index: 2, isGranted: true },
  { term: 3, index: 1, isGranted: true },
])('with a log that ends at 2/2, a candidate’s that ends at $term/$index gets the vote: $isGranted', (candidate) => {
  const core = start();
  const entry = (index: number): Entry => ({
    ...origin,
    index: toLogIndex(index),
    term: toTerm(2),
    kind: 'empty',
    data: noData,
    proposal: null,
  });
  const append: MessageBody = {
    kind: 'append',
    previous: origin,
    entries: [entry(1), entry(2)],
    commit: toLogIndex(0),
  };
  hear(core, 2, 2, append);
  for (let tick = 0; tick < settingsDefault.electionTicks; tick++) core.step({ kind: 'tick' });
  hear(core, 3, 7, voteRequest(candidate.term, candidate.index, false));
  expect([core.status.term, core.status.votedFor]).toEqual([7, candidate.isGranted ? 3 : null]);
});

test('a follower sleeps only with the very log that its leader has', () => {
  const core = start();
  const sleepAt = (term: number, index: number): boolean => {
    const last = { term: toTerm(term), index: toLogIndex(index) };
    const { write } = hear(core, 2, 1, { kind: 'heartbeat', commit: toLogIndex(0), context: 1, sleepAt: last });
    if (write !== null) core.step({ kind: 'stored', ticket: write.ticket });
    return core.isAsleep;
  };
  expect([sleepAt(1, 1), sleepAt(0, 0)]).toEqual([false, true]);
});
