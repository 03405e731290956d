import { expect, test } from '@jest/globals';
import { toLogIndex, toTerm } from '@holdfast/base';
import { SeededRandom } from '@holdfast/base/internal';
import fc from 'fast-check';
import { votersOnly } from './configuration.ts';
import { RaftCore } from './core.ts';
import { noData, type Entry } from './entry.ts';
import type { RaftEvent } from './event.ts';
import { toGroupId, toMemberId, type MemberId } from './ids.ts';
import type { Message, MessageBody } from './message.ts';
import { encodeVersion } from './payload.ts';
import { emptyReplica, type Recovered } from './recovered.ts';
import { settingsDefault } from './settings.ts';

const identity = { cluster: 'test', group: toGroupId(1), self: toMemberId(1) };
const members = [1, 2, 3].map(toMemberId);
const other = toMemberId(2);

function start(voters: readonly MemberId[] = members, recovered: Partial<Recovered> = {}): RaftCore {
  return new RaftCore({
    identity,
    settings: { ...settingsDefault, termLeapMax: 1_000 },
    random: new SeededRandom('judge'),
    recovered: { ...emptyReplica(votersOnly(voters)), ...recovered },
  });
}

/** A leader of term 1 with one committed entry. */
function startLeader(): RaftCore {
  const core = start();
  core.step({ kind: 'campaign' });
  const answer = {
    candidacy: toTerm(1),
    isGranted: true,
    isSuspect: false,
    context: 0,
    last: origin,
    voteFloor: toTerm(0),
  };
  core.step(from(other, 0, { kind: 'pre-vote-response', ...answer }));
  core.step({ kind: 'stored', ticket: 1 });
  core.step(from(other, 1, { kind: 'vote-response', isGranted: true }));
  core.step({ kind: 'stored', ticket: 2 });
  core.step(from(other, 1, { kind: 'append-accepted', match: toLogIndex(1), version: 1 }));
  expect([core.status.role, core.status.commit]).toEqual(['leader', 1]);
  return core;
}

function from(member: MemberId, term: number, body: MessageBody): RaftEvent & { readonly kind: 'message' } {
  const envelope = { cluster: 'test', group: identity.group, from: member, to: identity.self, term: toTerm(term) };
  return { kind: 'message', message: { ...envelope, ...body } };
}

const origin = { term: toTerm(0), index: toLogIndex(0) };
const at = (term: number, index: number): typeof origin => ({ term: toTerm(term), index: toLogIndex(index) });
const entry = (term: number, index: number): Entry => ({
  ...at(term, index),
  kind: 'command',
  data: noData,
  proposal: null,
});
const notice: MessageBody = { kind: 'term-notice' };
const append = (body: Partial<Extract<MessageBody, { kind: 'append' }>>): MessageBody => ({
  kind: 'append',
  previous: origin,
  entries: [],
  commit: toLogIndex(0),
  ...body,
});

test.each<{ what: string; message: Partial<Message>; code: string }>([
  { what: 'of another cluster', message: { cluster: 'other' }, code: 'RAFT_MESSAGE_MISDIRECTED' },
  { what: 'of another group', message: { group: toGroupId(2) }, code: 'RAFT_MESSAGE_MISDIRECTED' },
  { what: 'for another member', message: { to: toMemberId(3) }, code: 'RAFT_MESSAGE_MISDIRECTED' },
  { what: 'from oneself', message: { from: identity.self }, code: 'RAFT_MESSAGE_MISDIRECTED' },
  { what: 'of a term from the far future', message: { term: toTerm(2 ** 50) }, code: 'RAFT_TERM_IMPLAUSIBLE' },
  { what: 'of no term', message: { term: -1 as Message['term'] }, code: 'RAFT_MESSAGE_MALFORMED' },
  { what: 'of a kind nobody knows', message: { kind: 'dance' as 'term-notice' }, code: 'RAFT_MESSAGE_MALFORMED' },
])('a message $what is refused and changes nothing', ({ message, code }) => {
  const core = start();
  const { status } = core;
  const event = from(other, 1, notice);
  const effects = core.step({ kind: 'message', message: { ...event.message, ...message } as Message });
  expect(effects.refused?.code).toBe(code);
  expect(core.status).toEqual(status);
});

test.each<{ what: string; body: MessageBody; code: string }>([
  { what: 'entries with a gap', body: append({ entries: [entry(1, 2)] }), code: 'RAFT_MESSAGE_MALFORMED' },
  {
    what: 'entries whose terms fall',
    body: append({ previous: at(1, 1), entries: [entry(0, 2)] }),
    code: 'RAFT_MESSAGE_MALFORMED',
  },
  {
    what: 'an entry of a later term than its sender',
    body: append({ entries: [entry(9, 1)] }),
    code: 'RAFT_MESSAGE_MALFORMED',
  },
  {
    what: 'a configuration without any member',
    body: append({
      entries: [
        {
          ...entry(1, 1),
          kind: 'configuration',
          data: Buffer.from('{"voters":[],"outgoing":[],"learners":[],"learnersNext":[]}'),
        },
      ],
    }),
    code: 'RAFT_MESSAGE_MALFORMED',
  },
  {
    what: 'a configuration that removes everybody',
    body: append({
      entries: [
        {
          ...entry(1, 1),
          kind: 'configuration',
          data: Buffer.from('{"voters":[],"outgoing":[],"learners":[4],"learnersNext":[]}'),
        },
      ],
    }),
    code: 'RAFT_MESSAGE_MALFORMED',
  },
  {
    what: 'an entry that is no JSON',
    body: append({ entries: [{ ...entry(1, 1), kind: 'configuration' }] }),
    code: 'RAFT_MESSAGE_MALFORMED',
  },
  {
    what: 'a cluster version that this program does not know',
    body: append({ entries: [{ ...entry(1, 1), kind: 'version', data: encodeVersion(7) }] }),
    code: 'RAFT_VERSION_UNSUPPORTED',
  },
])('an append with $what is refused', ({ body, code }) => {
  const core = start();
  expect(core.step(from(other, 1, body)).refused?.code).toBe(code);
  expect(core.status.last.index).toBe(0);
});

test.each<{ what: string; sender: number; body: MessageBody; code: string }>([
  {
    what: 'an answer of somebody who is no member',
    sender: 9,
    body: { kind: 'append-accepted', match: toLogIndex(1), version: 1 },
    code: 'RAFT_PEER_UNKNOWN',
  },
  {
    what: 'an acknowledgement of what was never sent',
    sender: 2,
    body: { kind: 'append-accepted', match: toLogIndex(9), version: 1 },
    code: 'RAFT_MESSAGE_MALFORMED',
  },
  {
    what: 'an answer to a heartbeat that was never sent',
    sender: 2,
    body: { kind: 'heartbeat-response', context: 99, isAsleep: false, version: 1 },
    code: 'RAFT_MESSAGE_MALFORMED',
  },
  { what: 'an append of a second leader of its term', sender: 3, body: append({}), code: 'RAFT_TWO_LEADERS' },
])('a leader refuses $what', ({ sender, body, code }) => {
  const core = startLeader();
  expect(core.step(from(toMemberId(sender), 1, body)).refused?.code).toBe(code);
  expect(core.status.role).toBe('leader');
});

test('a snapshot of a group without any member is refused', () => {
  const core = start();
  const mark = { id: 'a', ...at(1, 5), configuration: votersOnly([]), version: 1 };
  const chunk: MessageBody = { kind: 'snapshot-chunk', mark, offset: 0, data: noData, isLast: true };
  expect(core.step(from(other, 1, chunk)).refused?.code).toBe('RAFT_MESSAGE_MALFORMED');
  expect(core.status.term).toBe(0);
});

test('storage that acknowledges twice, or what was never written, is refused', () => {
  const core = startLeader();
  for (const ticket of [1, 2, 99, 0, -1])
    expect(core.step({ kind: 'stored', ticket }).refused?.code).toBe('RAFT_TICKET_UNKNOWN');
});

test('a snapshot that is older than the log, or ahead of what is applied, is refused', () => {
  const core = startLeader();
  core.step({ kind: 'compact', mark: core.mark('a') });
  const mark = core.mark('b');
  for (const index of [0, 2]) {
    const event: RaftEvent = { kind: 'compact', mark: { ...mark, index: toLogIndex(index) } };
    expect(core.step(event).refused?.code).toBe('RAFT_SNAPSHOT_OUTDATED');
  }
});

test('an append that contradicts what is committed is refused, and the log stays', () => {
  const core = start();
  core.step(from(other, 1, append({ entries: [entry(1, 1), entry(1, 2)], commit: toLogIndex(2) })));
  const wrong = append({ previous: at(1, 1), entries: [entry(2, 2)] });
  expect(core.step(from(other, 2, wrong)).refused?.code).toBe('RAFT_COMMITTED_CONTRADICTED');
  expect(core.status.last).toEqual(at(1, 2));
});

test('a commit index beyond what was compared commits only what was', () => {
  const core = start();
  core.step(from(other, 1, append({ entries: [entry(1, 1)] })));
  core.step(from(toMemberId(3), 2, append({ commit: toLogIndex(1) })));
  expect(core.status.commit).toBe(0);
});

test.each<{ what: string; recovered: Partial<Recovered> }>([
  { what: 'entries with a gap', recovered: { entries: [entry(0, 2)] } },
  { what: 'an entry of a later term than the vote', recovered: { entries: [entry(5, 1)] } },
  { what: 'more applied than logged', recovered: { applied: toLogIndex(3) } },
  { what: 'a slot twice', recovered: { entries: [entry(0, 1)], faulty: [at(0, 1)] } },
])('a start from $what says what does not fit', ({ recovered }) => {
  expect(() => start(members, recovered)).toThrow('what this member kept does not fit together');
});

test('whatever messages come, in whatever order, the core neither throws nor goes back in term or commit', () => {
  const small = fc.nat(4);
  const position = fc.record({ term: small.map(toTerm), index: small.map(toLogIndex) });
  const entries = fc.array(fc.nat(2), { maxLength: 3 });
  const body = fc.oneof(
    fc.record({
      kind: fc.constant('vote-request'),
      last: position,
      isTransfer: fc.boolean(),
      isRecovery: fc.boolean(),
      context: small,
    }),
    fc.record({ kind: fc.constant('vote-response'), isGranted: fc.boolean() }),
    fc.record({ kind: fc.constant('pre-vote-request'), candidacy: small, last: position }),
    fc.record({
      kind: fc.constant('pre-vote-response'),
      candidacy: small,
      isGranted: fc.boolean(),
      isSuspect: fc.boolean(),
      context: small,
      last: position,
      voteFloor: small,
    }),
    fc.record({ kind: fc.constant('heartbeat'), commit: small, context: small, sleepAt: fc.option(position) }),
    fc.record({ kind: fc.constant('heartbeat-response'), context: small, isAsleep: fc.boolean(), version: small }),
    fc.record({ kind: fc.constant('append-accepted'), match: small, version: small }),
    fc.record({
      kind: fc.constant('append-rejected'),
      rejected: small,
      hint: position,
      isDamaged: fc.boolean(),
      version: small,
    }),
    fc.record({ kind: fc.constant('snapshot-response'), id: fc.constant(''), nextOffset: small }),
    fc.record({ kind: fc.constant('catch-up-request'), context: small, lastIndex: small }),
    fc.record({ kind: fc.constant('catch-up-response'), context: small, lastIndex: small }),
    fc.record({ kind: fc.constantFrom('timeout-now', 'term-notice') }),
    fc
      .record({ kind: fc.constant('append'), previous: position, steps: entries, commit: small })
      .map(({ previous, steps, ...rest }) => {
        let { term } = previous;
        const list = steps.map((step, offset) => entry((term = toTerm(term + step)), previous.index + 1 + offset));
        return { ...rest, previous, entries: list };
      }),
  );
  const event = fc.oneof(
    fc.record({ kind: fc.constant('message'), sender: fc.constantFrom(2, 3, 9), term: fc.nat(6), body }),
    fc.record({ kind: fc.constantFrom('tick', 'campaign', 'stored') }),
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 40 }), (events) => {
      const core = start();
      let tickets = 0;
      for (const each of events) {
        const { term, commit } = core.status;
        let step: RaftEvent = each as RaftEvent;
        if ('body' in each) step = from(toMemberId(each.sender), each.term, each.body as MessageBody);
        else if (each.kind === 'stored') step = { kind: 'stored', ticket: tickets };
        const { write } = core.step(step);
        tickets = write?.ticket ?? tickets;
        expect(core.status.term).toBeGreaterThanOrEqual(term);
        expect(core.status.commit).toBeGreaterThanOrEqual(commit);
      }
    }),
  );
});
