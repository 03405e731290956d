// The consensus core of one replica of one group: `step(event)` answers what the event makes necessary. No clock, no input or
// output, no randomness of its own; the same events and the same source of random numbers give the same effects.
//
// What its caller owes it:
// - Write `effects.write` durably, whole and in the order of the tickets, then say `stored`.
// - Send `effects.messages` at once, in any order and as unreliably as it likes.
// - Apply `effects.committed` in order.
// - Hand in a tick at regular intervals, and one event at a time.
import { invariant, OpError } from '@holdfast/base';
import { noEffects, type Effects } from './effects.ts';
import {
  canStand,
  handlePreVoteRequest,
  handlePreVoteResponse,
  handleTimeoutNow,
  handleVoteRequest,
} from './election.ts';
import { handleVoteResponse, hearsLeader, standForPreVote, tickElection } from './election.ts';
import type { RaftEvent } from './event.ts';
import { handleCatchUpRequest, handleCatchUpResponse, settleCatchUps, settleFault, tickFault } from './faults.ts';
import { handleAppend, handleCommit, handleHeartbeat } from './follower.ts';
import { plus } from './ids.ts';
import { judgeMessage } from './judge.ts';
import { tickLeader } from './leadership.ts';
import { handleChange, handleRaiseVersion, settleMembership } from './membership.ts';
import type { Message, MessageKind, MessageOf, SnapshotMark } from './message.ts';
import { handlePropose, handleProposeMessage, handleProposeRefused } from './proposals.ts';
import { handleRead, handleReadRequest, handleReadResponse, settleReads } from './reads.ts';
import { handleRepairRequest, handleRepairResponse, handleRepairSnapshot } from './repairs.ts';
import { advanceCommit, handleAccepted, handleHeartbeatResponse, handleRejected, sendAppends } from './replication.ts';
import { becomeFollower } from './roles.ts';
import { checkSettings } from './settings.ts';
import { settleSleep, wake } from './sleep.ts';
import { handleSnapshotChunk, handleSnapshotInstalled, handleSnapshotWritten } from './snapshot-receiver.ts';
import { handleSnapshotRead, handleSnapshotResponse } from './snapshot-sender.ts';
import { createState, forgetOldMarks, type Leading, type State, type StateOptions } from './state.ts';
import { markOf, statusOf, type Standing, type Status } from './status.ts';
import { flushDraft, purgeTo, say, sayDurable } from './storage.ts';
import { handleTransfer, settleTransfer } from './transfer.ts';

type Handlers = { readonly [Kind in MessageKind]: (state: State, message: MessageOf<Kind>) => void };
type EventHandlers = {
  readonly [Kind in RaftEvent['kind']]: (state: State, event: Extract<RaftEvent, { readonly kind: Kind }>) => void;
};

export class RaftCore {
  readonly #state: State;

  constructor(options: StateOptions) {
    checkSettings(options.settings);
    this.#state = createState(options);
  }

  /** Nothing ticks here until something happens. */
  get isAsleep(): boolean {
    return this.#state.isAsleep;
  }
  get standing(): Standing {
    const { self, role, term, leader } = this.#state;
    return { self, role, term, leader };
  }
  get status(): Status {
    return statusOf(this.#state);
  }

  /** The mark of a snapshot of exactly what was handed out to be applied. */
  mark(id: string): SnapshotMark {
    return markOf(this.#state, id);
  }

  step(event: RaftEvent): Effects {
    const state = this.#state;
    const effects = noEffects();
    state.out = effects;
    const { role, term, leader } = state;
    if (!isSleepTalk(event)) wake(state, false);
    const handle = events[event.kind] as (state: State, event: RaftEvent) => void;
    handle(state, event);
    settle(state);
    if (state.role !== role || state.term !== term || state.leader !== leader) {
      effects.role = { role: state.role, term: state.term, leader: state.leader };
    }
    return effects;
  }
}

/** What neither wakes a sleeping replica nor counts as work. */
function isSleepTalk(event: RaftEvent): boolean {
  if (event.kind !== 'message') return event.kind === 'tick' || event.kind === 'wake';
  const { message } = event;
  if (message.kind === 'heartbeat') return message.sleepAt !== null;
  return message.kind === 'heartbeat-response' && message.isAsleep;
}

const events: EventHandlers = {
  tick(state) {
    if (state.isAsleep) return;
    if (state.leading !== null) tickLeader(state, state.leading);
    else tickElection(state);
    if (state.fault !== null) tickFault(state, state.fault);
  },
  message: (state, { message }) => receive(state, message),
  propose(state, { proposals }) {
    noteWork(state);
    handlePropose(state, proposals);
  },
  read(state, { ids }) {
    noteWork(state);
    handleRead(state, ids);
  },
  'change-configuration': (state, { changes }) => handleChange(state, changes),
  'raise-version': (state, { version }) => handleRaiseVersion(state, version),
  transfer: (state, { to }) => handleTransfer(state, to),
  campaign(state) {
    if (state.role === 'leader') return;
    if (canStand(state)) standForPreVote(state);
    else state.out.refused = new OpError('RAFT_CANNOT_STAND', { member: state.self });
  },
  stored(state, { ticket }) {
    if (!state.writes.isPending(ticket)) {
      state.out.refused = new OpError('RAFT_TICKET_UNKNOWN', { ticket });
      return;
    }
    const messages = state.writes.acknowledge(ticket);
    sayDurable(state, messages);
    for (const message of messages) if (message.to === state.self) receiveOwn(state, message);
  },
  compact(state, { mark }) {
    const { log, applied } = state;
    if (mark.index > applied || mark.index < log.base.index || log.termAt(mark.index) !== mark.term) {
      state.out.refused = new OpError('RAFT_SNAPSHOT_OUTDATED', { index: mark.index, least: log.base.index });
      return;
    }
    purgeTo(state, mark);
  },
  'snapshot-read': handleSnapshotRead,
  'snapshot-written': handleSnapshotWritten,
  'snapshot-installed': handleSnapshotInstalled,
  paused(state) {
    // Others may have elected a leader and forgotten this one while it stood still.
    if (state.role === 'leader') becomeFollower(state, state.term, null);
  },
  wake: (state, { isLeaderLost }) => wake(state, isLeaderLost),
};

/** A leader's handler: without a leader here, the message has come too late. */
function asLeader<Kind extends MessageKind>(
  handle: (state: State, leading: Leading, message: MessageOf<Kind>) => void,
): (state: State, message: MessageOf<Kind>) => void {
  return (state, message) => {
    if (state.leading !== null) handle(state, state.leading, message);
  };
}

const handlers: Handlers = {
  'pre-vote-request': handlePreVoteRequest,
  'pre-vote-response': handlePreVoteResponse,
  'vote-request': handleVoteRequest,
  'vote-response': handleVoteResponse,
  append: handleAppend,
  'append-accepted': asLeader(handleAccepted),
  'append-rejected': asLeader(handleRejected),
  commit: handleCommit,
  heartbeat: handleHeartbeat,
  'heartbeat-response': asLeader(handleHeartbeatResponse),
  'term-notice': () => {},
  'timeout-now': handleTimeoutNow,
  'read-request'(state, message) {
    noteWork(state);
    handleReadRequest(state, message);
  },
  'read-response': handleReadResponse,
  propose(state, message) {
    noteWork(state);
    handleProposeMessage(state, message);
  },
  'propose-refused': handleProposeRefused,
  'snapshot-chunk': handleSnapshotChunk,
  'snapshot-response': asLeader(handleSnapshotResponse),
  'catch-up-request': asLeader(handleCatchUpRequest),
  'catch-up-response': handleCatchUpResponse,
  'repair-request': handleRepairRequest,
  'repair-response': handleRepairResponse,
  'repair-snapshot': handleRepairSnapshot,
};

function noteWork({ leading }: State): void {
  if (leading !== null) leading.idleTicks = 0;
}

/** These mean the same in every term: a pre-vote asks about a term to come, a repair is about what is committed for ever. */
const timeless: ReadonlySet<MessageKind> = new Set([
  'pre-vote-request',
  'repair-request',
  'repair-response',
  'repair-snapshot',
]);

function receive(state: State, message: Message): void {
  const refused = judgeMessage(state, message);
  if (refused !== null) {
    state.out.refused = refused;
    return;
  }
  const { kind, term } = message;
  if (!timeless.has(kind) && term !== state.term && !isTermTaken(state, message)) return;
  dispatch(state, message);
}

/** A candidate's own vote, which is durable. */
function receiveOwn(state: State, message: Message): void {
  invariant(message.kind === 'vote-response', `a ${message.kind} to oneself`);
  if (message.term === state.term) dispatch(state, message);
}

function dispatch(state: State, message: Message): void {
  const handle = handlers[message.kind] as (state: State, message: Message) => void;
  handle(state, message);
}

/** Follows a higher term, or tells the sender that its own has passed. False if the message is not to be read. */
function isTermTaken(state: State, message: Message): boolean {
  const { kind, term, from } = message;
  if (term < state.term) {
    // A leader must hear that it is none any more, and a candidate that it has to try a higher term.
    const isLeading = kind === 'append' || kind === 'heartbeat' || kind === 'snapshot-chunk' || kind === 'commit';
    if (isLeading || kind === 'vote-request') say(state, from, { kind: 'term-notice' });
    // A member that has heard less may be just the one whose vote is needed, a newcomer above all.
    return kind === 'pre-vote-response';
  }
  if (kind === 'vote-request' && !message.isTransfer && hearsLeader(state, from)) return false;
  becomeFollower(state, term, null);
  return true;
}

/** What follows from whatever the step did: commit, lead, write, apply; in this order, once. */
function settle(state: State): void {
  if (state.leading !== null) settleLeader(state, state.leading);
  if (state.fault !== null) settleFault(state, state.fault);
  flushDraft(state);
  applyCommitted(state);
  if (state.leading !== null) settleSleep(state, state.leading);
}

function settleLeader(state: State, leading: Leading): void {
  advanceCommit(state, leading);
  settleReads(state, leading);
  settleCatchUps(state, leading);
  settleMembership(state, leading);
  // Membership may have ended the leadership.
  if (state.leading === null) return;
  settleTransfer(state, leading);
  sendAppends(state, leading);
}

/**
 * Hands out what is committed and durable here. Durable, although a quorum has it anyway: a state machine that was ahead of
 * its own log after a crash could not be told from a log that lost its end.
 */
function applyCommitted(state: State): void {
  const { log, writes, out } = state;
  if (state.incoming?.step === 'installing') return;
  const limit = Math.min(state.commit, writes.durableIndex);
  const before = state.applied;
  for (let index = plus(before, 1); index <= limit; index = plus(index, 1)) {
    const entry = log.entryAt(index);
    // A damaged slot holds everything up until it is repaired.
    if (entry === null) break;
    out.committed.push(entry);
    state.applied = index;
  }
  if (state.applied === before) return;
  forgetOldMarks(state);
  log.packTo(state.applied);
}
