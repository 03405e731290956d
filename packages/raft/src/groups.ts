// Many groups in one process. Heartbeats of all groups to one peer travel in one frame, and the frame goes out at every
// heartbeat interval even if it is empty: it says that the process lives, which is what the followers of sleeping groups rely
// on. Groups that sleep are not ticked, so a thousand idle ones cost a frame a peer.
//
// Three stories shape it. A peer falls silent: its sleeping groups wake, and what it led is up for election. A peer restarts
// quickly, before anybody could notice silence: its frames carry another incarnation, and the groups that it led wake as well,
// because it leads nothing any more. A frame is lost: the next one says the same.
import { OpError, type Random } from '@holdfast/base';
import { RaftCore } from './core.ts';
import type { Effects } from './effects.ts';
import type { RaftEvent } from './event.ts';
import type { GroupId, MemberId } from './ids.ts';
import { membersOf } from './configuration.ts';
import type { Message } from './message.ts';
import type { Recovered } from './recovered.ts';
import { checkSettings, type Settings } from './settings.ts';

/** What one process says to another about all groups that both have. */
export interface BeatFrame {
  readonly cluster: string;
  readonly from: MemberId;
  readonly to: MemberId;
  /** Drawn at each start of the sender. */
  readonly incarnation: number;
  /** Heartbeats and the answers to them, of any groups. */
  readonly beats: readonly Message[];
}

export type GroupsEvent =
  | { readonly kind: 'tick' }
  | { readonly kind: 'group'; readonly group: GroupId; readonly event: RaftEvent }
  | { readonly kind: 'frame'; readonly frame: BeatFrame };

export interface GroupEffects {
  readonly group: GroupId;
  readonly effects: Effects;
}

export interface GroupsEffects {
  /** What each group wants that was stepped; heartbeats and their answers are in the frames. */
  readonly groups: GroupEffects[];
  readonly frames: BeatFrame[];
  /** The event was not taken. */
  refused: OpError | null;
}

export interface GroupsOptions {
  readonly cluster: string;
  readonly self: MemberId;
  readonly settings: Settings;
  readonly random: Random;
}

interface Peer {
  incarnation: number | null;
  ticksSinceHeard: number;
  isLost: boolean;
  readonly groups: Set<GroupId>;
}

interface Group {
  readonly core: RaftCore;
  /** The members as they were when last looked at. */
  members: readonly MemberId[];
}

interface Outcome {
  readonly out: GroupsEffects;
  readonly beats: Map<MemberId, Message[]>;
}

export class Groups {
  readonly #options: GroupsOptions;
  readonly #incarnation: number;
  readonly #groups = new Map<GroupId, Group>();
  readonly #awake = new Set<GroupId>();
  readonly #peers = new Map<MemberId, Peer>();
  #ticksSinceBeat = 0;

  constructor(options: GroupsOptions) {
    checkSettings(options.settings);
    this.#options = options;
    this.#incarnation = options.random.below(2 ** 47);
  }

  get size(): number {
    return this.#groups.size;
  }
  /** Groups that tick. */
  get awake(): number {
    return this.#awake.size;
  }

  core(group: GroupId): RaftCore | null {
    return this.#groups.get(group)?.core ?? null;
  }

  add(group: GroupId, recovered: Recovered): void {
    if (this.#groups.has(group)) throw new OpError('RAFT_GROUP_EXISTS', { group });
    const { cluster, self, settings, random } = this.#options;
    const core = new RaftCore({ identity: { cluster, group, self }, settings, random, recovered });
    this.#groups.set(group, { core, members: [] });
    this.#awake.add(group);
    this.#noteMembers(group);
  }

  remove(group: GroupId): void {
    this.#setPeers(group, []);
    this.#groups.delete(group);
    this.#awake.delete(group);
  }

  step(event: GroupsEvent): GroupsEffects {
    const out: GroupsEffects = { groups: [], frames: [], refused: null };
    const beats = new Map<MemberId, Message[]>();
    if (event.kind === 'tick') this.#tick(out, beats);
    else if (event.kind === 'frame') this.#receive(event.frame, out, beats);
    else if (this.#groups.has(event.group)) this.#stepGroup(event, out, beats);
    else out.refused = new OpError('RAFT_GROUP_UNKNOWN', { group: event.group });
    for (const [to, list] of beats) out.frames.push(this.#frame(to, list));
    return out;
  }

  #frame(to: MemberId, beats: readonly Message[]): BeatFrame {
    return { cluster: this.#options.cluster, from: this.#options.self, to, incarnation: this.#incarnation, beats };
  }

  #tick(out: GroupsEffects, beats: Map<MemberId, Message[]>): void {
    const { electionTicks, heartbeatTicks } = this.#options.settings;
    for (const group of [...this.#awake]) this.#stepGroup({ group, event: { kind: 'tick' } }, out, beats);
    for (const [member, peer] of this.#peers) {
      peer.ticksSinceHeard++;
      if (peer.ticksSinceHeard < electionTicks || peer.isLost) continue;
      peer.isLost = true;
      this.#wakeGroups(member, peer, { out, beats });
    }
    this.#ticksSinceBeat++;
    if (this.#ticksSinceBeat < heartbeatTicks) return;
    this.#ticksSinceBeat = 0;
    for (const member of this.#peers.keys()) if (!beats.has(member)) beats.set(member, []);
  }

  #receive(frame: BeatFrame, out: GroupsEffects, beats: Map<MemberId, Message[]>): void {
    const { cluster, self } = this.#options;
    if (frame.cluster !== cluster || frame.to !== self) {
      const reason = `a frame for member ${frame.to} of cluster ${frame.cluster}`;
      out.refused = new OpError('RAFT_MESSAGE_MISDIRECTED', { reason });
      return;
    }
    const peer = this.#peers.get(frame.from);
    // A newcomer knows nobody, and a member that was away may not know its leader: each group judges its beats for itself. That a
    // stranger's process lives, as one that was removed goes on to say, concerns nobody.
    if (peer !== undefined) this.#noteAlive(peer, frame, { out, beats });
    for (const message of frame.beats) {
      // A group that this process does not have, or no more.
      if (!this.#groups.has(message.group)) continue;
      this.#stepGroup({ group: message.group, event: { kind: 'message', message } }, out, beats);
    }
  }

  #noteAlive(peer: Peer, { from, incarnation }: BeatFrame, outcome: Outcome): void {
    peer.ticksSinceHeard = 0;
    peer.isLost = false;
    if (peer.incarnation !== null && peer.incarnation !== incarnation) this.#wakeGroups(from, peer, outcome);
    peer.incarnation = incarnation;
  }

  #wakeGroups(member: MemberId, { groups }: Peer, { out, beats }: Outcome): void {
    for (const group of groups) {
      const core = this.core(group);
      if (core?.isAsleep !== true) continue;
      this.#stepGroup({ group, event: { kind: 'wake', isLeaderLost: core.standing.leader === member } }, out, beats);
    }
  }

  #stepGroup(
    { group, event }: { readonly group: GroupId; readonly event: RaftEvent },
    out: GroupsEffects,
    beats: Map<MemberId, Message[]>,
  ): void {
    const core = this.core(group);
    if (core === null) return;
    const effects = core.step(event);
    if (core.isAsleep) this.#awake.delete(group);
    else this.#awake.add(group);
    if (effects.configuration !== null) this.#noteMembers(group);
    const { messages } = effects;
    if (messages.some(isBeat)) {
      for (const message of messages) if (isBeat(message)) listOf(beats, message.to).push(message);
      messages.splice(0, messages.length, ...messages.filter((message) => !isBeat(message)));
    }
    if (hasEffect(effects)) out.groups.push({ group, effects });
  }

  #noteMembers(group: GroupId): void {
    const configuration = this.core(group)?.status.configuration;
    if (configuration !== undefined) this.#setPeers(group, membersOf(configuration));
  }

  #setPeers(id: GroupId, members: readonly MemberId[]): void {
    const group = this.#groups.get(id);
    if (group === undefined) return;
    for (const member of group.members) {
      const peer = this.#peers.get(member);
      if (members.includes(member) || peer === undefined) continue;
      peer.groups.delete(id);
      if (peer.groups.size === 0) this.#peers.delete(member);
    }
    for (const member of members) {
      if (member === this.#options.self) continue;
      let peer = this.#peers.get(member);
      if (peer === undefined) {
        peer = { incarnation: null, ticksSinceHeard: 0, isLost: false, groups: new Set() };
        this.#peers.set(member, peer);
      }
      peer.groups.add(id);
    }
    group.members = members;
  }
}

function listOf(beats: Map<MemberId, Message[]>, member: MemberId): Message[] {
  let list = beats.get(member);
  if (list === undefined) {
    list = [];
    beats.set(member, list);
  }
  return list;
}

function isBeat({ kind }: Message): boolean {
  return kind === 'heartbeat' || kind === 'heartbeat-response';
}

function hasEffect(effects: Effects): boolean {
  return (
    effects.write !== null ||
    effects.role !== null ||
    effects.configuration !== null ||
    effects.refused !== null ||
    [effects.messages, effects.committed, effects.reads, effects.snapshots].some((list) => list.length > 0) ||
    effects.refusedProposals.length > 0 ||
    effects.refusedReads.length > 0
  );
}
