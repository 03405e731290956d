// The one state around which the modules stand: what a replica knows, durable or not. What only a role needs hangs on that
// role's part and goes with it, so that nothing of a leader's books survives its term.
import { OpError, type NumberTable, type LogIndex, type Random, type Term } from '@holdfast/base';
import { configurationProblem, noConfiguration, type Configuration } from './configuration.ts';
import type { Entry } from './entry.ts';
import { noEffects, type Effects, type Role, type Vote } from './effects.ts';
import { plus, type GroupId, type MemberId, type Position } from './ids.ts';
import { Log, type DamagedSlot } from './log.ts';
import { decodeConfiguration, decodeVersion } from './payload.ts';
import type { Progress } from './progress.ts';
import type { Recovered } from './recovered.ts';
import type { Settings } from './settings.ts';
import type { Message, SnapshotMark } from './message.ts';
import { WriteQueue } from './write-queue.ts';

export interface Identity {
  readonly cluster: string;
  readonly group: GroupId;
  readonly self: MemberId;
}

/** A configuration and the entry (or snapshot) that brought it. */
export interface ConfigurationAt {
  readonly index: LogIndex;
  readonly configuration: Configuration;
}

export interface VersionAt {
  readonly index: LogIndex;
  readonly version: number;
}

/** A read that waits for its leader; `origin` is null for one of this process. */
export interface WaitingRead {
  readonly id: number;
  readonly origin: { readonly member: MemberId; readonly boot: number } | null;
}

/** Reads that the answers to one heartbeat context confirm. */
export interface ReadRound {
  readonly context: number;
  readonly index: LogIndex;
  readonly reads: readonly WaitingRead[];
}

/** What a follower asked that may have lost the end of its log; answered when heartbeats from `since` on are confirmed. */
export interface CatchUp {
  readonly context: number;
  readonly since: number;
}

/** A snapshot on its way to a follower. */
export interface OutgoingSnapshot {
  mark: SnapshotMark | null;
  /** What the follower asked for last. */
  offset: number;
  /** The host is reading a part. */
  isReading: boolean;
  ticksSinceProgress: number;
}

export interface Leading {
  readonly progress: Map<MemberId, Progress>;
  /** The entry that the term began with: nothing is known to be committed before it is. */
  readonly startIndex: LogIndex;
  uncommittedBytes: number;
  /** Proposals of the log that are not committed, so that a retry is not appended beside its first try. */
  readonly uncommitted: NumberTable<true>;
  heartbeatTicks: number;
  quorumTicks: number;
  idleTicks: number;
  transfer: { readonly to: MemberId; ticks: number; isAsked: boolean } | null;
  readonly readsWaiting: WaitingRead[];
  readonly readRounds: ReadRound[];
  readonly catchUps: Map<MemberId, CatchUp>;
  readonly snapshots: Map<MemberId, OutgoingSnapshot>;
}

export interface CampaignAnswer {
  readonly isGranted: boolean;
  readonly isSuspect: boolean;
  /** Of the start in which it answered, if it is suspect; else 0. */
  readonly context: number;
}

export interface Campaign {
  readonly candidacy: Term;
  /**
   * Of a recovery that not everybody was heard for: the voters that trusted their logs in its pre-vote. Their votes must be in every
   * majority; null where any quorum of votes will do.
   */
  readonly sound: ReadonlySet<MemberId> | null;
  readonly answers: Map<MemberId, CampaignAnswer>;
}

/** A log that may have lost what it had acknowledged. */
export interface Fault {
  /** No vote before it has caught up. */
  isSuspect: boolean;
  /** No vote in this term or before, caught up or not: one may have been given there and lost. */
  readonly voteFloor: Term;
  /** Up to where it must catch up, as the leader of `term` said in answer to `context`. */
  target: { readonly term: Term; readonly index: LogIndex } | null;
  /** Of every question of this start, and of its answers to pre-votes. */
  readonly context: number;
  ticks: number;
  /** Rounds of questions for repairs. */
  rounds: number;
}

/** A snapshot that a leader sends to this replica, or a member that fills its holes. */
export interface IncomingSnapshot {
  readonly mark: SnapshotMark;
  /** Who gives it without leading; null if it is a leader, or was one. */
  readonly giver: MemberId | null;
  /** Since the last part came, of a member that does not lead. */
  askedRounds: number;
  nextOffset: number;
  step: 'receiving' | 'writing' | 'writing-last' | 'installing';
}

/** A write while a step collects it. */
export interface Draft {
  isVoteChanged: boolean;
  snapshot: SnapshotMark | null;
  truncateAfter: LogIndex | null;
  readonly entries: Entry[];
  readonly repairs: Entry[];
  purgeTo: LogIndex | null;
  isSettled: boolean;
  readonly messages: Message[];
}

export interface State extends Identity {
  readonly settings: Settings;
  readonly random: Random;
  /** Tells this run of the process from earlier ones: answers to an earlier run's reads are not this one's. */
  readonly boot: number;
  readonly log: Log;
  readonly writes: WriteQueue;
  term: Term;
  votedFor: MemberId | null;
  commit: LogIndex;
  /** A term in which all of that was committed already; null where nobody knows one. */
  commitTerm: Term | null;
  /** The last entry that was handed out to be applied. */
  applied: LogIndex;
  /** The configurations of the log behind the last applied one, and that one first. The last one counts. */
  configurations: ConfigurationAt[];
  /** The same of cluster versions; only the first, applied one is in force. */
  versions: VersionAt[];
  role: Role;
  leader: MemberId | null;
  elapsedTicks: number;
  timeoutTicks: number;
  /** Grows with each heartbeat of this process, in whichever term: no answer is taken for another's. */
  heartbeatContext: number;
  lastReadId: number;
  isAsleep: boolean;
  /** Up to where the log is known to be the leader's, in this term. */
  matched: LogIndex;
  /** The candidacy after the highest floor that a voter named. */
  candidacyFloor: Term;
  leading: Leading | null;
  campaign: Campaign | null;
  fault: Fault | null;
  incoming: IncomingSnapshot | null;
  out: Effects;
  /** What this step wants written, and what it wants said once that is durable. */
  draft: Draft | null;
}

export interface StateOptions {
  readonly identity: Identity;
  readonly settings: Settings;
  readonly random: Random;
  readonly recovered: Recovered;
}

export function createState({ identity, settings, random, recovered }: StateOptions): State {
  const { log, begin, isReplaced } = recoverLog(recovered);
  const { applied } = recovered;
  const vote = knownVote(recovered, log);
  const state: State = {
    ...identity,
    settings,
    random,
    boot: random.below(2 ** 47),
    log,
    writes: new WriteQueue(log.lastIndex, recovered.commit),
    term: vote.term,
    votedFor: vote.votedFor,
    commit: Math.max(Math.min(recovered.commit, log.lastIndex), applied) as LogIndex,
    commitTerm: isTermOfCommitKnown(recovered) ? vote.term : null,
    applied,
    configurations: [{ index: begin.index, configuration: begin.configuration }],
    versions: [{ index: begin.index, version: begin.version }],
    role: 'follower',
    leader: null,
    elapsedTicks: 0,
    timeoutTicks: settings.electionTicks + random.below(settings.electionTicks),
    heartbeatContext: 0,
    lastReadId: 0,
    isAsleep: false,
    matched: begin.index,
    candidacyFloor: 0 as Term,
    leading: null,
    campaign: null,
    fault: faultOf(recovered, vote.term, random),
    incoming: beginIncoming(recovered.partialSnapshot),
    out: noEffects(),
    draft: startDraft(isReplaced ? begin : null, vote !== recovered.vote),
  };
  for (let index = log.firstIndex; index <= log.lastIndex; index = plus(index, 1)) noteEntry(state, index);
  forgetOldMarks(state);
  return state;
}

function beginIncoming(partial: Recovered['partialSnapshot']): IncomingSnapshot | null {
  return partial === null ? null : { ...partial, giver: null, askedRounds: 0, step: 'receiving' };
}

/** A vote that both places lost leaves a log of later terms than the one that is known: no vote of those is known either. */
function knownVote({ vote }: Recovered, log: Log): Vote {
  return log.lastTerm > vote.term ? { term: log.lastTerm, votedFor: null } : vote;
}

/**
 * The log tells of a commit no earlier than of the term in which it was heard of, so the last term on disk was that one or a later one:
 * unless it is lost, or the state machine knows of more than the log does.
 */
function isTermOfCommitKnown({ ambiguity, commit, applied }: Recovered): boolean {
  return ambiguity === null && applied <= commit;
}

/** What the first step writes besides its own: what the start found out and the disk does not say. */
function startDraft(snapshot: SnapshotMark | null, isVoteChanged: boolean): Draft | null {
  return snapshot === null && !isVoteChanged ? null : { ...emptyDraft(), snapshot, isVoteChanged };
}

interface RecoveredLog {
  readonly log: Log;
  readonly begin: SnapshotMark;
  /** The log on disk ends before the snapshot that is the state, or is another's there, and has to follow it. */
  readonly isReplaced: boolean;
}

function recoverLog(recovered: Recovered): RecoveredLog {
  checkRecovered(recovered);
  const { snapshot, installed } = recovered;
  const log = new Log(snapshot);
  const damaged = recovered.faulty.map(({ index, term }): DamagedSlot => ({ index, term, isTermKnown: term > 0 }));
  const slots = [...recovered.entries, ...damaged].sort((first, second) => first.index - second.index);
  for (const slot of slots) log.append('kind' in slot ? slot : { ...slot, term: max(slot.term, log.lastTerm) });
  if (installed !== null && installed.index > snapshot.index) {
    // A damaged slot that is committed was the snapshot's last entry, also where nobody knows its term.
    const isCommitted = installed.index <= recovered.commit && log.isDamaged(installed.index);
    if (!isCommitted && !log.leadsThrough(installed)) {
      return { log: new Log(installed), begin: installed, isReplaced: true };
    }
    log.purgeTo(installed);
    return { log, begin: installed, isReplaced: false };
  }
  if (recovered.applied > log.lastIndex) {
    const reason = `${recovered.applied} is applied, but the log ends at ${log.lastIndex}`;
    throw new OpError('RAFT_STATE_UNUSABLE', { reason });
  }
  return { log, begin: snapshot, isReplaced: false };
}

export function emptyDraft(): Draft {
  return {
    isVoteChanged: false,
    snapshot: null,
    truncateAfter: null,
    entries: [],
    repairs: [],
    purgeTo: null,
    isSettled: false,
    messages: [],
  };
}

function max(first: Term, second: Term): Term {
  return first > second ? first : second;
}

function checkRecovered({ snapshot, entries, faulty, vote, applied, ambiguity }: Recovered): void {
  const fail = (reason: string): never => {
    throw new OpError('RAFT_STATE_UNUSABLE', { reason });
  };
  const problem = configurationProblem(snapshot.configuration);
  if (problem !== null) fail(`the snapshot's configuration has ${problem}`);
  const last = snapshot.index + entries.length + faulty.length;
  let previous: Position = snapshot;
  for (const entry of entries) {
    if (entry.index <= previous.index || entry.index > last) fail(`entry ${entry.index} is out of its place`);
    const isVoteMissing = ambiguity === null && entry.term > vote.term;
    if (entry.term < previous.term || isVoteMissing) fail(`entry ${entry.index} is of term ${entry.term}`);
    previous = entry;
  }
  const indices = new Set([...entries, ...faulty].map(({ index }) => index));
  if (indices.size !== entries.length + faulty.length) fail('a slot is there twice');
  if (applied < snapshot.index) fail(`${applied} is applied, but the log begins behind ${snapshot.index}`);
}

/** The floor lies one term higher, because what was lost may have been the vote of the next term. */
function faultOf({ faulty, ambiguity }: Recovered, term: Term, random: Random): Fault | null {
  if (ambiguity === null && faulty.length === 0) return null;
  const lastTerm = max(term, ambiguity?.term ?? term);
  return {
    isSuspect: true,
    voteFloor: (ambiguity === null ? 0 : lastTerm + 1) as Term,
    target: null,
    // Drawn, not counted: a counter would begin anew with each start, and an answer to the last life's question could come.
    context: random.below(2 ** 47) + 1,
    ticks: 0,
    rounds: 0,
  };
}

/** Whoever hears in this term that it is committed knows no other term in which it may have been. */
export function noteCommit(state: State, index: LogIndex): void {
  if (index <= state.commit) return;
  state.commit = index;
  state.commitTerm = state.term;
}

export function configurationOf(state: State): Configuration {
  return state.configurations.at(-1)?.configuration ?? noConfiguration;
}

/** The cluster version in force: the last applied one. */
export function versionOf(state: State): number {
  return state.versions[0]?.version ?? 0;
}

/** Takes note of an entry that stands in the log, where it concerns more than the state machine. */
export function noteEntry(state: State, index: LogIndex): void {
  const entry = state.log.entryAt(index);
  if (entry === null) return;
  if (entry.kind === 'configuration') {
    insertMark(state.configurations, { index, configuration: decodeConfiguration(entry.data) });
  }
  if (entry.kind === 'version') insertMark(state.versions, { index, version: decodeVersion(entry.data) });
}

/** A repaired entry comes after those behind it were noted. */
function insertMark<Mark extends { readonly index: LogIndex }>(marks: Mark[], mark: Mark): void {
  marks.splice(marks.findLastIndex(({ index }) => index < mark.index) + 1, 0, mark);
}

/** Drops the configurations and versions that an applied one has replaced. */
export function forgetOldMarks(state: State): void {
  state.configurations = fromLastUpTo(state.configurations, state.applied);
  state.versions = fromLastUpTo(state.versions, state.applied);
}

function fromLastUpTo<Mark extends { readonly index: LogIndex }>(marks: Mark[], applied: LogIndex): Mark[] {
  if (marks.length === 1) return marks;
  const last = marks.findLastIndex(({ index }) => index <= applied);
  return last <= 0 ? marks : marks.slice(last);
}
