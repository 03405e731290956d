import { expect, test } from '@jest/globals';
import { toLogIndex, toTerm } from '@holdfast/base';
import {
  emptyReplica,
  toGroupId,
  toMemberId,
  votersOnly,
  type Configuration,
  type Effects,
  type Entry,
  type GroupsEvent,
  type Message,
  type MemberId,
  type MessageBody,
  type Recovered,
} from '@holdfast/raft';
import { noEffects } from '@holdfast/raft/internal';
import { RaftJudge } from './raft-judge.ts';

type Write = NonNullable<Effects['write']>;

const [one, two, three] = [1, 2, 3].map(toMemberId) as [MemberId, MemberId, MemberId];
const founders = votersOnly([one, two, three]);
const group = toGroupId(1);
const tick: GroupsEvent = { kind: 'tick' };

/** A made-up cluster: what members are said to do, and what the judge says to it. */
class Observed {
  readonly findings: string[] = [];
  readonly judge: RaftJudge;
  #ticket = 0;

  constructor(damaged: readonly MemberId[] = [], deceived: readonly MemberId[] = []) {
    this.judge = new RaftJudge({
      report: (rule) => this.findings.push(rule),
      excuse: () => this.findings.push('excused'),
      isDamaged: (member) => damaged.includes(member),
      isDeceived: (member) => deceived.includes(member),
    });
    for (const member of [one, two, three]) this.judge.onRecovered(member, emptyReplica(founders));
  }

  step(member: MemberId, effects: Partial<Effects>, event = tick): void {
    this.judge.onStep(member, event, { ...noEffects(), ...effects });
  }

  /** Asks storage for something; it answers at once, or never. */
  write(member: MemberId, write: Partial<Write>, isStored = true): void {
    this.step(member, { write: { ...noWrite, ticket: ++this.#ticket, ...write } });
    if (isStored) this.judge.onStored(member, this.#ticket);
  }

  vote(member: MemberId, term: number, votedFor: MemberId): void {
    this.write(member, { vote: { term: toTerm(term), votedFor } });
  }

  lead(member: MemberId, term: number): void {
    for (const voter of [one, two, three]) this.vote(voter, term, member);
    this.step(member, { role: { role: 'leader', term: toTerm(term), leader: member } });
  }

  append(members: readonly MemberId[], ...entries: Entry[]): void {
    for (const member of members) this.write(member, { entries });
  }

  say(from: MemberId, to: MemberId, term: number, body: MessageBody): void {
    const message: Message = { cluster: 'c', group, from, to, term: toTerm(term), ...body };
    this.step(from, { messages: [message] });
  }
}

const noWrite: Write = {
  ticket: 0,
  vote: null,
  snapshot: null,
  truncateAfter: null,
  entries: [],
  repairs: [],
  commit: null,
  purgeTo: null,
  isSettled: false,
};

function entry(index: number, term: number, text = '', proposal: Entry['proposal'] = null): Entry {
  return { index: toLogIndex(index), term: toTerm(term), kind: 'command', data: Buffer.from(text), proposal };
}

function configured(index: number, term: number, configuration: Configuration): Entry {
  return { ...entry(index, term, JSON.stringify(configuration)), kind: 'configuration' };
}

/** A leader of term 1 whose first entry everybody has. */
function quiet(damaged: readonly MemberId[] = [], deceived: readonly MemberId[] = []): Observed {
  const observed = new Observed(damaged, deceived);
  observed.lead(one, 1);
  observed.append([one, two, three], entry(1, 1));
  for (const member of [one, two, three]) observed.step(member, { committed: [entry(1, 1)] });
  return observed;
}

test('a cluster that does what it should gives no finding', () => {
  const observed = quiet();
  observed.say(two, one, 1, { kind: 'append-accepted', match: toLogIndex(1), version: 1 });
  observed.lead(two, 2);
  for (const member of [one, two, three]) observed.judge.onApplied(member, 1, 77);
  observed.judge.onRecovered(three, {
    ...emptyReplica(founders),
    vote: { term: toTerm(2), votedFor: two },
    entries: [entry(1, 1)],
  });
  expect(observed.findings).toEqual([]);
});

const withLoss = {
  ...emptyReplica(founders),
  vote: { term: toTerm(1), votedFor: one },
  ambiguity: { term: toTerm(1) },
};
const mark = { id: 'a', index: toLogIndex(1), term: toTerm(1), configuration: founders, version: 1 };

test('who may have lost its vote takes it for given to the one who has won without it, whomever it went to', () => {
  const observed = quiet([three]);
  observed.vote(three, 2, two);
  for (const voter of [one, two]) observed.vote(voter, 2, one);
  observed.step(one, { role: { role: 'leader', term: toTerm(2), leader: one } });
  observed.judge.onRecovered(three, { ...withLoss, entries: [entry(1, 1)] });
  observed.vote(three, 2, one);
  observed.say(three, one, 2, { kind: 'vote-response', isGranted: true });
  expect(observed.findings).toEqual([]);
});

test.each<{ rule: string; what: string; observe: (observed: Observed) => void }>([
  {
    rule: 'one-leader-a-term',
    what: 'a second leader',
    observe: (observed) => observed.step(two, { role: { role: 'leader', term: toTerm(1), leader: two } }),
  },
  {
    rule: 'one-vote-a-term',
    what: 'a vote for somebody else after a restart that forgot the first',
    observe: (observed) => {
      observed.judge.onRecovered(three, { ...emptyReplica(founders), entries: [entry(1, 1)] });
      observed.vote(three, 1, two);
    },
  },
  {
    rule: 'one-vote-a-term',
    what: 'a vote that is taken back',
    observe: (observed) => observed.vote(three, 1, two),
  },
  { rule: 'term-falls', what: 'a term that falls', observe: (observed) => observed.vote(one, 0, one) },
  {
    rule: 'elected-by-quorum',
    what: 'a leader with a vote too few',
    observe: (observed) => {
      observed.vote(two, 2, two);
      observed.step(two, { role: { role: 'leader', term: toTerm(2), leader: two } });
    },
  },
  {
    rule: 'log-matching',
    what: 'one entry that says two things',
    observe: (observed) => {
      observed.append([two], entry(2, 1, 'a'));
      observed.append([three], entry(2, 1, 'b'));
    },
  },
  {
    rule: 'log-matching',
    what: 'one entry behind two different ones',
    observe: (observed) => {
      observed.append([two], entry(2, 1), entry(3, 2));
      observed.append([three], entry(2, 2), entry(3, 2));
    },
  },
  {
    rule: 'durable-before-said',
    what: 'a vote that is granted before it is stored',
    observe: (observed) => {
      observed.write(two, { vote: { term: toTerm(2), votedFor: three } }, false);
      observed.say(two, three, 2, { kind: 'vote-response', isGranted: true });
    },
  },
  {
    rule: 'durable-before-said',
    what: 'entries that are accepted before they are stored',
    observe: (observed) => {
      observed.write(two, { entries: [entry(2, 1)] }, false);
      observed.say(two, one, 1, { kind: 'append-accepted', match: toLogIndex(2), version: 1 });
    },
  },
  {
    rule: 'durable-before-said',
    what: 'an entry that is applied before it is stored here',
    observe: (observed) => {
      observed.append([one, three], entry(2, 1));
      observed.write(two, { entries: [entry(2, 1)] }, false);
      observed.step(two, { committed: [entry(2, 1)] });
    },
  },
  {
    rule: 'vote-after-loss',
    what: 'a vote in a term in which one may be lost',
    observe: (observed) => {
      observed.judge.onRecovered(two, { ...withLoss, entries: [entry(1, 1)] });
      observed.vote(two, 2, three);
      observed.say(two, three, 2, { kind: 'vote-response', isGranted: true });
    },
  },
  {
    rule: 'vote-after-loss',
    what: 'a vote without what was committed before the loss was found',
    observe: (observed) => {
      observed.judge.onApplied(one, 1, 77);
      observed.judge.onRecovered(two, withLoss);
      observed.vote(two, 3, three);
      observed.say(two, three, 3, { kind: 'vote-response', isGranted: true });
    },
  },
  {
    rule: 'committed-by-quorum',
    what: 'an entry that is applied with one copy',
    observe: (observed) => {
      observed.append([two], entry(2, 1));
      observed.step(two, { committed: [entry(2, 1)] });
    },
  },
  {
    rule: 'committed-for-ever',
    what: 'another entry at a place that is committed',
    observe: (observed) => {
      observed.append([one, two, three], entry(2, 1));
      observed.step(one, { committed: [entry(2, 1)] });
      observed.write(three, { truncateAfter: toLogIndex(1), entries: [entry(2, 2)] });
      observed.step(three, { committed: [entry(2, 2)] });
    },
  },
  {
    rule: 'leader-completeness',
    what: 'a leader without a committed entry',
    observe: (observed) => {
      observed.append([one, two], entry(2, 1));
      observed.step(one, { committed: [entry(2, 1)] });
      observed.lead(three, 2);
    },
  },
  {
    rule: 'own-term-first',
    what: 'an entry of an earlier term that a leader commits by counting',
    observe: (observed) => {
      observed.append([one, two], entry(2, 1));
      observed.lead(two, 2);
      observed.append([two], entry(3, 2));
      observed.step(two, { committed: [entry(2, 1)] });
    },
  },
  {
    rule: 'durable-prefix',
    what: 'a start without an acknowledged entry',
    observe: (observed) =>
      observed.judge.onRecovered(two, { ...emptyReplica(founders), vote: { term: toTerm(1), votedFor: one } }),
  },
  {
    rule: 'durable-prefix',
    what: 'a start without the vote',
    observe: (observed) => observed.judge.onRecovered(two, { ...emptyReplica(founders), entries: [entry(1, 1)] }),
  },
  {
    rule: 'snapshot-is-committed',
    what: 'a snapshot of what nobody applied',
    observe: (observed) => observed.write(two, { snapshot: { ...mark, index: toLogIndex(9) } }),
  },
  {
    rule: 'snapshot-keeps-tail',
    what: 'a snapshot in the place of entries behind it',
    observe: (observed) => {
      observed.append([two], entry(2, 1));
      observed.write(two, { snapshot: mark });
    },
  },
  {
    rule: 'one-change-at-a-time',
    what: 'a change before the last one is committed',
    observe: (observed) => {
      observed.append([one], configured(2, 1, { ...founders, outgoing: [one, two, three] }));
      observed.append([one], configured(3, 1, founders));
    },
  },
  {
    rule: 'quorums-overlap',
    what: 'a change of two voters in one step',
    observe: (observed) => observed.append([one], configured(2, 1, votersOnly([1, 2, 3, 4, 5].map(toMemberId)))),
  },
  {
    rule: 'configuration-of-log',
    what: 'a configuration that is not the last one of the log',
    observe: (observed) => observed.step(two, { configuration: votersOnly([one, two]) }),
  },
  {
    rule: 'state-at-index',
    what: 'two states at one index',
    observe: (observed) => {
      observed.judge.onApplied(one, 1, 77);
      observed.judge.onApplied(two, 1, 78);
    },
  },
  {
    rule: 'read-index',
    what: 'a read below what was applied when it began',
    observe: (observed) => {
      observed.judge.onApplied(one, 1, 77);
      observed.step(two, {}, { kind: 'group', group, event: { kind: 'read', ids: [5] } });
      observed.step(two, { reads: [{ id: 5, index: toLogIndex(0) }] });
    },
  },
])('$what breaks $rule', ({ rule, observe }) => {
  const observed = quiet();
  observe(observed);
  expect(observed.findings).toContain(rule);
});

const votedOnce = { term: toTerm(1), votedFor: one };

test.each<{ what: string; found: Partial<Recovered>; finding: string | null }>([
  { what: 'whose end may be lost', found: { vote: votedOnce, ambiguity: { term: null } }, finding: null },
  { what: 'whose last slot is damaged', found: { vote: votedOnce, faulty: [entry(1, 0)] }, finding: null },
  { what: 'that is shorter', found: { vote: votedOnce }, finding: 'loss-is-told' },
  {
    what: 'with a vote that is older, and a damaged slot',
    found: { faulty: [entry(1, 0)] },
    finding: 'loss-is-told',
  },
  { what: 'with a vote that is older, and may be lost', found: { ambiguity: { term: null } }, finding: null },
])('where the seed damages disks, a start finds a log $what: $finding', ({ found, finding }) => {
  const findingOf = (damaged: MemberId[], deceived: MemberId[]): string | null => {
    const observed = quiet(damaged, deceived);
    observed.judge.onRecovered(two, { ...emptyReplica(founders), ...found });
    return observed.findings[0] ?? null;
  };
  const excuse = finding === null ? null : 'excused';
  expect([findingOf([two], []), findingOf([two], [two]), findingOf([], [])]).toEqual([
    finding,
    excuse,
    'durable-prefix',
  ]);
});

test('a member with a loss may vote again when it has caught up, and before when everybody was asked', () => {
  const observed = quiet([two]);
  observed.judge.onApplied(one, 1, 77);
  observed.judge.onRecovered(two, withLoss);
  const recovery = {
    kind: 'vote-request',
    last: { term: toTerm(1), index: toLogIndex(1) },
    isTransfer: false,
    context: 7,
  } as const;
  const ask = (term: number): void => {
    const message = { cluster: 'c', group, from: three, to: two, term: toTerm(term), ...recovery, isRecovery: true };
    observed.step(two, {}, { kind: 'group', group, event: { kind: 'message', message } });
  };
  ask(3);
  observed.vote(two, 3, three);
  // A slow disk answers when the next candidacy was heard of already.
  ask(4);
  observed.say(two, three, 3, { kind: 'vote-response', isGranted: true });
  observed.append([two], entry(1, 1));
  observed.vote(two, 5, one);
  observed.say(two, one, 5, { kind: 'vote-response', isGranted: true });
  expect(observed.findings).toEqual([]);
});

test.each<{ term: number; finding: string | null }>([
  { term: 2, finding: null },
  { term: 3, finding: 'committed-for-ever' },
])('what was committed in term 3 is cut off by who is in term $term: $finding', ({ term, finding }) => {
  const observed = quiet();
  observed.append([one, two, three], entry(2, 1));
  observed.vote(two, 3, one);
  observed.step(two, { committed: [entry(2, 1)] });
  const vote = { term: toTerm(term), votedFor: null };
  observed.write(three, { vote, truncateAfter: toLogIndex(1), entries: [entry(2, 2)] });
  expect(observed.findings[0] ?? null).toBe(finding);
});

test('what a crash kept from the disk is no loss, and what it cut off neither', () => {
  const observed = quiet();
  observed.append([two], entry(2, 1));
  observed.write(two, { truncateAfter: toLogIndex(1) }, false);
  observed.write(two, { entries: [entry(2, 2)] }, false);
  const vote = { term: toTerm(1), votedFor: one };
  observed.judge.onRecovered(two, { ...emptyReplica(founders), vote, entries: [entry(1, 1)] });
  expect(observed.findings).toEqual([]);
});

test.each([
  { what: 'holds another entry there refutes what is behind it', term: 2, left: [entry(2, 1), entry(3, 1)], rules: [] },
  { what: 'holds the same entry refutes nothing', term: 1, left: [], rules: ['durable-prefix'] },
  { what: 'ends in a damaged slot of the same term leaves what is behind it', term: 1, left: [entry(3, 1)], rules: [] },
])('a snapshot that was being installed and $what', ({ term, left, rules }) => {
  const observed = quiet();
  observed.append([two], entry(2, 1), entry(3, 1));
  const installed = { ...mark, index: toLogIndex(2), term: toTerm(term) };
  const vote = { term: toTerm(1), votedFor: one };
  observed.judge.onRecovered(two, {
    ...emptyReplica(founders),
    vote,
    entries: [entry(1, 1), ...left],
    faulty: left[0]?.index === 3 ? [{ index: installed.index, term: toTerm(0) }] : [],
    installed,
    applied: installed.index,
  });
  expect(observed.findings).toEqual(rules);
});

const id = { session: 1, sequence: 1 };

test.each<{ rule: string; what: string; observe: (observed: Observed) => void }>([
  {
    rule: 'acknowledged-is-there',
    what: 'an answer to what never happened',
    observe: ({ judge }) => judge.proposals.acknowledged(id),
  },
  {
    rule: 'exactly-once',
    what: 'a proposal that takes effect at its second place, too',
    observe: ({ judge }) => {
      for (const index of [2, 3]) judge.proposals.committed(id, index);
      for (const index of [2, 3]) judge.proposals.tookEffect(id, index);
    },
  },
  {
    rule: 'exactly-once',
    what: 'a proposal that takes no effect at its first place',
    observe: ({ judge }) => {
      for (const index of [2, 3]) judge.proposals.committed(id, index);
      judge.proposals.tookEffect(id, 3);
    },
  },
  {
    rule: 'refused-for-good',
    what: 'a refused proposal that is committed later',
    observe: ({ judge }) => {
      judge.proposals.refused(id);
      judge.proposals.committed(id, 2);
    },
  },
  {
    rule: 'refused-for-good',
    what: 'a committed proposal that is refused',
    observe: ({ judge }) => {
      judge.proposals.committed(id, 2);
      judge.proposals.refused(id);
    },
  },
])('$what breaks $rule', ({ rule, observe }) => {
  const observed = quiet();
  observe(observed);
  expect(observed.findings).toContain(rule);
});

test('a snapshot that takes the place of a damaged slot tells of the configuration that stood there', () => {
  const findingsOf = (said: Configuration): string[] => {
    const observed = quiet([two]);
    const joined = votersOnly([one, two, three, toMemberId(4)]);
    const entries = [configured(2, 1, joined), entry(3, 1)];
    observed.append([one, two, three], ...entries);
    for (const member of [one, three]) observed.step(member, { committed: entries, configuration: joined });
    observed.judge.onRecovered(two, {
      ...emptyReplica(founders),
      ...{ entries: [entry(1, 1), entry(3, 1)], faulty: [{ index: toLogIndex(2), term: toTerm(0) }] },
    });
    observed.findings.length = 0;
    observed.write(two, { purgeTo: toLogIndex(3) });
    observed.step(two, { configuration: said });
    return observed.findings;
  };
  expect(findingsOf(votersOnly([one, two, three, toMemberId(4)]))).toEqual([]);
  expect(findingsOf(founders)).toEqual(['configuration-of-log']);
});
