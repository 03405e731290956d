// The judge at the door: a message from elsewhere is looked at before anything believes it. What fails here is refused with a
// row of the error table and has changed nothing; behind it the core trusts what it reads.
import { OpError } from '@holdfast/base';
import { configurationProblem } from './configuration.ts';
import type { Entry } from './entry.ts';
import type { Position } from './ids.ts';
import type { Message, MessageKind, MessageOf, SnapshotMark } from './message.ts';
import { checkPayload, decodeVersion } from './payload.ts';
import type { State } from './state.ts';

/** Kinds that only a leader in this term reads, from members whom it has a book of. */
const answersToLeader = new Set<MessageKind>([
  ...(['append-accepted', 'append-rejected', 'heartbeat-response'] as const),
  ...(['snapshot-response', 'catch-up-request'] as const),
]);

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
const isPosition = ({ term, index }: Position): boolean => isCount(term) && isCount(index);
const areBytes = (data: unknown): boolean => data instanceof Uint8Array;

export function isForLeader(kind: MessageKind): boolean {
  return answersToLeader.has(kind);
}

/** Why the message is refused, or null. */
export function judgeMessage(state: State, message: Message): OpError | null {
  const { kind, term, from } = message;
  const misdirection = misdirectionOf(state, message);
  if (misdirection !== null) return new OpError('RAFT_MESSAGE_MISDIRECTED', { reason: misdirection });
  if (!(kind in shapes) || !isCount(term) || !Number.isSafeInteger(from) || from < 1) {
    return malformed('an envelope that cannot be read');
  }
  if (term > state.term + state.settings.termLeapMax) {
    return new OpError('RAFT_TERM_IMPLAUSIBLE', { member: from, term, current: state.term });
  }
  const flaw = shapes[kind](message as never, state);
  if (flaw !== null) return typeof flaw === 'string' ? malformed(flaw) : flaw;
  if (state.leading !== null && term === state.term && isForLeader(kind) && !state.leading.progress.has(from)) {
    return new OpError('RAFT_PEER_UNKNOWN', { member: from });
  }
  return null;
}

function misdirectionOf(state: State, { cluster, group, to, from }: Message): string | null {
  if (cluster !== state.cluster) return `it is of cluster ${cluster}, and this is ${state.cluster}`;
  if (group !== state.group) return `it is of group ${group}, and this is ${state.group}`;
  if (to !== state.self) return `it is for member ${to}, and this is ${state.self}`;
  return from === state.self ? 'it claims to be from this member itself' : null;
}

function malformed(reason: string): OpError {
  return new OpError('RAFT_MESSAGE_MALFORMED', { reason });
}

type Flaw = OpError | string | null;
type Shapes = { readonly [Kind in MessageKind]: (message: MessageOf<Kind>, state: State) => Flaw };

const need = (isWell: boolean, flaw: string): Flaw => (isWell ? null : flaw);

const shapes: Shapes = {
  'pre-vote-request': ({ candidacy, last }) => need(isCount(candidacy) && isPosition(last), 'a pre-vote request'),
  'pre-vote-response': ({ candidacy, context, last, voteFloor, term }, state) =>
    need(
      isCount(candidacy) &&
        isCount(context) &&
        isPosition(last) &&
        isCount(voteFloor) &&
        voteFloor <= term + state.settings.termLeapMax,
      'an answer to a pre-vote',
    ),
  'vote-request': ({ last, term, context }) =>
    need(isPosition(last) && last.term < term && isCount(context), 'a request for a vote'),
  'vote-response': () => null,
  append: judgeAppend,
  'append-accepted': ({ match, version, term }, state) => {
    if (!isCount(match) || !isCount(version)) return 'an acknowledgement of no number';
    const isBeyond = state.leading !== null && term === state.term && match > state.log.lastIndex;
    return need(!isBeyond, `an acknowledgement of ${match}, which was never sent`);
  },
  'append-rejected': ({ rejected, hint, version, isDamaged }) =>
    need(
      isCount(rejected) && isPosition(hint) && isCount(version) && (isDamaged || hint.index <= rejected),
      'a rejection',
    ),
  commit: ({ commit }) => need(isCount(commit), 'a commit index'),
  heartbeat: ({ commit, context, sleepAt }) =>
    need(isCount(commit) && isCount(context) && (sleepAt === null || isPosition(sleepAt)), 'a heartbeat'),
  'heartbeat-response': ({ context, version, term }, state) => {
    if (!isCount(context) || !isCount(version)) return 'an answer to a heartbeat';
    const isBeyond = state.leading !== null && term === state.term && context > state.heartbeatContext;
    return need(!isBeyond, `an answer to heartbeat ${context}, which was never sent`);
  },
  'term-notice': () => null,
  'timeout-now': () => null,
  'read-request': ({ id, boot }) => need(isCount(id) && isCount(boot), 'a read'),
  'read-response': ({ id, boot, index }) =>
    need(isCount(id) && isCount(boot) && (index === null || isCount(index)), 'an answer to a read'),
  propose: ({ proposals }) =>
    need(
      proposals.every(({ id, data, version }) => isProposalId(id) && areBytes(data) && isCount(version)),
      'a proposal',
    ),
  'propose-refused': ({ refusals }) =>
    need(
      refusals.every(({ id }) => isProposalId(id)),
      'a refusal',
    ),
  'snapshot-chunk': ({ mark, offset, data }, state) =>
    judgeMark(mark, state) ?? need(isCount(offset) && areBytes(data), 'a part of a snapshot'),
  'snapshot-response': ({ nextOffset }) => need(isCount(nextOffset), 'an answer to a part of a snapshot'),
  'catch-up-request': ({ context, lastIndex }) => need(isCount(context) && isCount(lastIndex), 'a question'),
  'catch-up-response': ({ context, lastIndex }) => need(isCount(context) && isCount(lastIndex), 'an answer'),
  'repair-request': ({ slots, last, part }) =>
    need(slots.every(isCount) && isPosition(last) && (part === null || isPart(part)), 'slots to repair'),
  'repair-response': ({ entries, place }) =>
    need(entries.every(isEntry) && (place === null || isPosition(place)), 'entries for damaged slots'),
  'repair-snapshot': ({ mark, offset, data, place }, state) =>
    judgeMark(mark, state) ??
    need(
      isCount(offset) && areBytes(data) && (place === null || isPosition(place)),
      'a part of a snapshot for damaged slots',
    ),
};

function isPart({ id, offset }: { readonly id: string | null; readonly offset: number }): boolean {
  return (id === null || typeof id === 'string') && isCount(offset);
}

function isProposalId({ session, sequence }: { readonly session: number; readonly sequence: number }): boolean {
  return isCount(session) && isCount(sequence);
}

function isEntry({ index, term, data, proposal }: Entry): boolean {
  return isCount(index) && isCount(term) && areBytes(data) && (proposal === null || isProposalId(proposal));
}

function judgeAppend({ previous, entries, commit, term }: MessageOf<'append'>, state: State): Flaw {
  if (!isPosition(previous) || !isCount(commit)) return 'an append without a place';
  let last: Position = previous;
  for (const entry of entries) {
    if (!isEntry(entry) || entry.index !== last.index + 1) return `entry ${entry.index} behind ${last.index}`;
    if (entry.term < last.term || entry.term > term)
      return `an entry of term ${entry.term} in an append of term ${term}`;
    if (entry.kind !== 'command' && entry.kind !== 'empty') {
      const flaw = judgeSpecial(entry, state);
      if (flaw !== null) return flaw;
    }
    last = entry;
  }
  return null;
}

/** An entry that the core will read itself. A program that does not know the version must not go on as if it did. */
function judgeSpecial(entry: Entry, { settings }: State): Flaw {
  if (entry.kind !== 'configuration' && entry.kind !== 'version') return `an entry of a kind nobody knows`;
  try {
    checkPayload(entry);
  } catch (error) {
    if (error instanceof OpError) return error;
    throw error;
  }
  return entry.kind === 'version' ? judgeVersion(decodeVersion(entry.data), settings.supportedVersion) : null;
}

function judgeVersion(version: number, supported: number): Flaw {
  return version > supported ? new OpError('RAFT_VERSION_UNSUPPORTED', { version, supported }) : null;
}

function judgeMark({ id, index, term, configuration, version }: SnapshotMark, state: State): Flaw {
  if (typeof id !== 'string' || !isPosition({ index, term }) || !isCount(version)) return 'a snapshot without a name';
  const problem = configurationProblem(configuration) ?? (configuration.voters.length === 0 ? 'no voter' : null);
  return problem === null ? judgeVersion(version, state.settings.supportedVersion) : `a snapshot with ${problem}`;
}
