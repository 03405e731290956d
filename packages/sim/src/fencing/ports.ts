// The four places where a part of the model can be replaced by the real one: the metadata service as its callers see it, an agent
// as the CSI driver sees it, an engine as an agent and as a pod see it, a device as a machine sees it; and what the judge is
// told by all of them.
import type { VirtualNode } from '@holdfast/base/internal';
import type { Block, Tag, Writer } from './block.ts';
import type { DeviceAnswer, DeviceRequest } from './device.ts';
import type { CommandId } from './metadata/callers.ts';
import type { Answer, Command, ReadBack } from './metadata/command.ts';
import type { Applied } from './metadata/machine.ts';
import type { GrantMode, IntentState, MetadataState, VolumeState } from './metadata/state.ts';

/** The metadata service, over the wire. Null: no answer in time; the command may have been applied. */
export interface MetadataPort {
  command(command: Command): Promise<Answer | null>;
  /** The volume as of a moment after the call. */
  look(volume: string, session: string): Promise<LookedUp | null>;
  renew(renewal: Renewal): Promise<RenewalReply | null>;
}

/** How machines reach the metadata service, and it them. */
export interface MetadataDoor {
  /** Each process has a way of its own, which remembers who led last. */
  connect(node: VirtualNode): MetadataPort;
  /** The node is told that something waits for it. */
  onDue(node: VirtualNode, remind: () => void): void;
}

export interface LookedUp {
  readonly generation: number;
  /** Null if there is none, or if the session does not live. */
  readonly volume: VolumeState | null;
}

export interface Renewal {
  readonly node: string;
  readonly session: string;
  readonly agent: number;
}

export interface RenewalReply {
  readonly verdict: 'stands' | 'ended' | 'older-agent';
  /** Only these go on (F2). */
  readonly named: readonly { readonly volume: string; readonly epoch: number }[];
  /** Grants that somebody else waits for. */
  readonly letGo: readonly { readonly volume: string; readonly epoch: number; readonly mode: GrantMode }[];
  /** Intents that wait for this session. */
  readonly intents: readonly { readonly volume: string; readonly pool: string; readonly intent: IntentState }[];
  readonly orders: readonly PreemptOrder[];
  /** Pools of an older generation: shut it out and say so. */
  readonly unproved: readonly string[];
}

export interface PreemptOrder {
  readonly pool: string;
  readonly session: string;
  readonly devices: readonly string[];
  /** The proof is of this kind. */
  readonly as: 'preempted' | 'rebooted';
  /** How long to wait where a device can neither abort nor is reset. */
  readonly drainMs: number;
}

export interface AgentPort {
  stage(request: StageRequest): Promise<StageResult>;
  unstage(volume: string): Promise<boolean>;
  /** Moves a logical extent to another place; false if it stays where it is. */
  migrate(volume: string, at: number): Promise<boolean>;
}

export interface StageRequest {
  readonly volume: string;
  /** Of the publish context: a lower bound. */
  readonly epoch: number;
  readonly mode: GrantMode;
}
export type StageResult = 'staged' | 'refused' | 'no-answer';

export type IoResult = { readonly error: IoError } | { readonly error: null; readonly data: Tag | null };
export type IoError = 'io' | 'torn-down' | 'no-space' | 'no-device';

/** The block device that a pod uses. */
export interface VolumePort {
  write(block: number, tag: Tag): Promise<IoResult>;
  read(block: number): Promise<IoResult>;
  flush(): Promise<IoResult>;
}

export interface OpenRequest {
  readonly writer: Writer;
  readonly tenant: string;
  readonly pool: string;
  readonly mode: GrantMode;
  readonly volume: VolumeState;
}

/** An engine as its agent sees it; each call names the agent's number, and an older one is nobody (F4). */
export interface EnginePort {
  open(agent: number, request: OpenRequest): boolean;
  setDeadline(agent: number, volume: string, deadlineMs: number): void;
  /** Resolves when nothing admitted below the intent's revision is in flight, flushed and converted. */
  applyIntent(agent: number, volume: string, intent: IntentState): Promise<boolean>;
  endIntent(agent: number, volume: string, intent: IntentState, isCommitted: boolean): void;
  /** Resolves when the gate is shut for good and nothing admitted is left; true if everything was flushed and converted. */
  shut(agent: number, volume: string, how: 'flush' | 'drop'): Promise<boolean>;
  close(agent: number, volume: string): void;
  /** Resolves when the copy stands in the list of what the next flush converts; false if nothing was moved. */
  migrate(agent: number, volume: string, at: number): Promise<boolean>;
}

export interface DevicePort {
  readonly name: string;
  readonly hasAbort: boolean;
  arrive(request: DeviceRequest, answer: (answer: DeviceAnswer) => void): void;
  register(initiator: string, key: string): void;
  reserve(initiator: string): boolean;
  preempt(initiator: string, isTarget: (key: string) => boolean): boolean;
  reset(): void;
  readBack(): Omit<ReadBack, 'stoppedBy'>;
  keyOf(initiator: string): string | null;
  generation: number;
}

/** How a request came through the gate, for the judge. */
export interface Admission {
  readonly writer: Writer;
  readonly device: string;
  readonly at: number;
  readonly revision: number;
  readonly checkedMs: number;
}

export interface Proposer {
  readonly member: string;
  readonly applied: number;
}

export interface Answerer {
  readonly member: string;
  readonly term: number;
}

/** What the parts tell the judge. True times; nobody else hears of them. */
export interface Observer {
  /** `after` is the state behind it; null where the model's own state machine says what that is. */
  applied(member: string, applied: Applied, digest: number, after?: MetadataState | null): void;
  /** An entry was applied that the model has no command for. */
  became(index: number, state: MetadataState): void;
  /** A command of a caller was applied, for the first time: it did what it does, or was refused for what it asks. */
  tookEffect(applied: Applied, by: CommandId): void;
  /** Its caller waits for it no longer; `last` is the newest number that it has used. */
  gaveUp(id: CommandId, last: number): void;
  /** A leader that has applied so much is about to propose it. */
  proposing(by: Proposer, command: Command): void;
  /** A renewal arrives at a leader: a ticket for its answer. */
  renewing(): number;
  /** A leader has made up its mind to answer. Its answer goes out later, and what the leader proposes in between comes behind it. */
  answering(session: string, by: Answerer): void;
  /** The answer goes out to whoever came with this ticket. */
  renewed(session: string, arrivedAt: number): void;
  submitted(admission: Admission, isPastDeadline: boolean): void;
  landed(landing: { readonly device: string; readonly at: number; readonly block: Block }): void;
  powerLost(device: string): void;
  /** An engine is about to be asked to write it. */
  writing(tag: Tag): void;
  wrote(tag: Tag, isDone: boolean): void;
  flushing(writer: Writer): number;
  flushed(writer: Writer, ticket: number): void;
  reading(writer: Writer, block: number): number;
  read(writer: Writer, ticket: number, data: Tag | null): void;
  frozen(node: string): void;
}
