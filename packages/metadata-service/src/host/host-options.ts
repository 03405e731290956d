// What a raft host is made of, and what it offers: the types that its users write against.
import type { Backoff, Clock, Files, OpError, Random, Timers, Transport } from '@holdfast/base';
import type {
  Configuration,
  ConfigurationChange,
  Effects,
  GroupId,
  GroupsEvent,
  MemberId,
  ProposalId,
  Recovered,
  Settings,
  Standing,
  Status,
} from '@holdfast/raft';
import type { Executor, LogLimits, LogStat } from '@holdfast/raft-log';
import type { Log } from '@holdfast/telemetry';
import type { StateMachine } from './state-machine.ts';

export interface HostSettings {
  /** Length of a tick in ms: the unit of every time that counts ticks. */
  readonly tickMs: number;
  /** How the groups behave (raft's settings). */
  readonly raft: Settings;
  /** Ticks that may pass between two ticks before the process counts as having stood still, and leads nothing any more. */
  readonly pausedTicks: number;
  /** Ticks that a proposal, a read or a change of members may wait for its answer. */
  readonly answerTicks: number;
  /** Proposals, and reads, of one group that wait for an answer; past them the next is refused. */
  readonly waitingMax: number;
  /** Bytes of applied entries since the last snapshot at which the next one is taken. */
  readonly snapshotLogBytes: number;
  /** Bytes of a snapshot that are written, or read back, in one piece without letting anything else run. */
  readonly snapshotPartBytes: number;
  /**
   * Bytes of a group's snapshots that are taken within a second, and as many that are sent to all who need one: what else the disk
   * and the network carry goes on beside them.
   */
  readonly snapshotBytesPerSecond: number;
  /** Bytes that wait on the connection for votes and heartbeats to one peer; what does not fit is dropped. */
  readonly urgentBytesMax: number;
  /** The same of the connection for entries and snapshots. */
  readonly bulkBytesMax: number;
  /** Ticks without a word from a peer after which the connections to it are made anew. */
  readonly silenceTicks: number;
  /** Between attempts to reach a peer, in ms. */
  readonly reconnect: Backoff;
}

export interface GroupOptions {
  readonly group: GroupId;
  readonly stateMachine: StateMachine;
}

export type JudgePeer = (member: MemberId, certificate: Uint8Array | null) => OpError | null;

export interface HostOptions {
  /** The host's own, an absolute path: identity, log and snapshots. `initialise` made it. */
  readonly directory: string;
  /** The cluster's name, for ever: members of another one are refused. */
  readonly cluster: string;
  readonly self: MemberId;
  /** Where this member listens for its peers. */
  readonly address: string;
  /** Where a peer listens; null for who is no member, whose connections are refused. Asked anew each time. */
  readonly addressOf: (member: MemberId) => string | null;
  /**
   * Why the other end of a connection, which shows this certificate (DER; null for none), is not to be taken for that member; null
   * if it is. Asked at the hello and about once a second from there on. Everybody is believed without it.
   */
  readonly judgePeer?: JudgePeer;
  /** As they were initialised. */
  readonly groups: readonly GroupOptions[];
  readonly settings?: Partial<HostSettings>;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly transport: Transport;
  /** Other files than the operating system's need an executor of their own. */
  readonly files?: Files;
  readonly executor?: Executor;
  readonly logLimits?: Partial<LogLimits>;
  /** How fast what the log holds is read again in the background (raft-log's default without). */
  readonly scrubBytesPerSecond?: number;
  readonly log?: Log | null;
  readonly observer?: HostObserver | null;
}

/** Sees everything that the consensus core does; the simulator's judge and trace. Changes nothing. */
export interface HostObserver {
  /** What a group's core is about to start from, as the log and the snapshots gave it. */
  onRecovered?(group: GroupId, recovered: Recovered): void;
  /** This write, and all before it, are durable; the step that follows may have nothing to show. */
  onStored?(group: GroupId, ticket: number): void;
  /**
   * A step of a group, before anything of it is carried out. The event may concern several groups: a tick, a frame of
   * heartbeats. Heartbeats and their answers are not among the messages.
   */
  onStep(group: GroupId, event: GroupsEvent, effects: Effects): void;
  /** The group's machine has applied everything up to `index`. */
  onApplied?(group: GroupId, index: number): void;
}

/** What the first start of a member writes. */
export interface InitialGroup {
  readonly group: GroupId;
  /** The members that the group begins with, the same at each of them; null for a member that is added later. */
  readonly founders: Configuration | null;
}

export type InitialiseOptions = Pick<
  HostOptions,
  'directory' | 'cluster' | 'self' | 'clock' | 'timers' | 'random' | 'files' | 'executor' | 'logLimits'
> & { readonly groups: readonly InitialGroup[] };

/** One group of the host, for whoever proposes and reads. Everything rejects with an OpError of the table. */
export interface Replica {
  readonly group: GroupId;
  /** At no cost worth a thought, unlike `status`: who leads, and whether it is this member. */
  readonly standing: Standing;
  readonly status: ReplicaStatus;
  /** The state machine's answer, once the command is committed and applied here. A retry carries the id of its first try. */
  propose(id: ProposalId, data: Uint8Array, version?: number): Promise<Uint8Array>;
  /** Resolves when the state machine has everything that was committed when this was called: look at it at once. */
  read(): Promise<void>;
  /** Resolves when the change is committed and, if it passed through a joint configuration, that one is left. */
  changeConfiguration(changes: readonly ConfigurationChange[]): Promise<void>;
  /** Resolves when the cluster version is raised. */
  raiseVersion(version: number): Promise<void>;
  /** Resolves when `to` leads. */
  transfer(to: MemberId): Promise<void>;
}

export interface ReplicaStatus extends Status {
  readonly waitingProposals: number;
  readonly waitingReads: number;
  /** The last entry of the newest snapshot; 0 without one. */
  readonly snapshotIndex: number;
  /** Why nothing is proposed here at this time, though reading goes on; null while there is room. */
  readonly full: OpError | null;
}

export interface PeerStatus {
  readonly member: MemberId;
  readonly isUrgentUp: boolean;
  readonly isBulkUp: boolean;
  readonly sentFrames: number;
  /** Frames for which there was no connection or no room. */
  readonly droppedFrames: number;
}

export interface HostStatus {
  readonly groups: readonly ReplicaStatus[];
  readonly peers: readonly PeerStatus[];
  readonly log: LogStat;
}

export interface Host {
  readonly status: HostStatus;
  /** Settles when the host is down: null after `stop`, the error that ended it otherwise. */
  readonly ended: Promise<OpError | null>;
  replica(group: GroupId): Replica;
  /** Hands over what it leads, answers who still waits, makes the log durable and lets go of everything. */
  stop(): Promise<void>;
}
